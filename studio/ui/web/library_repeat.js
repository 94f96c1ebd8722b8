// Do the same to these: the way of one picture for others, for a board or for a list of prompts.
import { host, make } from "./dom.js";

/**
 * What is done with a picture's way: what was written, a prompt a line; null where it was closed without.
 * @returns {Promise<string[] | null>}
 */
export function askPrompts() {
    return new Promise((resolve) => {
        const entry = make("textarea", { rows: "8", "aria-label": "Prompts, one a line" });
        /** @type {string[] | null} */
        let answer = null;
        const dialog = make("dialog", { class: "sheet", "aria-label": "Do the same with other prompts" });
        dialog.append(make("form", { method: "dialog", class: "asked", onsubmit: () => { answer = entry.value.split("\n").map((line) => line.trim()).filter(Boolean); } },
            make("h2", {}, "Do the same with other prompts"), entry, make("p", { class: "quiet" }, "One a line: a picture is made of each, with all else as it was."),
            make("div", { class: "asked-acts" }, make("button", { type: "button", class: "plain", onclick: () => { dialog.close(); } }, "Cancel"), make("button", { class: "plain first" }, "Make them"))));
        dialog.addEventListener("close", () => { dialog.remove(); resolve(answer); });
        host().append(dialog);
        dialog.showModal();
        entry.focus();
    });
}

/**
 * In what ways the same can be done: with prompts, to a board, or, to all that were selected after the first, by the first's way.
 * @param {LibraryBoard[]} boards
 * @param {number} count
 * @returns {string[][]}
 */
export const repeats = (boards, count) => (count > 1 ? [["others", `The first one\u2019s way for the other ${count === 2 ? "picture" : `${(count - 1).toLocaleString()} pictures`}`]]
    : [["prompts", "With other prompts \u2026"], ...boards.filter((board) => board.count).map(({ id, name, count: many }) => [id, `To the ${many.toLocaleString()} of ${name}`])]);
