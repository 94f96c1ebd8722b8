// The words that a model knows, for one that knows few, with pictures of things: each is put into the prompt by a click.
import { host, input, make, type } from "./dom.js";

/**
 * The picture of a word, from the sheet that has one of each; nothing for a word without.
 * @param {ModelFacts["pictures"]} pictures
 * @param {string} word
 */
function pictureOf(pictures, word) {
    const place = pictures ? pictures.words.indexOf(word) : -1;
    if (!pictures || place < 0) return [];
    const { address, columns, words } = pictures;
    const rows = Math.ceil(words.length / columns);
    const picture = make("span", { class: "word-picture" });
    picture.style.backgroundImage = `url("${address}")`;
    picture.style.backgroundSize = `${100 * columns}% ${100 * rows}%`;
    // Of what a sheet is larger than its square, such a share is to the left of it and above.
    const [left, above] = [[place % columns, columns], [Math.floor(place / columns), rows]].map(([at, of]) => (of > 1 ? (100 * at) / (of - 1) : 0));
    picture.style.backgroundPosition = `${left}% ${above}%`;
    return [picture];
}

/** @param {ModelFacts} model */
export function showKnownWords({ name, knows, pictures }) {
    /** @param {string} word */
    const add = (word) => {
        const prompt = input("prompt");
        const text = prompt?.value.trimEnd() ?? "";
        type(prompt, text ? `${text} ${word}` : word);
    };
    const groups = Object.entries(knows).map(([group, words]) => make("div", {},
        make("dt", {}, group),
        make("dd", {}, ...words.map((word) => make("button", { type: "button", class: "known-word", onclick: () => add(word) }, ...pictureOf(pictures, word), word)))));
    const dialog = make("dialog", { class: "sheet known-words", "aria-label": `Words that ${name} knows`, onclose: () => { dialog.remove(); input("prompt")?.focus(); } },
        make("h2", {}, `Words that ${name} knows`), make("p", { class: "quiet" }, "Click a word to add it to the prompt."), make("dl", {}, ...groups),
        make("form", { method: "dialog" }, make("button", { class: "plain" }, "Close")));
    host().append(dialog);
    dialog.showModal();
}
