// Beside the library's pictures: all of them, stars and the bin; boards; models, LoRAs, tags and kinds with how many there are; the disk.
import { icon } from "./icon.js";
import { CARRIED } from "./library_grid.js";
import { html, nothing } from "./vendor/lit.js";

// So many of a kind are shown before the rest is asked for.
const FEW = 8;

/**
 * `search` says what is searched for, `newBoard`, `rename` and `forget` are about boards, onto which pictures are dropped.
 * @typedef {{ has: (term: string) => boolean, toggle: (term: string) => void, place: (term: string) => void, at: () => string, newBoard: () => unknown, rename: (board: LibraryBoard) => unknown,
 *     forget: (board: LibraryBoard) => unknown, whole: Set<string>, more: (title: string) => void, drop: (board: LibraryBoard, id: string) => unknown }} Side
 */

/**
 * @param {LibraryFacts | null} facts
 * @param {Side} side
 */
export function librarySide(facts, side) {
    if (!facts) return nothing;
    const { boards, facets, all, starred, binned, used, free, cleared } = facts;
    return html`<nav aria-label="Library">
            ${place(side, "", "All pictures", all)}${place(side, "star:yes", "Starred", starred)}${binned ? place(side, "bin:yes", "Bin", binned) : nothing}</nav>
        <section><h2>Boards<button type="button" class="act" aria-label="New board" title="New board" @click=${side.newBoard}>${icon("add")}</button></h2>
            ${boards.length ? boards.map((board) => boardRow(board, side)) : html`<p class="quiet">A board keeps related pictures together.</p>`}</section>
        ${facets.filter(({ values }) => values.length).map(({ title, values }) => facet(title, values, side))}
        <p class="library-disk quiet">${used} of pictures · ${free} free on the disk${cleared ? html`<br>${cleared}` : nothing}</p>`;
}

/**
 * @param {Side} side
 * @param {string} term
 * @param {string} words
 * @param {number} count
 */
const place = (side, term, words, count) => html`<button type="button" class="library-place" aria-current=${side.at() === term ? "true" : nothing} @click=${() => side.place(term)}>
    <span>${words}</span><span class="quiet">${count.toLocaleString()}</span></button>`;

/**
 * @param {LibraryBoard} board
 * @param {Side} side
 */
const boardRow = (board, side) => html`<div class="library-board" @dragover=${over} @dragleave=${(event) => event.currentTarget.classList.remove("over")} @drop=${(event) => { event.currentTarget.classList.remove("over"); side.drop(board, event.dataTransfer.getData(CARRIED)); }}><button type="button" class="library-place" aria-pressed=${String(side.has(board.term))} @click=${() => side.toggle(board.term)}>
        ${board.cover ? html`<img src=${board.cover} alt="">` : html`<span class="library-blank"></span>`}<span>${board.name}</span><span class="quiet">${board.count.toLocaleString()}</span></button>
    <button type="button" class="act" aria-label=${`Rename ${board.name}`} title="Rename" @click=${() => side.rename(board)}>${icon("pen")}</button>
    <button type="button" class="act" aria-label=${`Remove ${board.name}`} title="Remove the board; its pictures stay" @click=${() => side.forget(board)}>${icon("remove")}</button></div>`;

/** @param {any} event Pictures of the library are taken here, and nothing else. */
function over(event) {
    if (![...event.dataTransfer.types].includes(CARRIED)) return;
    event.preventDefault();
    event.currentTarget.classList.add("over");
}

/**
 * @param {string} title
 * @param {LibraryFacet[]} values
 * @param {Side} side
 */
function facet(title, values, side) {
    const isWhole = side.whole.has(title);
    const shown = isWhole ? values : values.filter(({ term }, at) => at < FEW || side.has(term));
    return html`<section aria-label=${title}><h2>${title}</h2>${shown.map(({ name, count, term }) => html`<button type="button" class="library-place" aria-pressed=${String(side.has(term))} @click=${() => side.toggle(term)}>
        <span title=${name}>${name}</span><span class="quiet">${count.toLocaleString()}</span></button>`)}
        ${values.length > FEW ? html`<button type="button" class="library-more" @click=${() => side.more(title)}>${isWhole ? "Fewer" : `All ${values.length}`}</button>` : nothing}</section>`;
}
