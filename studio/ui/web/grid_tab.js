// The grid page: what varies at the left, the cells as they come at the right, with their labels always in sight.
import { make, narrow, part, parts } from "./dom.js";
import { fullView, reelOf } from "./full_view.js";
import { gridAxes } from "./grid_axes.js";
import { gridPages, gridTable, places } from "./grid_table.js";
import { html, live, nothing, render } from "./vendor/lit.js";

const ZOOM = { least: 64, most: 768, kept: "image-studio-grid-zoom" };
// Beyond this width, in pixels, a cell shows the picture itself instead of a smaller copy.
const SMALL = 320;
const EXPORTS = [["png", "Picture"], ["html", "Page"], ["csv", "Table"]];

/** @param {Island<GridNews, null, import("./grid_axes.js").GridActs>} island */
export function mount({ element, props, watch, server, tell }) {
    let serial = 0;
    /** @type {GridView | null} */
    let grid = null;
    /** @type {GridLine[]} */
    let list = [];
    /** @type {Map<string, GridCell | GridPicture>} */
    const cells = new Map();
    // Which axis stands across, down, and as pages; which page is shown.
    let order = [0, 1, 2];
    let page = 0;
    let zoom = Number(localStorage.getItem(ZOOM.kept)) || (narrow() ? 128 : 200);
    // What is wrong or worth a word besides the grid; what it is told to do, which is not asked twice.
    let fault = "";
    let note = "";
    let halting = false;
    let writing = false;
    /** @type {FullView | null} */
    let full = null;

    const axes = gridAxes(server, (asked) => {
        fault = note = "";
        tell.start(asked);
        draw();
        if (narrow()) right.scrollIntoView({ block: "start" });
    });
    const right = make("section", { class: "grid-room", "aria-label": "Cells" });
    part(element, ".grid-page").append(axes.element, right);

    const shown = () => ({ cells, order, page, sharp: zoom * devicePixelRatio > SMALL, open });
    /** @param {string} act */
    const asks = (act) => () => tell[act]({ id: grid?.id });

    function take() {
        const told = props.value;
        if (!told?.serial || told.serial <= serial) return;
        ({ serial } = told);
        if (told.setup) axes.show(told.setup, told.axes);
        if (told.begun) tell.look({ id: told.begun });
        if (told.grids) list = told.grids;
        if (told.grid) arrive(told.grid);
        if (told.file) fetched(told.file);
        if (told.fault) [fault, writing] = [told.fault, false];
        draw();
    }

    /** @param {GridView} told */
    function arrive(told) {
        if (!told.whole && grid && told.id !== grid.id) return;
        if (told.id !== grid?.id) {
            cells.clear();
            order = [0, 1, 2];
            page = 0;
        }
        grid = told;
        fault = note = "";
        if (told.state !== "running") halting = false;
        for (const cell of told.cells) cells.set(cell.at.join(), cell);
    }

    /** @param {GridFile} file */
    function fetched({ address, name, note: said }) {
        writing = false;
        make("a", { href: `${address}?${serial}`, download: name }).click();
        note = said;
    }

    function forget() {
        if (!window.confirm("Forget this grid? Its pictures stay in the library.")) return;
        asks("forget")();
        grid = null;
        cells.clear();
        draw();
    }

    function draw() {
        const running = grid?.state === "running";
        const share = grid ? Math.round(((grid.made + grid.failed) / grid.count) * 100) : 0;
        const wrong = fault || grid?.fault;
        right.style.setProperty("--grid-cell", `${zoom}px`);
        render(html`${grid || list.length ? [tools(running), html`<div class=${running ? "bar" : "bar idle"}><div style=${`width: ${share}%`}></div></div>`] : nothing}
            <p class=${wrong ? "grid-state wrong" : "grid-state"}>${fault || note || (grid ? state(grid) : "")}</p>
            ${gridPages(grid, shown(), (at) => { page = at; draw(); })}
            <div class="grid-table" tabindex="-1">${grid ? gridTable(grid, shown()) : nothing}</div>
            ${grid ? nothing : html`<p class="grid-empty quiet">The grid appears here, cell by cell.</p>`}
            <p class="unseen" role="status" aria-live="polite">${!grid || running ? "" : grid.state === "done" ? "The grid is ready" : "The grid was stopped"}</p>`, right);
    }

    /** @param {GridView} grid */
    function state({ made, count, failed, state, line, fault: cause, cost_usd: cost }) {
        const done = `${made} of ${count} pictures${failed ? `, ${failed} failed` : ""}`;
        return [done, state === "running" ? line : state === "stopped" ? "stopped" : "", cost ? `cost $${cost.toFixed(3)}` : "", cause].filter(Boolean).join(" · ");
    }

    /** @param {boolean} running */
    function tools(running) {
        const list = html`<select class="grid-list" aria-label="Earlier grids" ?hidden=${!earlier().length} @change=${(event) => tell.look({ id: event.target.value })}>${earlier()}</select>`;
        if (!grid) return html`<div class="grid-tools">${list}</div>`;
        const now = grid;
        const missing = now.count - now.made - now.failed;
        const third = now.axes[order[2]];
        return html`<div class="grid-tools">${list}
            <span class="grid-work">
                ${running ? html`<button type="button" class="plain" ?disabled=${halting} @click=${() => { halting = true; asks("halt")(); draw(); }}>Stop</button>` : nothing}
                ${!running && (missing || now.again) ? html`<button type="button" class="plain" @click=${asks("resume")}>${missing ? "Resume" : "Retry the failed ones"}</button>` : nothing}
                ${now.axes.length > 1 ? html`<button type="button" class="plain" @click=${() => { order = [order[1], order[0], order[2]]; draw(); }}>Swap axes</button>` : nothing}
                ${third ? html`<label>Pages<select aria-label="Axis of the pages" @change=${(event) => turn(Number(event.target.value))}>${now.axes.map(({ title }, at) => html`<option value=${at} .selected=${live(at === order[2])}>${title}</option>`)}</select></label>` : nothing}
            </span>
            <label class="grid-zoom">Zoom<input type="range" min=${ZOOM.least} max=${ZOOM.most} aria-label="Zoom" .value=${live(String(zoom))} @input=${(event) => size(Number(event.target.value))}></label>
            <span class="grid-out">
                <button type="button" class="plain" title="Take this grid’s recipe and axes" @click=${() => axes.again(now)}>Same axes</button>
                <button type="button" class="plain" @click=${forget}>Forget</button><span class="quiet">Save as</span>
                ${EXPORTS.map(([kind, words]) => html`<button type="button" class="plain" title=${`Download the grid as ${kind.toUpperCase()}`} ?disabled=${writing} @click=${() => { writing = true; tell.write({ id: now.id, kind }); draw(); }}>${words}</button>`)}
            </span></div>`;
    }

    const earlier = () => list.map(({ id, when, words, prompt, made, count }) => html`<option value=${id} title=${prompt} .selected=${live(id === grid?.id)}>${when} · ${words} · ${made} of ${count}</option>`);

    /**
     * Another axis becomes the pages.
     * @param {number} number
     */
    function turn(number) {
        const at = order.indexOf(number);
        order = order.with(at, order[2]).with(2, number);
        page = 0;
        draw();
    }

    /** @param {number} width */
    function size(width) {
        zoom = width;
        localStorage.setItem(ZOOM.kept, String(width));
        draw();
    }

    // The pictures as they stand in the table, row by row.
    const all = () => (grid ? places(grid, shown()).flatMap((at) => {
        const cell = cells.get(at);
        return cell && "done" in cell ? [cell] : [];
    }) : []);
    /** @param {Picture} picture */
    const axesOf = (picture) => (grid?.axes ?? []).map(({ title }, number) => `${title}: ${/** @type {GridPicture} */ (picture).labels[number]}`).join(", ");

    /** @param {string} key */
    function open(key) {
        full ??= fullView({
            reel: reelOf(all), back: "to the grid", changed: asks("look"), about: (picture) => html`<p class="quiet">${axesOf(picture)}</p>`,
            closed: (last) => {
                const place = [...cells].find(([, cell]) => "key" in cell && cell.key === last)?.[0];
                parts(right, `td[data-place="${place}"] button`)[0]?.focus();
            },
        });
        full.open(key);
    }

    draw();
    watch("value", take);
    take();
    // What happened before this part of the page was looked at has gone by.
    tell.look({ id: "" });
    axes.recall();
}
