// The words that a model knows, for one that knows few: each is put into the prompt by a click.
import { host, input, make, type } from "./dom.js";

/** @param {ModelFacts} model */
export function showKnownWords({ name, knows }) {
    /** @param {string} word */
    const add = (word) => {
        const prompt = input("prompt");
        const text = prompt?.value.trimEnd() ?? "";
        type(prompt, text ? `${text} ${word}` : word);
    };
    const groups = Object.entries(knows).map(([group, words]) => make("div", {},
        make("dt", {}, group),
        make("dd", {}, ...words.map((word) => make("button", { type: "button", class: "known-word", onclick: () => add(word) }, word)))));
    const dialog = make("dialog", { class: "sheet known-words", "aria-label": `Words that ${name} knows`, onclose: () => { dialog.remove(); input("prompt")?.focus(); } },
        make("h2", {}, `Words that ${name} knows`), make("p", { class: "quiet" }, "Click a word to add it to the prompt."), make("dl", {}, ...groups),
        make("form", { method: "dialog" }, make("button", { class: "plain" }, "Close")));
    host().append(dialog);
    dialog.showModal();
}
