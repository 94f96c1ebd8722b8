// The full view: one picture, one way back, arrows through all of them.
import { beforeAfter } from "./before_after.js";
import { host, make, target } from "./dom.js";
import { icon } from "./icon.js";
import { framed, pictureFacts } from "./picture.js";
import { html, nothing, render } from "./vendor/lit.js";

/**
 * `acts` says what can be done with the picture that is shown, `compare` holds it against what it was made from.
 * @param {{ all: () => Picture[], acts: (picture: Picture, more: { comparing: boolean, compare: () => void }) => Part, magnify: number, closed: (key: string) => unknown }} stage
 */
export function fullView({ all, acts, magnify, closed }) {
    let key = "";
    let comparing = false;
    const dialog = make("dialog", { class: "full", "aria-label": "Full view", onclose: () => closed(key), onkeydown: (event) => {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[/** @type {string} */ (event.key)];
        if (by && !target(event)?.closest("[popover]")) turn(by);
    } });
    dialog.addEventListener("cancel", (event) => {
        if (!comparing) return;
        event.preventDefault();
        comparing = false;
        draw();
    });
    host().append(dialog);

    function draw() {
        const pictures = all();
        const at = pictures.findIndex((picture) => picture.key === key);
        if (at < 0) return shut();
        const picture = pictures[at];
        comparing &&= Boolean(picture.before);
        dialog.classList.toggle("alone", pictures.length < 2);
        render(html`<header>
                <button type="button" class="plain back" @click=${shut}>${icon("back")}Back to results</button>
                <span class="quiet">${pictures.length > 1 ? `${at + 1} of ${pictures.length}` : ""}</span>
                <div>${acts(picture, { comparing, compare: () => { comparing = !comparing; draw(); } })}</div>
            </header>
            <div class="full-picture" @click=${(event) => { if (event.target === event.currentTarget) shut(); }}>
                ${step(-1, "back", "Previous picture")}
                <div class="full-frame" style=${framed(picture, magnify)}><img src=${picture.file} alt=${picture.prompt}>${comparing ? beforeAfter(picture) : nothing}</div>
                ${step(1, "next", "Next picture")}
            </div>
            <div class="full-said"><p class="full-prompt">${picture.prompt}</p>${pictureFacts(picture)}
                ${picture.check.length ? html`<p>${picture.check[1]}</p>` : nothing}
                ${[picture.how, picture.loras].filter(Boolean).map((line) => html`<p class="quiet">${line}</p>`)}</div>`, dialog);
    }

    /**
     * @param {number} by
     * @param {import("./icon.js").IconName} name
     * @param {string} label
     */
    const step = (by, name, label) => html`<button type="button" class="turn" aria-label=${label} @click=${() => turn(by)}>${icon(name)}</button>`;

    /** @param {number} by */
    function turn(by) {
        const pictures = all();
        const at = pictures.findIndex((picture) => picture.key === key);
        key = pictures[(at + by + pictures.length) % pictures.length].key;
        draw();
    }

    /** @param {string} wanted */
    function open(wanted) {
        key = wanted;
        draw();
        if (!dialog.open) dialog.showModal();
    }

    function shut() {
        if (dialog.open) dialog.close();
    }

    return { open, shut };
}
