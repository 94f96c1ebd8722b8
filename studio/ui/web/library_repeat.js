// Do the same to these: the way of one picture for others, for a board or for a list of prompts.
import { host, make } from "./dom.js";
import { chooseFiles, filesIn } from "./library_import.js";

/**
 * What is done with a picture's way: what was written, a prompt a line; null where it was closed without.
 * @returns {Promise<string[] | null>}
 */
export function askPrompts() {
    return new Promise((resolve) => {
        const entry = make("textarea", { rows: "8", "aria-label": "Prompts, one per line" });
        /** @type {string[] | null} */
        let answer = null;
        const dialog = make("dialog", { class: "sheet", "aria-label": "Do the same with other prompts" });
        dialog.append(make("form", { method: "dialog", class: "asked", onsubmit: () => { answer = entry.value.split("\n").map((line) => line.trim()).filter(Boolean); } },
            make("h2", {}, "Do the same with other prompts"), entry, make("p", { class: "quiet" }, "One per line: a picture is made for each, with everything else unchanged."),
            make("div", { class: "asked-acts" }, make("button", { type: "button", class: "plain", onclick: () => { dialog.close(); } }, "Cancel"), make("button", { class: "plain first" }, "Make them"))));
        dialog.addEventListener("close", () => { dialog.remove(); resolve(answer); });
        host().append(dialog);
        dialog.showModal();
        entry.focus();
    });
}

/**
 * Pictures of this computer, which are dropped or chosen, folders too; null where it was closed without.
 * @returns {Promise<File[] | null>}
 */
export function askFiles() {
    return new Promise((resolve) => {
        /** @type {File[] | null} */
        let answer = null;
        /** @param {File[]} files */
        const given = (files) => {
            answer = files;
            dialog.close();
        };
        const dialog = make("dialog", { class: "sheet", "aria-label": "Do the same to pictures" });
        const place = make("p", { class: "library-drop-files" }, "Drop pictures or folders here");
        dialog.append(make("div", { class: "asked" }, make("h2", {}, "Do the same to pictures"), place,
            make("p", { class: "quiet" }, "They are added to the library, and each replaces what the picture was made from."),
            make("div", { class: "asked-acts" }, make("button", { type: "button", class: "plain", onclick: () => { dialog.close(); } }, "Cancel"),
                make("button", { type: "button", class: "plain", onclick: () => { chooseFiles(true, given); } }, "Choose a folder"),
                make("button", { type: "button", class: "plain first", onclick: () => { chooseFiles(false, given); } }, "Choose pictures"))));
        dialog.addEventListener("dragover", (event) => { event.preventDefault(); event.stopPropagation(); });
        dialog.addEventListener("drop", async (event) => {
            event.preventDefault();
            event.stopPropagation();
            if (event.dataTransfer) given(await filesIn(event.dataTransfer));
        });
        dialog.addEventListener("close", () => { dialog.remove(); resolve(answer); });
        host().append(dialog);
        dialog.showModal();
    });
}

/**
 * In what ways the same can be done: with prompts, to a board, or, to all that were selected after the first, by the first's way.
 * @param {LibraryBoard[]} boards
 * @param {number} count
 * @returns {string[][]}
 */
export const repeats = (boards, count) => (count > 1 ? [["others", `Repeat the first one\u2019s steps for the other ${count === 2 ? "picture" : `${(count - 1).toLocaleString()} pictures`}`]]
    : [["prompts", "With other prompts \u2026"], ["files", "To pictures or a folder of this computer \u2026"], ...boards.filter((board) => board.count).map(({ id, name, count: many }) => [id, `To the ${many.toLocaleString()} of ${name}`])]);
