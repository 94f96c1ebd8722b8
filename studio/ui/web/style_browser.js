// The styles: a dialog of cards with their small pictures, to search and to choose from.
import { host, make, part } from "./dom.js";
import { ask, facts, onValues, value } from "./form.js";
import { icon } from "./icon.js";
import { html, nothing, render, repeat } from "./vendor/lit.js";

// How long a search rests before it is asked for, in milliseconds.
const REST = 150;
/** @returns {string[]} */
const chosen = () => value("styles") ?? [];
// What the open dialog does when another style is chosen on the form.
/** @type {(() => void) | null} */
let mark = null;
onValues(() => mark?.());

/** @param {Server<{ styles: StylePage, forget: {} }>} server */
export function openStyleBrowser(server) {
    /** @type {StylePage} */
    let page = { styles: [], total: 0, faults: [] };
    // What is pressed here; the form follows a moment later.
    let picked = chosen();
    let search = "";
    // Whether the first of these styles came.
    let known = false;
    let serial = 0;
    /** @type {Timer} */
    let timer;
    // The one that is asked to be deleted; what is said of the last act.
    let doomed = "";
    let line = "";
    const dialog = make("dialog", { class: "desk shelf-desk", "aria-label": "Styles", onclose: () => { dialog.remove(); mark = null; } });
    mark = () => {
        picked = chosen();
        draw();
    };
    draw();
    host().append(dialog);
    dialog.showModal();
    part(dialog, "[type=search]").focus();
    const watcher = new IntersectionObserver(([{ isIntersecting }]) => { if (isIntersecting && page.styles.length < page.total) grow(serial, page.styles.length); }, { root: part(dialog, ".shelf-list"), rootMargin: "400px" });
    watcher.observe(part(dialog, ".shelf-more"));
    grow(++serial, 0);

    /** @param {string} words */
    function look(words) {
        search = words;
        clearTimeout(timer);
        timer = setTimeout(() => grow(++serial, 0), REST);
    }

    /**
     * More styles, from this one on; the first take the place of those that were there.
     * @param {number} mine
     * @param {number} start
     */
    async function grow(mine, start) {
        const answer = await server.styles({ model: facts()?.model.id, search, start });
        if (mine !== serial || !dialog.open) return;
        if (answer.fault !== undefined) return say(answer.fault);
        if (start && start !== page.styles.length) return;
        page = { ...answer, styles: start ? [...page.styles, ...answer.styles] : answer.styles };
        known = true;
        draw();
        // While the end is still in view there is room for more.
        watcher.unobserve(part(dialog, ".shelf-more"));
        watcher.observe(part(dialog, ".shelf-more"));
    }

    function draw() {
        const none = !known || page.total ? "" : search ? "Nothing has this name." : "There are none for this model yet.";
        const count = picked.length > 1 ? `${picked.length} chosen, applied in the order in which they were chosen` : picked.length ? "1 chosen" : "";
        render(html`<header><div class="desk-tools"><input type="search" placeholder="Search names and words" aria-label="Search" @input=${(event) => look(event.target.value)}></div>
                <div class="desk-ends"><button type="button" class="plain done" @click=${() => dialog.close()}>Done</button></div></header>
            <div class="shelf-body"><div class="shelf-list">
                <div class="shelf-cards" role="list" aria-label="Styles">${repeat(page.styles, ({ id }) => id, card)}</div><p class="quiet">${none}</p><div class="shelf-more"></div>
                <div class="faults">${page.faults.map((fault) => html`<p class="fault">${fault}</p>`)}</div></div></div>
            <div class="desk-foot"><p class="note" role="status">${line || count}</p></div>`, dialog);
    }

    /** @param {StyleCard} style */
    function card({ id, name, words, picture, own }) {
        return html`<div class="shelf-card" role="listitem" data-id=${id}>
            <button type="button" class="shelf-pick" aria-pressed=${String(picked.includes(id))} aria-label=${`Choose ${name}`} title=${words} @click=${() => turn(id)}>
                <span class="shelf-face" aria-hidden="true">${picture ? html`<img src=${picture} alt="" loading="lazy" draggable="false">` : name.slice(0, 1).toUpperCase()}</span>
                <span class="lora-name">${name}</span><span class="quiet style-words">${words}</span></button>
            ${own ? html`<button type="button" class=${doomed === id ? "shelf-star sure" : "shelf-star"} title="Delete" aria-label=${`Delete ${name}`} @click=${() => drop(id, name)}>${icon("remove")}</button>` : nothing}</div>`;
    }

    /** @param {string[]} ids */
    function choose(ids) {
        picked = ids;
        say("");
        ask("choose", { field: "styles", value: ids });
    }

    /** @param {string} id */
    const turn = (id) => choose(picked.includes(id) ? picked.filter((one) => one !== id) : [...picked, id]);

    /** @param {string} words */
    function say(words) {
        line = words;
        draw();
    }

    /**
     * Deleting is asked for twice.
     * @param {string} id
     * @param {string} name
     */
    async function drop(id, name) {
        if (doomed !== id) {
            doomed = id;
            return say(`Press once more to delete “${name}”.`);
        }
        const answer = await server.forget({ id });
        if (answer.fault !== undefined) return say(answer.fault);
        page = { ...page, styles: page.styles.filter((one) => one.id !== id), total: page.total - 1 };
        choose(picked.filter((one) => one !== id));
        say(`“${name}” is deleted.`);
    }
}
