// Below a prompt: its tokens, how it is understood, and what is wrong with it, whenever the words have rested.
import { input, part } from "./dom.js";
import { facts, onFacts, onValues } from "./form.js";
import "./prompt_weights.js";
import { html, nothing, render } from "./vendor/lit.js";

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
    /** @type {PromptView} */
    let view = {};
    let text = "";
    // A fault is told when the words have rested for longer.
    /** @type {PromptFault | null} */
    let fault = null;
    let before = "";
    let serial = 0;
    let typed = 0;
    /** @type {Timer} */
    let waiting;

    onFacts(show);
    onValues((/** @type {Values} */ values) => {
        const now = JSON.stringify(asked.map((/** @type {string} */ key) => values[key] ?? null));
        if (now === before) return;
        before = now;
        typed = performance.now();
        fault = null;
        show();
        clearTimeout(waiting);
        waiting = setTimeout(() => read(Object.fromEntries(asked.map((/** @type {string} */ key) => [key, values[key] ?? null]))), REST);
    });

    /** @param {Values} values */
    async function read(values) {
        const mine = ++serial;
        const told = await server.told(values);
        // A newer text is on its way, or waits: this one is no longer what is written.
        if (mine !== serial || typeof told.fault === "string" || JSON.stringify(asked.map((/** @type {string} */ key) => values[key])) !== before) return;
        draw(told, values[name] ?? "");
    }

    /**
     * @param {PromptView} told
     * @param {string} words
     */
    function draw(told, words) {
        clearTimeout(waiting);
        [view, text] = [told, words];
        show();
        if (!told.fault) return;
        waiting = setTimeout(() => { fault = told.fault ?? null; show(); }, Math.max(0, PATIENCE - (performance.now() - typed)));
    }

    function show() {
        const { unknown = [], ignored = "", seen = [], tokens = "" } = view;
        const said = unknown.length ? html`Not known to this model: ${unknown.map((word, at) => html`${at ? ", " : ""}<b>${word}</b>`)}` : ignored;
        const model = facts()?.model;
        const list = name === "prompt" && model && Object.keys(model.knows).length > 0;
        render(html`<div class="words-line"><span class="words-said">${said}</span>${list ? html`<button type="button" class="words-list" @click=${async () => (await import("./known_words.js")).showKnownWords(model)}>Words it knows</button>` : nothing}<span class="words-tokens">${tokens}</span></div><p class="words-strip">${
            seen.map(stretch)}</p><div class="words-fault" role="status">${fault ? wrong(fault) : nothing}</div>`, root);
        root.classList.toggle("bare", !root.textContent);
    }

    /**
     * Brackets and numbers that weigh are told as a weight.
     * @param {Stretch} stretch
     */
    function stretch({ text: words, weight, kind }) {
        if (kind === "weight") return nothing;
        const weighed = weight !== 1 && words.trim();
        const title = [KINDS[kind], weighed ? `Weight ${round(weight)}` : ""].filter(Boolean).join(" · ") || nothing;
        if (!weighed) return html`<span class=${kind} title=${title}>${words}</span>`;
        const by = Math.min(1, Math.abs(Math.log(Math.max(weight, 0.1))) / 0.7).toFixed(2);
        return html`<span class=${`${kind} ${weight > 1 ? "stronger" : "weaker"}`} title=${title} style=${`--by: ${by}`}>${words}<small>×${round(weight)}</small></span>`;
    }

    /** @param {number} weight */
    const round = (weight) => String(Number(weight.toFixed(2)));

    /** @param {PromptFault} fault */
    function wrong({ message, hint, before: left, at = "", after, position }) {
        const words = html`<p>${`${message} ${hint}`.trim()}</p>`;
        if (position === undefined) return words;
        return html`<button type="button" title="Go there" @click=${() => go(position, at)}>${left}<mark>${at || " "}</mark>${after}</button>${words}`;
    }

    /**
     * Positions are counted in characters, which may be two units of a string here.
     * @param {number} position
     * @param {string} at
     */
    function go(position, at) {
        const entry = input(name);
        const start = [...text].slice(0, position).join("").length;
        entry?.focus();
        entry?.setSelectionRange(start, start + at.length);
    }
}
