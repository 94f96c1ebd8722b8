// Pictures of a comparison in large: one, with arrows along its row and its column; or two, one over the other or side by side.
import { beforeAfter } from "./before_after.js";
import { host, make, target } from "./dom.js";
import { icon } from "./icon.js";
import { panels } from "./panels.js";
import { framed, pictureActions } from "./picture.js";
import { html, nothing, render } from "./vendor/lit.js";

const MAGNIFY = 5;
/** @type {Record<string, number[]>} */
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/**
 * @param {ComparisonView} view
 * @param {ComparisonCell} cell
 */
const name = ({ columns }, { column }) => columns[column].contestant;

/**
 * @param {ComparisonView} view
 * @param {ComparisonCell} cell
 * @param {Part} [over]
 */
function frame(view, cell, over = nothing) {
    const size = { width: cell.width ?? 1, height: cell.height ?? 1 };
    return html`<div class="full-frame" style=${framed(size, MAGNIFY)}><img src=${cell.file} alt=${`${name(view, cell)}: ${view.lines[cell.line].prompt}`}>${over}</div>`;
}

/** @param {string} label */
function dialogOf(label) {
    const dialog = make("dialog", { class: "full versus-full", "aria-label": label, onclose: () => { dialog.remove(); } });
    /**
     * @param {Part} tools
     * @param {Part} pictures
     * @param {Part} words
     * @param {boolean} [two]
     */
    function draw(tools, pictures, words, two = false) {
        render(html`<header><button type="button" class="plain back" @click=${() => dialog.close()}>${icon("back")}Back to the comparison</button>${tools}</header>
            <div class=${two ? "full-picture two" : "full-picture"} @click=${(event) => { if (event.target === event.currentTarget) dialog.close(); }}>${pictures}</div><div class="full-said">${words}</div>`, dialog);
        if (dialog.isConnected) return;
        host().append(dialog);
        dialog.showModal();
    }
    return { dialog, draw };
}

/**
 * @param {ComparisonView} view
 * @param {ComparisonCell} cell
 */
export function showCell(view, cell) {
    const { dialog, draw } = dialogOf("Full view");
    /** @param {ComparisonCell} next */
    function put(next) {
        cell = next;
        const acts = pictureActions(cell, true, { .../** @type {Deeds} */ (panels.gallery), away: true, shut: () => dialog.close() });
        draw(html`<div>${acts}</div>`, frame(view, cell), html`<p class="full-prompt">${view.lines[cell.line].prompt}</p><p>${[name(view, cell), ...cell.said].join(" · ")}</p>
            ${cell.revised ? html`<p class="quiet">Revised prompt: ${cell.revised}</p>` : nothing}`);
    }
    dialog.addEventListener("keydown", (event) => {
        const step = STEPS[event.key];
        if (!step || target(event)?.closest("[popover]")) return;
        event.preventDefault();
        /** @param {ComparisonCell} other */
        const isAhead = (other) => (step[0] ? other.column === cell.column && (other.line - cell.line) * step[0] > 0 : other.line === cell.line && (other.column - cell.column) * step[1] > 0);
        const next = view.cells.filter((other) => other.file && isAhead(other)).at(step[0] + step[1] > 0 ? 0 : -1);
        if (next) put(next);
    });
    put(cell);
}

/**
 * @param {ComparisonView} view
 * @param {ComparisonCell} first
 * @param {ComparisonCell} second
 */
export function holdCells(view, first, second) {
    const { draw } = dialogOf("Two pictures");
    let aside = false;
    function put() {
        const over = beforeAfter({ before: first.file, fit: "pad", width: second.width ?? 1, height: second.height ?? 1 }, [name(view, first), name(view, second)]);
        draw(html`<button type="button" class="plain versus-beside" aria-pressed=${String(aside)} @click=${() => { aside = !aside; put(); }}>Side by side</button>`,
            aside ? [frame(view, first), frame(view, second)] : frame(view, second, over),
            [first, second].map((cell) => html`<p><strong>${name(view, cell)}</strong> ${cell.said.join(" · ")}</p>`), aside);
    }
    put();
}
