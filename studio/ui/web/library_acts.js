// What is done with selected pictures of the library, and taken back again; and with boards.
import { askText } from "./ask_text.js";
import { make } from "./dom.js";
import { askFiles, askPrompts } from "./library_repeat.js";
import { panels } from "./panels.js";
import { twoPictures } from "./two_pictures.js";

/**
 * `said` tells what was done, `changed` that the library is otherwise now, `search` what is to be found; `bring` imports files.
 * @param {{ server: Server<LibraryServer>, pages: ReturnType<typeof import("./library_pages.js").libraryPages>, selection: import("./library_line.js").Selection,
 *     facts: () => LibraryFacts | null, said: (words: string) => unknown, changed: () => Promise<unknown>, search: (term: string) => unknown,
 *     bring: (files: File[]) => Promise<string[]> }} library
 */
export function libraryActs({ server, pages, selection, facts, said, changed, search, bring }) {
    /** @type {(() => Promise<unknown>) | null} */
    let undo = null;
    /** @type {ReturnType<typeof twoPictures> | null} */
    let pair = null;

    /** @param {number} count */
    const pictures = (count) => (count === 1 ? "1 picture" : `${count.toLocaleString()} pictures`);
    const chosen = () => selection.ids().flatMap((id) => pages.at(pages.place(id)) ?? []);

    /**
     * Asks the server; where it was done, says so, and how it is taken back.
     * @param {keyof LibraryServer} act
     * @param {object} given
     * @param {string} words
     * @param {(() => Promise<unknown>) | null} [back]
     */
    async function ask(act, given, words, back = null) {
        const answer = await server[act](given);
        if (answer.fault !== undefined) {
            said(answer.fault);
            return null;
        }
        undo = back;
        if (words) said(words);
        await changed();
        return answer;
    }

    async function takeBack() {
        const back = undo;
        undo = null;
        if (back) await back();
    }

    async function bin() {
        const ids = selection.ids();
        if (!ids.length) return;
        selection.clear();
        await ask("bin", { ids }, `${pictures(ids.length)} moved to the bin.`, () => ask("restore", { ids }, `${pictures(ids.length)} restored.`));
    }

    async function restore() {
        const ids = selection.ids();
        selection.clear();
        await ask("restore", { ids }, `${pictures(ids.length)} restored.`, () => ask("bin", { ids }, `${pictures(ids.length)} moved to the bin.`));
    }

    /** @param {boolean} all */
    async function purge(all) {
        const ids = all ? null : selection.ids();
        const which = all ? "everything in the bin" : pictures(selection.size());
        if (!window.confirm(`Delete ${which} for good? This cannot be undone.`)) return;
        selection.clear();
        await ask("purge", { ids }, "Deleted for good.");
    }

    async function star() {
        const [ids, known] = [selection.ids(), chosen()];
        const on = !(known.length === ids.length && known.every(({ star }) => star));
        await ask("star", { ids, on }, "", () => ask("star", { ids, on: !on }, ""));
    }

    async function tag() {
        const ids = selection.ids();
        const written = await askText({ title: `Tag ${pictures(ids.length)}`, label: "Tags", act: "Tag", choices: facts()?.tags ?? [], help: "Separate several with commas." });
        const tags = (written ?? "").split(",").map((one) => one.trim()).filter(Boolean);
        if (tags.length) await ask("tag", { ids, add: tags, remove: [] }, `Tagged ${tags.join(", ")}.`, () => ask("tag", { ids, add: [], remove: tags }, "Tags removed."));
    }

    /**
     * @param {string} board
     * @param {string[]} [ids]
     */
    async function put(board, ids = selection.ids()) {
        const name = facts()?.boards.find(({ id }) => id === board)?.name ?? "the board";
        await ask("put", { ids, board }, `${pictures(ids.length)} put on ${name}.`, () => ask("off", { ids, board }, `Removed from ${name}.`));
    }

    /**
     * @param {LibraryBoard} board
     * @param {string} to
     */
    async function move({ id: board, name }, to) {
        const ids = selection.ids();
        const other = facts()?.boards.find(({ id }) => id === to)?.name ?? "the board";
        selection.clear();
        await ask("move", { ids, board, to }, `${pictures(ids.length)} moved to ${other}.`, () => ask("move", { ids, board: to, to: board }, `${pictures(ids.length)} back on ${name}.`));
    }

    /** @param {LibraryBoard} board */
    async function takeOff({ id: board, name }) {
        const ids = selection.ids();
        selection.clear();
        await ask("off", { ids, board }, `${pictures(ids.length)} removed from ${name}.`, () => ask("put", { ids, board }, `${pictures(ids.length)} back on ${name}.`));
    }

    /** @param {string[]} [ids] */
    async function newBoard(ids = selection.ids()) {
        const name = await askText({ title: "New board", label: "Name", act: "Make it" });
        if (!name) return;
        const made = await ask("add_board", { name }, `Board ${name} made.`);
        if (made && ids.length) await put(/** @type {{ id: string }} */ (made).id, ids);
    }

    /** @param {LibraryBoard} board */
    async function renameBoard({ id, name }) {
        const other = await askText({ title: "Rename the board", label: "Name", value: name, act: "Rename" });
        if (other && other !== name) await ask("rename_board", { board: id, name: other }, "", () => ask("rename_board", { board: id, name }, ""));
    }

    /** @param {LibraryBoard} board */
    async function removeBoard({ id, name, count }) {
        if (count && !window.confirm(`Remove the board ${name}? Its ${pictures(count)} stay in the library.`)) return;
        await ask("remove_board", { board: id }, `Board ${name} removed.`);
    }

    function compare() {
        const [first, second] = chosen();
        if (!first || !second) return;
        pair ??= twoPictures({ back: "to the library" });
        const [one, other] = [first, second].map((picture, at) => ({ ...picture, file: picture.view || picture.file, name: at ? "Second" : "First", said: [picture.model, picture.seed === null ? "" : `seed ${picture.seed}`, `${picture.width} × ${picture.height}`].filter(Boolean) }));
        pair.show(one, other);
    }

    /** @param {string} tab */
    function send(tab) {
        const [picture] = chosen();
        if (picture) panels.gallery?.tell.send({ ...picture.which, tab });
    }

    /**
     * Searches for pictures whose prompts mean the same, or that look alike.
     * @param {"like" | "alike"} how
     * @param {LibraryPicture | undefined} [picture]
     */
    async function like(how, picture = chosen()[0]) {
        const answer = picture && await server[how]({ id: picture.id });
        if (answer?.fault !== undefined) said(answer.fault);
        else if (answer) search(answer.query);
    }

    /** @param {string} what A board, "prompts", "files" of this computer, or "others": those that were selected after the first. */
    async function repeat(what) {
        const [id, ...others] = selection.ids();
        const asked = { id, ids: what === "others" ? others : [], board: "", prompts: /** @type {string[]} */ ([]) };
        if (what === "prompts") asked.prompts = await askPrompts() ?? [];
        else if (what === "files") asked.ids = await bring(await askFiles() ?? []);
        else if (what !== "others") asked.board = what;
        if (!asked.board && !asked.ids.length && !asked.prompts.length) return;
        const answer = await ask("repeat", asked, "");
        const { count = 0, steps = 1 } = /** @type {Partial<LibraryWork>} */ (answer ?? {});
        if (answer) said(`${pictures(count)} in the making${steps > 1 ? `, in ${steps} steps` : ""}; the queue shows how far they are.`);
    }

    /**
     * @param {"files" | "pdf" | "html" | "training"} form
     * @param {string} [title]
     */
    async function handOn(form, title = "") {
        const [only, ...more] = chosen();
        if (form === "files" && selection.size() === 1 && only && !more.length) return make("a", { href: only.file, download: only.name }).click();
        said(`Packing ${pictures(selection.size())}`);
        const file = await server.zip({ ids: selection.ids(), form, title });
        if (file.fault !== undefined) return said(file.fault);
        said(`${file.name} is ready.`);
        make("a", { href: file.address, download: file.name }).click();
    }

    /**
     * Says something of one picture, which shows it at once.
     * @param {LibraryPicture} picture
     * @param {"rate" | "tag" | "note" | "put" | "off"} act
     * @param {object} given
     * @param {Partial<LibraryPicture>} change
     */
    async function say(picture, act, given, change) {
        Object.assign(picture, change);
        pages.change(picture.id, change);
        await ask(act, { ids: [picture.id], ...given }, "");
    }

    /** @param {KeyboardEvent} event */
    function key(event) {
        const name = event.key.toLowerCase();
        const isWith = event.ctrlKey || event.metaKey;
        if (isWith && name === "a") selection.all();
        else if (name === "z" && undo) takeBack();
        else if (isWith || event.altKey) return false;
        else if (name === "escape" && selection.size()) selection.clear();
        else if ((name === "delete" || name === "backspace") && selection.size()) bin();
        else if (name === "s" && selection.size()) star();
        else if (name === "t" && selection.size()) tag();
        else return false;
        return true;
    }

    return { bin, restore, purge, star, tag, put, move, takeOff, newBoard, renameBoard, removeBoard, compare, send, like, repeat, handOn, say, key, takeBack, undo: () => Boolean(undo), forget: () => { undo = null; } };
}
