// The styles: a dialog of all of them with their small pictures, to search and to choose from.
import { host, make, part, parts } from "./dom.js";
import { ask, facts, onValues, value } from "./form.js";
import { icon } from "./icon.js";

// How long a search rests before it is asked for, in milliseconds.
const REST = 150;
const LOST = "The studio did not answer. Check the connection and try again.";
const chosen = () => value("styles") ?? [];
const model = () => facts()?.model.id;
// What the open dialog does when another style is chosen on the form.
/** @type {(() => void) | null} */
let mark = null;
onValues(() => mark?.());

/** @param {Ask} server */
export function openStyleBrowser(server) {
    // What is pressed here; the form follows a moment later.
    let picked = chosen();
    let total = 0;
    let serial = 0;
    /** @type {Timer} */
    let timer;
    // The one that is asked to be deleted.
    /** @type {string | null} */
    let doomed = null;
    const search = make("input", { type: "search", placeholder: "Search names and words", "aria-label": "Search", oninput: () => { clearTimeout(timer); timer = setTimeout(list, REST); } });
    const grid = make("div", { class: "shelf-cards", role: "list", "aria-label": "Styles" });
    const more = make("div", { class: "shelf-more" });
    const none = make("p", { class: "quiet" });
    // Files that cannot be read, and why.
    const faults = make("div", { class: "faults" });
    const line = make("p", { class: "note", role: "status" });
    const dialog = make("dialog", { class: "desk shelf-desk", "aria-label": "Styles", onclose: () => { dialog.remove(); mark = null; } },
        make("header", {}, make("div", { class: "desk-tools" }, search), make("div", { class: "desk-ends" }, make("button", { type: "button", class: "plain done", onclick: () => { dialog.close(); } }, "Done"))),
        make("div", { class: "shelf-body" }, make("div", { class: "shelf-list" }, grid, none, more, faults)),
        make("div", { class: "desk-foot" }, line));
    mark = () => {
        picked = chosen();
        show();
    };
    const watcher = new IntersectionObserver(([{ isIntersecting }]) => { if (isIntersecting && grid.children.length < total) grow(serial); }, { root: grid.parentElement, rootMargin: "400px" });
    host().append(dialog);
    dialog.showModal();
    search.focus();
    watcher.observe(more);
    list();

    function show() {
        for (const card of parts(grid, ":scope > *")) part(card, ".shelf-pick").setAttribute("aria-pressed", String(picked.includes(card.dataset.id)));
        const count = picked.length;
        line.textContent = count > 1 ? `${count} chosen, applied in the order in which they were chosen` : count ? "1 chosen" : "";
    }

    function list() {
        total = 0;
        grow(++serial, true);
    }

    /**
     * @param {any} mine
     * @param {boolean} [anew]
     */
    async function grow(mine, anew = false) {
        const start = anew ? 0 : grid.children.length;
        const answer = (await server.styles({ model: model(), search: search.value, start })) ?? { fault: LOST };
        if (mine !== serial || !dialog.open) return;
        if (answer.fault) { line.textContent = answer.fault; return; }
        if (!anew && start !== grid.children.length) return;
        total = answer.total;
        faults.replaceChildren(...answer.faults.map((/** @type {any} */ fault) => make("p", { class: "fault" }, fault)));
        if (anew) grid.replaceChildren();
        grid.append(...answer.styles.map(card));
        none.textContent = total ? "" : search.value ? "Nothing is called so." : "There is none for this model yet.";
        show();
        // While the end is still in view there is room for more.
        watcher.unobserve(more);
        watcher.observe(more);
    }

    /** @param {any} style */
    function card(style) {
        const face = make("span", { class: "shelf-face", "aria-hidden": "true" }, ...(style.picture ? [make("img", { src: style.picture, alt: "", loading: "lazy", draggable: "false" })] : [style.name.slice(0, 1).toUpperCase()]));
        const pick = make("button", { type: "button", class: "shelf-pick", "aria-pressed": "false", "aria-label": `Choose ${style.name}`, title: style.words, onclick: () => turn(style.id) },
            face, make("span", { class: "lora-name" }, style.name), make("span", { class: "quiet style-words" }, style.words));
        const root = make("article", { class: "shelf-card", role: "listitem", "data-id": style.id }, pick);
        if (style.own) root.append(make("button", { type: "button", class: "shelf-star", title: "Delete", "aria-label": `Delete ${style.name}`, onclick: ({ currentTarget }) => drop(style, root, currentTarget) }, icon("remove")));
        return root;
    }

    /** @param {any} ids */
    function choose(ids) {
        picked = ids;
        show();
        ask("choose", { field: "styles", value: ids });
    }

    /** @param {string} id */
    const turn = (id) => choose(picked.includes(id) ? picked.filter((/** @type {any} */ one) => one !== id) : [...picked, id]);

    /**
     * Deleting is asked for twice.
     * @param {any} style
     * @param {HTMLElement} root
     * @param {any} button
     */
    async function drop(style, root, button) {
        if (doomed !== style.id) {
            doomed = style.id;
            button.classList.add("sure");
            line.textContent = `Press once more to delete “${style.name}”.`;
            return;
        }
        const answer = (await server.forget({ id: style.id })) ?? { fault: LOST };
        if (answer.fault) { line.textContent = answer.fault; return; }
        root.remove();
        total -= 1;
        choose(picked.filter((/** @type {any} */ one) => one !== style.id));
        line.textContent = `“${style.name}” is deleted.`;
    }
}
