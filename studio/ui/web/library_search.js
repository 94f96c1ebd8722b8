// What is searched for: words as they are typed, and filters, which become chips and words again.
import { icon } from "./icon.js";
import { make, part } from "./dom.js";
import { html, live, nothing, render, repeat } from "./vendor/lit.js";

// Milliseconds that typing rests until is searched.
const REST = 180;
// A filter, or words in quotes, as the server reads them: excluded or not, about what, and the value.
const TERM = /^-?(?:[a-z]\w*:(?:[<>]=?|=)?(?:"(?:\\.|[^"\\])*"|[^\s"]+)|"(?:\\.|[^"\\])+")$/i;
const WORD = /-?(?:[^\s"]*"(?:\\.|[^"\\])*"|[^\s"]+)/g;

/**
 * `changed` is told what is searched for.
 * @param {{ changed: (query: string) => unknown }} listener
 */
export function librarySearch({ changed }) {
    /** @type {string[]} */
    let chips = [];
    let draft = "";
    let fault = "";
    let said = "";
    /** @type {LibraryFilter[]} */
    let filters = [];
    /** @type {Timer} */
    let resting;
    const element = make("div", { class: "library-search", role: "search" });

    const query = () => [...chips, draft.trim()].filter(Boolean).join(" ");

    function tell() {
        clearTimeout(resting);
        if (query() === said) return;
        said = query();
        changed(said);
    }

    /** Filters that are written to their end become chips; `all`: also the last word. */
    function collect(all = false) {
        const words = draft.match(WORD) ?? [];
        const isOpen = !all && !/\s$/.test(draft);
        const found = words.filter((word, at) => TERM.test(word) && !(isOpen && at === words.length - 1));
        if (!found.length) return;
        chips = [...new Set([...chips, ...found])];
        draft = words.filter((word) => !found.includes(word)).join(" ") + (isOpen || !words.length ? "" : " ");
        if (!draft.trim()) draft = "";
    }

    /** @param {string} text */
    function type(text) {
        draft = text;
        collect();
        draw();
        clearTimeout(resting);
        resting = setTimeout(tell, REST);
    }

    /** @param {KeyboardEvent} event */
    function key(event) {
        const entry = /** @type {HTMLInputElement} */ (event.target);
        if (event.key === "Enter") {
            collect(true);
            draw();
            tell();
        } else if (event.key === "Backspace" && !entry.selectionStart && !entry.selectionEnd && chips.length) {
            event.preventDefault();
            edit(chips.length - 1);
        } else if (event.key === "Escape" && query()) {
            event.preventDefault();
            clear();
        } else return;
        event.stopPropagation();
    }

    /**
     * A chip becomes words again.
     * @param {number} at
     */
    function edit(at) {
        draft = `${draft.trimEnd()} ${chips[at]}`.trimStart();
        chips = chips.toSpliced(at, 1);
        draw();
        entry().focus();
    }

    /** @param {number} at */
    function drop(at) {
        chips = chips.toSpliced(at, 1);
        draw();
        tell();
        entry().focus();
    }

    function clear() {
        [chips, draft] = [[], ""];
        draw();
        tell();
        entry().focus();
    }

    const entry = () => /** @type {HTMLInputElement} */ (part(element, "input"));

    /** @param {LibraryFilter} filter */
    function hint({ example }) {
        type(`${draft.trimEnd()} ${example.split(" ")[0].split(" or ")[0]}`.trimStart());
        part(element, "[popover]").hidePopover();
        entry().focus();
    }

    function draw() {
        render(html`<div class="library-terms">${repeat(chips, (chip) => chip, (chip, at) => html`<span class="library-chip">
                <button type="button" aria-label=${`Edit ${chip}`} title="Edit" @click=${() => edit(at)}>${chip}</button>
                <button type="button" class="library-drop" aria-label=${`Remove ${chip}`} @click=${() => drop(at)}>${icon("remove")}</button></span>`)}
            <input type="search" data-search aria-label="Search the library" placeholder=${chips.length ? "" : "Search: words, -not these, lora:ink, size:>512"} autocomplete="off" spellcheck="false"
                aria-invalid=${String(Boolean(fault))} .value=${live(draft)} @input=${(event) => type(event.target.value)} @keydown=${key} @blur=${() => { collect(true); draw(); tell(); }}></div>
            ${query() ? html`<button type="button" class="act" aria-label="Clear the search" title="Clear the search" @click=${clear}>${icon("remove")}</button>` : nothing}
            <button type="button" class="act" aria-label="What can be searched for" title="What can be searched for" @click=${(event) => event.currentTarget.nextElementSibling.togglePopover()}>${icon("about")}</button>
            <div class="library-hints" popover="auto"><table><caption class="unseen">What can be searched for</caption><tbody>
                <tr><th scope="row"><code>red house</code></th><td>both words, in the prompt, a note, a tag or a file’s name</td></tr>
                <tr><th scope="row"><code>"red house" -night</code></th><td>these words in this order, and without a word</td></tr>
                ${filters.map((filter) => html`<tr><th scope="row"><button type="button" @click=${() => hint(filter)}><code>${filter.example}</code></button></th><td>${filter.help}</td></tr>`)}</tbody></table></div>
            <p class="wrong" role="alert" ?hidden=${!fault}>${fault}</p>`, element);
    }

    draw();
    return {
        element,
        query,
        focus: () => entry().focus(),
        /** @param {string} term */
        has: (term) => chips.includes(term),
        /** @param {string} term A chip is put there, or taken away. */
        toggle(term) {
            chips = chips.includes(term) ? chips.filter((chip) => chip !== term) : [...chips, term];
            draw();
            tell();
        },
        /**
         * Another chip in place of all that are of these kinds.
         * @param {string[]} kinds
         * @param {string} term
         */
        instead(kinds, term) {
            chips = chips.filter((chip) => !kinds.some((kind) => chip.startsWith(`${kind}:`)));
            if (term) chips.push(term);
            draw();
            tell();
        },
        clear,
        /** @param {string} term This alone is searched for. */
        only(term) {
            [chips, draft] = [[term], ""];
            draw();
            tell();
        },
        /** @param {string} words */
        blame(words) {
            fault = words;
            draw();
        },
        /** @param {LibraryFilter[]} known */
        know(known) {
            filters = known;
            draw();
        },
    };
}
