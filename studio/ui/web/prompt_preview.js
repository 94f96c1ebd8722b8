// Below a prompt: its tokens, how it is understood, and what is wrong with it, whenever the words have rested.
import { input, make, part } from "./dom.js";
import { onValues } from "./form.js";
import "./prompt_weights.js";

/** @param {Island<null, { field: string, asked: string[] }>} island */
export function mount({ element, server, data: { field: name, asked } }) {
    // How long the words rest before they are read, and a fault before it is told, in milliseconds.
    const REST = 250;
    const PATIENCE = 900;
    // How each means of the language is called.
    /** @type {Record<string, string>} */
    const KINDS = {
        lora: "LoRA", embedding: "Embedding", wildcard: "Wildcard: a line of this list, drawn from the seed", variant: "Variants: drawn from the seed",
        edit: "Words that change at a step", alternate: "Words in turn, a step each", break: "BREAK: a new chunk of tokens", and: "AND: another prompt, mixed in",
        comment: "Comment: not read", matrix: "Divides the options of a prompt matrix",
    };

    const root = part(element, ".words");
    const said = make("span", { class: "words-said" });
    const tokens = make("span", { class: "words-tokens" });
    const strip = make("p", { class: "words-strip" });
    const fault = make("div", { class: "words-fault", role: "status" });
    root.append(make("div", { class: "words-line" }, said, tokens), strip, fault);
    root.classList.add("bare");
    let before = "";
    let serial = 0;
    let typed = 0;
    /** @type {Timer} */
    let waiting;

    onValues((/** @type {Values} */ values) => {
        const now = JSON.stringify(asked.map((/** @type {string} */ key) => values[key] ?? null));
        if (now === before) return;
        before = now;
        typed = performance.now();
        fault.replaceChildren();
        clearTimeout(waiting);
        waiting = setTimeout(() => read(Object.fromEntries(asked.map((/** @type {string} */ key) => [key, values[key] ?? null]))), REST);
    });

    /** @param {Values} values */
    async function read(values) {
        const mine = ++serial;
        const told = await server.told(values).catch(() => null);
        // A newer text is on its way, or waits: this one is no longer what is written.
        if (mine !== serial || !told || JSON.stringify(asked.map((/** @type {string} */ key) => values[key])) !== before) return;
        draw(told, values[name] ?? "");
    }

    /**
     * @param {any} told
     * @param {string} text
     */
    function draw(told, text) {
        clearTimeout(waiting);
        tokens.textContent = told.tokens ?? "";
        said.replaceChildren(...remarks(told));
        said.title = said.textContent;
        strip.replaceChildren(...(told.seen ?? []).flatMap(stretch));
        bare();
        if (!told.fault) return;
        const patience = Math.max(0, PATIENCE - (performance.now() - typed));
        waiting = setTimeout(() => { fault.replaceChildren(...wrong(told.fault, text)); bare(); }, patience);
    }

    const bare = () => root.classList.toggle("bare", !root.textContent);

    /** @param {any} given */
    function remarks({ unknown = [], ignored = "" }) {
        const words = unknown.flatMap((/** @type {string} */ word, /** @type {number} */ at) => [at ? ", " : "", make("b", {}, word)]);
        return words.length ? ["Not known to this model: ", ...words] : [ignored];
    }

    /**
     * Brackets and numbers that weigh are told as a weight.
     * @param {any} given
     */
    function stretch({ text, weight, kind }) {
        if (kind === "weight") return [];
        const weighed = weight !== 1 && text.trim();
        const part = make("span", { class: kind, title: [KINDS[kind], weighed ? `Weight ${round(weight)}` : ""].filter(Boolean).join(" · ") || null }, text);
        if (!weighed) return [part];
        part.classList.add(weight > 1 ? "stronger" : "weaker");
        part.style.setProperty("--by", Math.min(1, Math.abs(Math.log(Math.max(weight, 0.1))) / 0.7).toFixed(2));
        part.append(make("small", {}, `×${round(weight)}`));
        return [part];
    }

    /** @param {number} weight */
    const round = (weight) => String(Number(weight.toFixed(2)));

    /**
     * @param {any} given
     * @param {string} text
     */
    function wrong({ message, hint, before: left, at, after, position }, text) {
        const words = make("p", {}, `${message} ${hint}`.trim());
        if (position === undefined) return [words];
        const place = make("button", { type: "button", title: "Go there", onclick: () => go(text, position, at) }, left, make("mark", {}, at || " "), after);
        return [place, words];
    }

    /**
     * Positions are counted in characters, which may be two units of a string here.
     * @param {string} text
     * @param {any} position
     * @param {string} at
     */
    function go(text, position, at) {
        const entry = input(name);
        const start = [...text].slice(0, position).join("").length;
        entry?.focus();
        entry?.setSelectionRange(start, start + at.length);
    }
}
