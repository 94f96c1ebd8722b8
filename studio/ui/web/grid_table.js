// The cells of a grid with their labels always in sight, and the pages of its third axis.
import { part, parts, target } from "./dom.js";
import { sharpAddress } from "./picture.js";
import { html, nothing, repeat } from "./vendor/lit.js";

/**
 * What of a grid is shown: its cells by their place, which axis stands across, down and as pages, the page, and whether in full.
 * @typedef {{ cells: Map<string, GridCell | GridPicture>, order: number[], page: number, sharp: boolean, open: (key: string) => void }} Shown
 */

/**
 * Where a cell stands that is so far across and down.
 * @param {Shown} shown
 * @param {number} x
 * @param {number} y
 */
const placeOf = ({ order, page }, x, y) => {
    const at = [0, 0, 0];
    [at[order[0]], at[order[1]], at[order[2]]] = [x, y, page];
    return at.join();
};

/**
 * The places of all cells on the page, row by row.
 * @param {GridHead} grid
 * @param {Shown} shown
 */
export const places = (grid, shown) => labels(grid, shown, 1).flatMap((_, y) => labels(grid, shown, 0).map((_, x) => placeOf(shown, x, y)));

/**
 * @param {GridHead} grid
 * @param {Shown} shown
 * @param {number} place
 */
const labels = (grid, { order }, place) => grid.axes[order[place]]?.labels ?? [""];

/**
 * @param {GridHead} grid
 * @param {Shown} shown
 */
export function gridTable(grid, shown) {
    /** @param {number} place */
    const title = (place) => grid.axes[shown.order[place]]?.title ?? "";
    const across = labels(grid, shown, 0);
    return html`<table @keydown=${step}><caption class="unseen">${grid.axes.map((axis) => axis.title).join(", ")}</caption>
        <thead><tr><th class="corner" scope="col"><span>${title(0)}</span><span>${title(1)}</span></th>${across.map((label) => html`<th scope="col">${label}</th>`)}</tr></thead>
        <tbody>${labels(grid, shown, 1).map((label, y) => html`<tr><th scope="row">${label}</th>${repeat(across, (_, x) => placeOf(shown, x, y), (_, x) => {
            const place = placeOf(shown, x, y);
            return html`<td data-x=${x} data-y=${y} data-place=${place}>${cellOf(shown.cells.get(place), shown)}</td>`;
        })}</tr>`)}</tbody></table>`;
}

/**
 * @param {GridCell | GridPicture | undefined} cell
 * @param {Shown} shown
 */
function cellOf(cell, { sharp, open }) {
    if (!cell) return nothing;
    const words = cell.labels.join(", ");
    if ("done" in cell) return html`<button type="button" class="look grid-look" aria-label=${`Open: ${words}`} @click=${() => open(cell.key)}><img src=${sharp ? sharpAddress(cell) : cell.shown} alt=${words} width=${cell.width} height=${cell.height} loading="lazy"></button>`;
    if (cell.error) return html`<p class="grid-wrong" title=${cell.error} tabindex="0">${cell.error}</p>`;
    return cell.look ? html`<img class="grid-making" src=${cell.look} alt="">` : html`<div class="grid-waits"></div>`;
}

/**
 * Arrows lead from cell to cell.
 * @param {KeyboardEvent} event
 */
function step(event) {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const from = target(event)?.closest("td");
    if (!by || !from) return;
    event.preventDefault();
    const to = from.closest("table")?.querySelector(`td[data-x="${Number(from.dataset.x) + by[0]}"][data-y="${Number(from.dataset.y) + by[1]}"]`);
    if (to) parts(to, "button, p")[0]?.focus();
}

/**
 * @param {GridHead | null} grid
 * @param {Shown} shown
 * @param {(page: number) => void} leaf
 */
export function gridPages(grid, { order, page }, leaf) {
    const axis = grid?.axes[order[2]];
    const deep = axis?.labels ?? [];
    /** @param {any} event */
    const turn = ({ key, currentTarget: row }) => {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[/** @type {string} */ (key)];
        if (!by) return;
        leaf((page + by + deep.length) % deep.length);
        part(row, "[aria-pressed=true]").focus();
    };
    return html`<div class="grid-pages" role="group" aria-label=${axis?.title ?? "Pages"} ?hidden=${deep.length < 2} @keydown=${turn}><span class="quiet">${axis?.title ?? ""}</span>
        ${deep.map((label, at) => html`<button type="button" aria-pressed=${String(at === page)} tabindex=${at === page ? "0" : "-1"} @click=${() => leaf(at)}>${label}</button>`)}</div>`;
}
