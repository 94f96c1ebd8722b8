// Between the search and the wall: how many there are and from when; or what can be done with those that are selected.
import { icon } from "./icon.js";
import { repeats } from "./library_repeat.js";
import { menu } from "./menu.js";
import { html, nothing } from "./vendor/lit.js";

const NEW = "new board";
const EXPORTS = [["pdf", "Contact sheet, to print (PDF)"], ["html", "Contact sheet, a page (HTML)"], ["training", "Training set, with captions beside the pictures"]];

/**
 * @typedef {ReturnType<typeof import("./library_acts.js").libraryActs>} Acts
 * @typedef {ReturnType<typeof import("./library_selection.js").librarySelection>} Selection
 */

/**
 * `board` is the one that is looked at.
 * @param {{ total: number | null, selection: Selection, facts: LibraryFacts | null, acts: Acts, takers: Record<string, string>, isBin: boolean, board: LibraryBoard | undefined }} shown
 */
export function libraryLine({ total, selection, facts, acts, takers, isBin, board }) {
    const count = selection.size();
    if (!count) return html`<div class="library-line"><p>${total === null ? "" : `${total.toLocaleString()} ${total === 1 ? "picture" : "pictures"}`}</p><p class="library-when quiet"></p>
        ${isBin && total ? button("bin", "Empty the bin", () => acts.purge(true)) : nothing}</div>`;
    return html`<div class="library-line chosen" role="toolbar" aria-label="Selected pictures"><p><strong>${count.toLocaleString()} selected${selection.isFull() && (total ?? 0) > count ? ", the most at once" : ""}</strong></p>
        ${isBin ? html`${button("undo", "Restore", acts.restore)}${button("bin", "Delete for good", () => acts.purge(false))}` : html`
            ${button("star", "Star", acts.star)}${button("tag", "Tag", acts.tag)}${boardMenu(facts?.boards ?? [], acts)}${board ? onBoard(board, facts?.boards ?? [], acts) : nothing}
            ${count === 2 ? button("compare", "Compare", acts.compare) : nothing}
            ${count === 1 ? menu({ face: face("send", "Send to"), look: "plain" }, Object.entries(takers), acts.send) : nothing}
            ${count === 1 && facts ? menu({ face: face("another", "More like this"), look: "plain" }, likenesses(facts), acts.like) : nothing}
            ${menu({ face: face("another", "Do the same"), look: "plain" }, repeats(facts?.boards ?? [], count), acts.repeat)}
            ${button("save", "Download", () => acts.handOn("files"))}${menu({ face: face("picture", "Export"), look: "plain" }, EXPORTS, (form) => acts.handOn(form, board?.name))}${button("bin", "Delete", acts.bin)}`}
        ${button("remove", "Clear", selection.clear)}</div>`;
}

/**
 * In which ways others can be like a picture, each as it is.
 * @param {LibraryFacts} facts
 * @returns {["like" | "alike", string][]}
 */
export const likenesses = ({ about, sees }) => [...(about ? [/** @type {["like", string]} */ (["like", "Prompts that mean the same"])] : []), ["alike", sees ? "Shows something similar" : "Looks alike: colours and layout"]];

/**
 * @param {LibraryBoard[]} boards
 * @param {Acts} acts
 */
const boardMenu = (boards, acts) => menu({ face: face("board", "Add to board"), look: "plain" }, [...boards.map(({ id, name }) => [id, name]), [NEW, "New board…"]],
    (id) => (id === NEW ? acts.newBoard() : acts.put(id)));

/**
 * @param {LibraryBoard} board
 * @param {LibraryBoard[]} boards
 * @param {Acts} acts
 */
function onBoard(board, boards, acts) {
    const others = boards.filter(({ id }) => id !== board.id);
    return html`${others.length ? menu({ face: face("next", "Move to"), look: "plain" }, others.map(({ id, name }) => [id, name]), (to) => acts.move(board, to)) : nothing}
        ${button("less", "Remove from the board", () => acts.takeOff(board))}`;
}

/**
 * @param {import("./icon.js").IconName} name
 * @param {string} words
 */
const face = (name, words) => html`${icon(name)}<span class="act-word">${words}</span>`;

/**
 * @param {import("./icon.js").IconName} name
 * @param {string} words
 * @param {() => unknown} act
 */
const button = (name, words, act) => html`<button type="button" class="plain" title=${words} @click=${act}>${face(name, words)}</button>`;
