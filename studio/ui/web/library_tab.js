// The Library: everything that was made or brought, found again by words and chips, seen as a wall, selected and put in order.
import { keepingFocus, narrow, part } from "./dom.js";
import { fullView } from "./full_view.js";
import { icon } from "./icon.js";
import { libraryAbout } from "./library_about.js";
import { libraryActs } from "./library_acts.js";
import { libraryGrid } from "./library_grid.js";
import { chooseFiles, filesIn, importFiles } from "./library_import.js";
import { libraryLine, likenesses } from "./library_line.js";
import { libraryPages } from "./library_pages.js";
import { librarySearch } from "./library_search.js";
import { librarySelection } from "./library_selection.js";
import { librarySide } from "./library_side.js";
import { menu } from "./menu.js";
import { panels } from "./panels.js";
import { onSought } from "./sought.js";
import { html, live, nothing, render } from "./vendor/lit.js";

const MEMORY = "image-studio-library";
const ZOOM = { least: 96, usual: 176, narrow: 112, most: 320 };
const ORDERS = { newest: "Newest first", oldest: "Oldest first", score: "Best first" };
// Milliseconds between two looks at whether anything is otherwise.
const LOOK = 4000;

/** @param {Island<null, null, LibraryServer>} island */
export function mount({ element, upload, server }) {
    const root = part(element, ".library");
    const remembered = JSON.parse(localStorage.getItem(MEMORY) ?? "{}");
    let zoom = remembered.zoom ?? (narrow() ? ZOOM.narrow : ZOOM.usual);
    /** @type {LibraryFacts | null} */
    let facts = null;
    let line = "";
    let isSide = false;
    let isSeen = false;
    /** @type {Set<string>} */
    const whole = new Set();
    /** @type {Map<string, LibraryTree>} */
    const trees = new Map();
    /** @type {FullView | null} */
    let full = null;

    const search = librarySearch({ changed: (query) => find({ query }) });
    const pages = libraryPages(server, { heard: () => { search.blame(""); draw(); }, failed: search.blame });
    const selection = librarySelection(pages, server, () => draw(), () => facts?.most ?? 1);
    const acts = libraryActs({ server, pages, selection, facts: () => facts, said: say, changed: () => refresh(true), search: search.only, bring });
    const wall = libraryGrid({
        count: pages.count, at: pages.at, tint: pages.tint, want: pages.want, near: pages.near, size: () => zoom, isSelected: selection.has, selecting: () => selection.size() > 0,
        open, choose: selection.choose, moved: when, keys: acts.key,
    });

    /** @param {{ query?: string, order?: string }} asked */
    function find(asked) {
        selection.clear();
        remember(asked.order);
        pages.search(asked).then(() => wall.arrange(true));
    }

    const remember = (order = pages.asked().order) => localStorage.setItem(MEMORY, JSON.stringify({ order, zoom }));

    /** @param {string} words */
    function say(words) {
        line = words;
        draw();
    }

    function draw() {
        keepingFocus(() => render(html`<aside class=${isSide ? "library-side shown" : "library-side"}>${librarySide(facts, side)}</aside>
            <div class="library-main">
                <header class="library-head">
                    <button type="button" class="plain library-fold" aria-expanded=${String(isSide)} @click=${() => { isSide = !isSide; draw(); }}>Boards and filters</button>
                    ${search.element}
                    <select aria-label="Sort" @change=${(event) => find({ order: event.target.value })}>${Object.entries(ORDERS).map(([value, words]) => html`<option value=${value} .selected=${live(value === pages.asked().order)}>${words}</option>`)}</select>
                    <input type="range" class="library-zoom" min=${ZOOM.least} max=${ZOOM.most} aria-label="Size of the thumbnails" .value=${live(String(zoom))} @input=${(event) => resize(Number(event.target.value))}>
                    ${menu({ face: "Import", look: "plain" }, [["files", "Pictures"], ["folder", "A folder"]], (what) => chooseFiles(what === "folder", bring))}
                </header>
                ${libraryLine({ total: pages.total(), selection, facts, acts, takers: panels.gallery?.takers ?? {}, isBin: search.has("bin:yes"), board: facts?.boards.find(({ term }) => search.has(term)) })}
                ${wall.element}
                ${pages.total() === 0 ? empty() : nothing}
                <div class="library-note" ?hidden=${!line}><p role="status">${line}</p>${acts.undo() ? html`<button type="button" class="plain" @click=${acts.takeBack}>Undo</button>` : nothing}
                    <button type="button" class="act" aria-label="Close" @click=${() => { acts.forget(); say(""); }}>${icon("remove")}</button></div>
            </div>
            <p class="library-drop-here" aria-hidden="true">Drop pictures or folders to import them</p>`, root));
        wall.element.hidden = pages.total() === 0;
        wall.draw();
        full?.draw();
    }

    function empty() {
        if (search.query() === "bin:yes") return html`<div class="empty"><h2>The bin is empty</h2><p class="summary">What you delete stays here until you delete it for good, and can be restored.</p></div>`;
        if (search.query()) return html`<div class="empty"><h2>No picture matches</h2><p class="summary">Use fewer words, or see what can be searched for beside the search.</p><button type="button" class="plain" @click=${search.clear}>Clear the search</button></div>`;
        return html`<div class="empty"><h2>Everything you make appears here</h2>
            <p class="summary">Every picture with all of its settings: search them, put them on boards, make them again. Drop pictures or folders here to import those of other tools.</p>
            <button type="button" class="plain" @click=${() => chooseFiles(false, bring)}>Import pictures</button></div>`;
    }

    /** @param {LibraryPicture | undefined} first */
    function when(first) {
        const place = /** @type {HTMLElement | null} */ (root.querySelector(".library-when"));
        if (place) place.textContent = first ? new Date(1000 * first.created).toLocaleDateString(undefined, { day: "numeric", month: "long", year: "numeric" }) : "";
    }

    /** @param {number} size */
    function resize(size) {
        zoom = size;
        remember();
        wall.arrange();
    }

    /** @type {import("./library_side.js").Side} */
    const side = {
        has: search.has, toggle: search.toggle, whole,
        place: (term) => search.instead(["star", "bin"], term),
        at: () => ["star:yes", "bin:yes"].find(search.has) ?? (search.query() ? "none" : ""),
        newBoard: () => acts.newBoard([]), rename: acts.renameBoard, forget: acts.removeBoard,
        drop: (board, id) => { if (id) acts.put(board.id, selection.has(id) ? selection.ids() : [id]); },
        more: (title) => { if (!whole.delete(title)) whole.add(title); draw(); },
    };

    /** @param {number} place */
    async function open(place) {
        if (!pages.at(place)) await pages.bring(place);
        const picture = pages.at(place);
        if (!picture) return;
        full ??= fullView({
            reel: pages, back: "to the library", ways: { away: true },
            shown: (seen) => { if (pages.place(seen.key) >= 0) wall.point(pages.place(seen.key)); learn(seen.key); },
            closed: () => wall.focus(),
            changed: (seen, change) => { pages.change(seen.key, change); refresh(true); },
            about: (seen) => libraryAbout(/** @type {LibraryPicture} */ (seen), trees.get(seen.key) ?? null, {
                like: (how, picture) => { full?.shut(); acts.like(how, picture); }, ways: facts ? likenesses(facts) : [], boards: facts?.boards ?? [], tags: facts?.tags ?? [], visit: (other) => full?.visit(other),
                say: (act, given, change) => acts.say(/** @type {LibraryPicture} */ (seen), act, given, change),
            }),
        });
        full.open(picture.key);
    }

    /** @param {string} id */
    async function learn(id) {
        const tree = await server.tree({ id });
        if (tree.fault !== undefined) return;
        trees.set(id, tree);
        full?.draw();
    }

    /**
     * Returns the ids of what is in the library of these files.
     * @param {File[]} files
     * @returns {Promise<string[]>}
     */
    async function bring(files) {
        if (!files.length) say("There is no picture among these.");
        if (!files.length) return [];
        const { added, known, ids, faults } = await importFiles(files, { upload, told: say, bring: (sent) => server.bring({ files: sent }) });
        await refresh(true);
        say([added ? `${added} imported.` : "", known ? `${known} were here already.` : "", ...faults].filter(Boolean).join(" "));
        return ids;
    }

    /** @param {boolean} [certain] */
    async function refresh(certain = false) {
        const told = await server.facts();
        if (told.fault !== undefined) return say(told.fault);
        const isOther = certain || told.changes !== facts?.changes;
        if (!facts) search.know(told.filters);
        facts = told;
        if (!isOther) return;
        trees.clear();
        if (pages.total() === null) await pages.search({ order: remembered.order ?? "newest" });
        else pages.renew(...wall.bounds());
        draw();
    }

    async function look() {
        if (isSeen && !document.hidden) {
            const told = await server.news();
            if (told.fault === undefined && told.changes !== facts?.changes) await refresh();
        }
        setTimeout(look, LOOK);
    }

    const isDropping = (/** @type {DragEvent} */ event) => isSeen && [...event.dataTransfer?.types ?? []].includes("Files");
    document.addEventListener("dragover", (event) => {
        if (!isDropping(event)) return;
        event.preventDefault();
        root.classList.add("over");
    });
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) root.classList.remove("over"); });
    document.addEventListener("drop", async (event) => {
        root.classList.remove("over");
        if (!isDropping(event) || !event.dataTransfer) return;
        event.preventDefault();
        bring(await filesIn(event.dataTransfer));
    });
    document.addEventListener("paste", (event) => {
        const pasted = [...event.clipboardData?.files ?? []];
        if (isSeen && pasted.length) bring(pasted);
    });
    // What was made while another tab was looked at is here when this one is.
    new IntersectionObserver(([{ isIntersecting }]) => {
        isSeen = isIntersecting;
        if (isSeen) refresh();
    }).observe(root);
    draw();
    look();
    onSought(search.only);
}
