// The grid page: what varies at the left, the cells as they come at the right, with their labels always in sight.
import { make, narrow, part, parts, target } from "./dom.js";
import { fullView } from "./full_view.js";
import { gridAxes } from "./grid_axes.js";
import { panels } from "./panels.js";
import { icon } from "./icon.js";
import { pictureActions } from "./picture.js";

/** @param {Island} island */
export function mount({ element, props, watch, server, tell }) {
    const ZOOM = { least: 64, most: 768, kept: "image-studio-grid-zoom" };
    // Beyond this width, in pixels, a cell shows the picture itself instead of a smaller copy.
    const SMALL = 320;

    let serial = 0;
    /** @type {any} */
    let grid = null;
    /** @type {Map<string, any>} */
    const cells = new Map();
    // The elements of the table by the place of their cell.
    /** @type {Map<string, HTMLElement>} */
    let places = new Map();
    // Which axis stands across, down, and as pages; which page is shown.
    let order = [0, 1, 2];
    let page = 0;
    /** @type {FullView} */
    let full = /** @type {any} */ (null);

    const axes = gridAxes({ server, start: (/** @type {any} */ asked) => { say(""); tell.start(asked); scrollTo(right); } });
    const state = make("p", { class: "grid-state" });
    const news = make("p", { class: "unseen", role: "status", "aria-live": "polite" });
    const filled = make("div");
    const bar = make("div", { class: "bar" }, filled);
    const halt = button("Stop", () => { halt.disabled = true; tell.halt({ id: grid.id }); });
    const resume = button("Resume", () => tell.resume({ id: grid.id }));
    const swap = button("Swap axes", () => { [order[0], order[1]] = [order[1], order[0]]; lay(); });
    const pick = make("select", { class: "grid-list", "aria-label": "Earlier grids", onchange: () => { tell.look({ id: pick.value }); } });
    const third = make("select", { "aria-label": "Axis of the pages", onchange: () => { turn(Number(third.value)); } });
    const thirdLabel = make("label", {}, "Pages", third);
    const zoom = make("input", { type: "range", min: ZOOM.least, max: ZOOM.most, "aria-label": "Zoom", oninput: () => { size(Number(zoom.value)); } });
    const again = button("Same axes", () => axes.again(grid), "Take this grid's recipe and axes");
    const forget = button("Forget", () => { if (window.confirm("Forget this grid? Its pictures stay in the library.")) { tell.forget({ id: grid.id }); clear(); } });
    const exports = [["png", "Picture"], ["html", "Page"], ["csv", "Table"]].map(([kind, words]) =>
        button(words, (event) => { event.currentTarget.disabled = true; tell.write({ id: grid.id, kind }); }, `Download the grid as ${kind.toUpperCase()}`));
    const tools = make("div", { class: "grid-tools" }, pick,
        make("span", { class: "grid-work" }, halt, resume, swap, thirdLabel),
        make("label", { class: "grid-zoom" }, "Zoom", zoom),
        make("span", { class: "grid-out" }, again, forget, make("span", { class: "quiet" }, "Save as"), ...exports));
    const pages = make("div", { class: "grid-pages", role: "group", "aria-label": "Pages" });
    const table = make("div", { class: "grid-table", tabindex: "-1" });
    const empty = make("p", { class: "grid-empty quiet" }, "The grid appears here, cell by cell.");
    const right = make("section", { class: "grid-room", "aria-label": "Cells" }, tools, bar, state, pages, table, empty, news);
    part(element, ".grid-page").append(axes.element, right);

    /**
     * @param {string} words
     * @param {Handler} act
     * @param {string | null} title
     */
    function button(words, act, title = null) {
        return make("button", { type: "button", class: "plain", title, onclick: act }, words);
    }

    /** @param {any} part */
    function scrollTo(part) {
        if (narrow()) part.scrollIntoView({ block: "start" });
    }

    function take() {
        const told = props.value;
        if (!told || told.serial <= serial) return;
        serial = told.serial;
        if (told.setup) axes.show(told.setup);
        if (told.list) list(told.list);
        if (told.grid) arrive(told.grid);
        if (told.file) fetched(told.file);
        if (told.fault) say(told.fault);
    }

    /** @param {any} told */
    function arrive(told) {
        if (!told.whole && grid && told.id !== grid.id) return;
        const other = told.id !== grid?.id;
        grid = told;
        if (other) {
            cells.clear();
            order = [0, 1, 2];
            page = 0;
            say("");
        }
        for (const cell of told.cells) cells.set(cell.at.join(), cell);
        if (other) lay();
        else for (const cell of told.cells) draw(cell);
        head();
    }

    function clear() {
        grid = null;
        cells.clear();
        lay();
        head();
    }

    /** @param {number} place */
    const axis = (place) => grid?.axes[order[place]];

    function head() {
        const running = grid?.state === "running";
        for (const part of [tools, bar]) part.hidden = !grid && !pick.options.length;
        for (const one of [swap, zoom.parentElement, again.parentElement]) if (one) one.hidden = !grid;
        empty.hidden = Boolean(grid);
        halt.hidden = !running;
        if (!running) halt.disabled = false;
        const missing = grid ? grid.count - grid.made - grid.failed : 0;
        resume.hidden = !grid || running || !(missing || grid.again);
        resume.textContent = missing ? "Resume" : "Try the failed again";
        swap.hidden = !grid || grid.axes.length < 2;
        thirdLabel.hidden = !axis(2);
        if (!grid) return say("");
        filled.style.width = `${Math.round(((grid.made + grid.failed) / grid.count) * 100)}%`;
        bar.classList.toggle("idle", !running);
        const done = `${grid.made} of ${grid.count} pictures${grid.failed ? `, ${grid.failed} failed` : ""}`;
        say([done, running ? grid.line : (grid.state === "stopped" ? "stopped" : ""), grid.fault].filter(Boolean).join(" · "), Boolean(grid.fault));
        if (!running && news.dataset.told !== grid.id + grid.state) news.textContent = grid.state === "done" ? "The grid is ready" : "The grid was stopped";
        news.dataset.told = running ? "" : grid.id + grid.state;
    }

    /**
     * @param {string} words
     * @param {boolean} [wrong]
     */
    function say(words, wrong = false) {
        state.textContent = words;
        state.classList.toggle("wrong", wrong || (Boolean(words) && !grid));
    }

    // The table anew: another grid, axis or page.
    function lay() {
        places = new Map();
        table.replaceChildren();
        pages.replaceChildren();
        if (!grid) return;
        third.replaceChildren(...grid.axes.map((/** @type {any} */ one, /** @type {number} */ number) => make("option", { value: number }, one.title)));
        third.value = String(order[2]);
        const deep = axis(2)?.labels ?? [];
        pages.hidden = deep.length < 2;
        pages.setAttribute("aria-label", axis(2)?.title ?? "Pages");
        pages.replaceChildren(make("span", { class: "quiet" }, axis(2)?.title ?? ""), ...deep.map((/** @type {string} */ label, /** @type {number} */ number) =>
            make("button", { type: "button", "aria-pressed": String(number === page), tabindex: number === page ? "0" : "-1", onclick: () => leaf(number) }, label)));
        const across = axis(0)?.labels ?? [""];
        const down = axis(1)?.labels ?? [""];
        const corner = make("th", { class: "corner", scope: "col" }, make("span", {}, axis(0)?.title ?? ""), make("span", {}, axis(1)?.title ?? ""));
        table.replaceChildren(make("table", {},
            make("caption", { class: "unseen" }, grid.axes.map((/** @type {any} */ one) => one.title).join(", ")),
            make("thead", {}, make("tr", {}, corner, ...across.map((/** @type {string} */ label) => make("th", { scope: "col" }, label)))),
            make("tbody", {}, ...down.map((/** @type {string} */ label, /** @type {number} */ y) => make("tr", {}, make("th", { scope: "row" }, label), ...across.map((/** @type {any} */ _, /** @type {number} */ x) => cellAt(x, y)))))));
        for (const cell of cells.values()) draw(cell);
    }

    /**
     * @param {number} x
     * @param {number} y
     */
    function cellAt(x, y) {
        const at = [0, 0, 0];
        at[order[0]] = x;
        at[order[1]] = y;
        at[order[2]] = page;
        const place = make("td", { "data-x": x, "data-y": y });
        places.set(at.join(), place);
        return place;
    }

    /** @param {any} cell */
    function draw(cell) {
        const place = places.get(cell.at.join());
        if (!place) return;
        const words = cell.labels.join(", ");
        if (cell.error) {
            place.replaceChildren(make("p", { class: "grid-wrong", title: cell.error, tabindex: "0" }, cell.error));
        } else if (cell.done) {
            place.replaceChildren(make("button", { type: "button", class: "look grid-look", "aria-label": `Open: ${words}`, onclick: () => open(cell.key) },
                make("img", { src: shown(cell), alt: words, width: cell.width, height: cell.height, loading: "lazy" })));
        } else if (cell.look) {
            const image = /** @type {HTMLImageElement | null} */ (place.querySelector("img.grid-making"));
            if (image) image.src = cell.look;
            else place.replaceChildren(make("img", { class: "grid-making", src: cell.look, alt: "" }));
        } else {
            place.replaceChildren(make("div", { class: "grid-waits" }));
        }
    }

    /** @param {any} cell */
    const shown = (cell) => (Number(zoom.value) * devicePixelRatio > SMALL ? cell.file : cell.shown);

    /** @param {number} number */
    function leaf(number) {
        page = number;
        lay();
        part(pages, "[aria-pressed=true]").focus();
    }

    /**
     * Another axis becomes the pages.
     * @param {number} number
     */
    function turn(number) {
        const at = order.indexOf(number);
        [order[at], order[2]] = [order[2], order[at]];
        page = 0;
        lay();
    }

    /** @param {number} width */
    function size(width) {
        const sharper = width * devicePixelRatio > SMALL;
        right.style.setProperty("--grid-cell", `${width}px`);
        localStorage.setItem(ZOOM.kept, String(width));
        zoom.value = String(width);
        for (const cell of cells.values()) {
            const image = cell.done && places.get(cell.at.join())?.querySelector("img");
            if (image && sharper && image.getAttribute("src") !== cell.file) image.src = cell.file;
        }
    }

    // The pictures as they stand in the table, row by row.
    const all = () => [...places.keys()].map((at) => cells.get(at)).filter((cell) => cell?.done).map((cell) => ({
        ...cell, how: [grid.axes.map((/** @type {any} */ one, /** @type {number} */ number) => `${one.title}: ${cell.labels[number]}`).join(", "), cell.how].filter(Boolean).join(" · "),
    }));

    /** @param {string} key */
    function open(key) {
        full ??= fullView({
            all,
            acts: (/** @type {any} */ picture, /** @type {boolean} */ worded, /** @type {object} */ more) => pictureActions(picture, worded, { .../** @type {Deeds} */ (panels.gallery), shut: () => full.shut(), ...more }),
            magnify: 5,
            closed: (/** @type {any} */ last) => [...places].find(([at]) => cells.get(at)?.key === last)?.[1].querySelector("button")?.focus(),
        });
        full.open(key);
    }

    /** @param {any} told */
    function list(told) {
        pick.replaceChildren(...told.map((/** @type {any} */ one) => make("option", { value: one.id, title: one.prompt }, `${one.when} · ${one.words} · ${one.made} of ${one.count}`)));
        if (grid) pick.value = grid.id;
        pick.hidden = !told.length;
        head();
    }

    /** @param {any} given */
    function fetched({ address, name, note }) {
        for (const one of exports) one.disabled = false;
        make("a", { href: `${address}?${serial}`, download: name }).click();
        if (note) say(note);
    }

    table.addEventListener("keydown", (event) => {
        const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
        const from = target(event)?.closest("td");
        if (!by || !from) return;
        event.preventDefault();
        const to = table.querySelector(`td[data-x="${Number(from.dataset.x) + by[0]}"][data-y="${Number(from.dataset.y) + by[1]}"]`);
        if (to) parts(to, "button, p")[0]?.focus();
    });
    pages.addEventListener("keydown", (event) => {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        const count = axis(2)?.labels.length ?? 0;
        if (!by || !count) return;
        leaf((page + by + count) % count);
    });

    size(Number(localStorage.getItem(ZOOM.kept)) || (narrow() ? 128 : 200));
    head();
    watch("value", take);
    take();
    // What happened before this part of the page was looked at has gone by.
    tell.look({ id: "" });
    axes.recall();
}
