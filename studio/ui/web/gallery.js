// The stage: the job in front as a wall of pictures, its progress, and earlier pictures in a strip below.
import { beforeAfter } from "./before_after.js";
import { input, make, narrow, part, parts, type } from "./dom.js";
import { blame, facts, onFacts } from "./form.js";
import { ids } from "./ids.js";
import { panels } from "./panels.js";
import { pictureActions, pictureFacts } from "./picture.js";
import { showProgress } from "./title.js";

/** @param {Island<View, Record<string, string>>} island */
export function mount({ element, props, watch, tell, data: takers }) {
    // Small pictures are not blown up beyond this.
    const MAGNIFY = 5;
    const GAP = 16;
    // A picture below this width has its caption in two lines.
    const SMALL = 360;
    /** @param {number} width */
    const caption = (width) => (width < SMALL ? 80 : 56);

    const root = part(element, ".stage");
    const wall = make("div", { class: "pictures" });
    const empty = make("div", { class: "empty" });
    const line = make("p", { class: "line" });
    const behind = make("p", { class: "behind" });
    const halt = make("button", { type: "button", class: "halt plain", title: "Stop (Esc)" }, "Stop");
    const filled = make("div");
    const bar = make("div", { class: "bar", role: "progressbar", "aria-label": "Progress", "aria-valuemin": "0", "aria-valuemax": "100" }, filled);
    const foot = make("div", { class: "foot" }, bar, make("div", { class: "foot-row" }, line, behind, halt));
    const news = make("p", { class: "unseen", role: "status", "aria-live": "polite" });
    const strip = make("div", { class: "strip", role: "list", "aria-label": "Earlier pictures" });
    root.append(wall, empty, foot, strip, news);

    /** @type {View} */
    let view = /** @type {any} */ (null);
    let serial = 0;
    let announced = "";
    // The ended job whose field has been marked, or that was over when the page came.
    /** @type {string | null | undefined} */
    let blamed = null;
    // Whether results are shown with what they were made from.
    let comparing = false;
    /** @type {Map<string, any>} */
    const cells = new Map();
    let arranged = "";

    halt.addEventListener("click", () => {
        if (!view?.job) return;
        halt.disabled = true;
        line.textContent = "Stopping";
        tell.stop({ job: view.job.id });
    });

    /** @param {JobView | null | undefined} job */
    const running = (job) => job && (job.state === "waiting" || job.state === "running");
    const all = () => [...(view?.job?.cells ?? []).filter((cell) => cell.done), ...(view?.earlier ?? [])];
    /** @type {FullView} */
    let full = /** @type {any} */ (null);
    const shut = () => full?.shut();
    /**
     * @param {any} picture
     * @param {boolean} worded
     * @param {object} [more]
     */
    const acts = (picture, worded, more) => pictureActions(picture, worded, { tell, takers, shut, ...more });

    /** @param {string} key */
    async function open(key) {
        const { fullView } = await import("./full_view.js");
        full ??= fullView({ all, acts, magnify: MAGNIFY, closed: (/** @type {string} */ key) => cells.get(key)?.look.focus() });
        full.open(key);
    }

    function take() {
        // Two listeners may tell at once; the newest view is the true one.
        if (!props.value || props.value.serial <= serial) return;
        const before = view?.job;
        if (!view) {
            blamed = props.value.job?.id;
            part(document, `#${ids.stage}`).dataset.ready = "";
        }
        view = props.value;
        serial = view.serial;
        if (before?.id !== view.job?.id || before?.state !== view.job?.state) halt.disabled = false;
        drawWall();
        drawFoot();
        drawStrip();
        if (view.fault && !blame(view.fault)) complain(view.fault);
    }

    function drawWall() {
        const job = view.job;
        const wanted = job?.cells ?? [];
        const shown = wanted.filter((cell) => cell.done || running(job));
        const keys = new Set(shown.map((cell) => cell.key));
        for (const [key, cell] of cells) if (!keys.has(key)) { cell.figure.remove(); cells.delete(key); }
        shown.forEach((cell) => place(cell));
        root.classList.toggle("has-pictures", shown.length > 0);
        empty.hidden = shown.length > 0 || Boolean(job?.fault);
        if (shown.length === 0) drawEmpty();
        // To measure the room makes the browser lay out the page.
        const layout = shown.map((cell) => `${cell.key} ${cell.width} ${cell.height}`).join();
        if (layout !== arranged) arrange(shown);
        arranged = layout;
    }

    /** @param {any} cell */
    function place(cell) {
        let known = cells.get(cell.key);
        if (!known) {
            known = { figure: make("figure", { class: "cell" }), state: null };
            known.image = make("img", { alt: cell.prompt, width: cell.width, height: cell.height, hidden: true });
            known.look = make("button", { type: "button", class: "look", disabled: true, onclick: () => open(cell.key) }, known.image);
            known.frame = make("div", { class: "frame" }, known.look);
            known.caption = make("figcaption");
            known.figure.append(known.frame, known.caption);
            known.figure.style.setProperty("--aspect", `${cell.width} / ${cell.height}`);
            cells.set(cell.key, known);
            wall.append(known.figure);
        }
        if (cell.shown && known.image.getAttribute("src") !== cell.shown) {
            known.image.src = cell.shown;
            known.image.hidden = false;
        }
        if (cell.done && known.state !== "done") {
            known.look.disabled = false;
            known.look.setAttribute("aria-label", `Open: ${cell.prompt || "enlarged picture"}${cell.seed === null ? "" : `, seed ${cell.seed}`}`);
            known.caption.replaceChildren(pictureFacts(cell), acts(cell, false, { compare, comparing: () => comparing }));
            drag(known.image, cell);
            if (comparing) set(known, cell);
        }
        known.state = cell.done ? "done" : "open";
        known.figure.classList.toggle("done", cell.done);
        known.figure.classList.toggle("waits", !cell.shown);
    }

    /**
     * A picture can be dragged into the well of a tab.
     * @param {HTMLImageElement} image
     * @param {any} given
     */
    function drag(image, { which }) {
        image.addEventListener("dragstart", (/** @type {any} */ event) => event.dataTransfer.setData("application/x-studio", JSON.stringify(which)));
    }

    function compare() {
        comparing = !comparing;
        for (const cell of view.job?.cells ?? []) if (cell.done && cell.before) set(cells.get(cell.key), cell);
    }

    /**
     * @param {any} known
     * @param {any} cell
     */
    function set(known, cell) {
        known.frame.querySelector(".compare")?.remove();
        if (comparing && cell.before) known.frame.append(beforeAfter(cell));
        known.caption.querySelector("[aria-pressed]")?.setAttribute("aria-pressed", String(comparing));
    }

    // As large as the room allows: try every number of columns.
    function arrange(shown = view?.job?.cells ?? []) {
        if (!shown.length) return;
        const isNarrow = narrow();
        const aspect = Math.min(...shown.map((cell) => cell.width / cell.height));
        const room = { width: wall.clientWidth, height: wall.clientHeight };
        let best = { columns: 1, width: 0 };
        for (let columns = 1; columns <= shown.length; columns++) {
            const rows = Math.ceil(shown.length / columns);
            const across = (room.width - GAP * (columns - 1)) / columns;
            const up = isNarrow ? Infinity : ((room.height - GAP * (rows - 1)) / rows - caption(across)) * aspect;
            const width = Math.min(across, up, Math.max(...shown.map((cell) => cell.width)) * MAGNIFY);
            if (isNarrow && columns !== (shown.length > 1 ? 2 : 1)) continue;
            if (width > best.width) best = { columns, width };
        }
        wall.style.setProperty("--columns", String(best.columns));
        wall.style.setProperty("--cell", `${Math.floor(best.width)}px`);
        wall.classList.toggle("small", best.width < SMALL);
    }

    function drawFoot() {
        const job = view.job;
        const busy = running(job) ? job : null;
        root.classList.toggle("busy", Boolean(busy));
        halt.hidden = !busy;
        behind.textContent = view.behind ? `${view.behind} more waiting` : "";
        const left = busy && busy.seconds_left !== null ? ` · ${leftOver(busy.seconds_left)}` : "";
        /** @type {Record<string, string | undefined>} */
        const ended = { done: job?.note, stopped: "Stopped", failed: "" };
        line.className = "line";
        if (!halt.disabled) line.textContent = busy ? busy.line + left : ended[job?.state ?? ""] ?? "";
        if (job?.fault && (job.id === blamed || !blame(job.fault))) complain(job.fault);
        blamed = busy ? null : job?.id;
        const percent = busy ? Math.round(busy.fraction * 100) : 0;
        filled.style.width = `${percent}%`;
        bar.setAttribute("aria-valuenow", String(percent));
        showProgress(busy ? (busy.step || busy.fetching ? `${percent} %` : busy.line) : "", busy ? busy.fraction : null);
        if (busy) announce(busy.fetching ? `Downloading ${busy.fetching}` : busy.state === "waiting" ? busy.line : "Drawing");
        else announce(job?.state === "done" ? job.note || "The picture is ready" : ended[job?.state ?? ""] ?? "");
    }

    /** @param {number} s */
    const leftOver = (s) => (s < 1 ? "under 1 s left" : s < 90 ? `${Math.ceil(s)} s left` : `${Math.ceil(s / 60)} min left`);

    /** @param {FieldFault} fault */
    function complain(fault) {
        line.className = "line wrong";
        line.textContent = `${fault.label ? `${fault.label}: ` : ""}${fault.message} ${fault.hint}`.trim();
        announce(line.textContent);
    }

    /** @param {string} text */
    function announce(text) {
        if (text !== announced) news.textContent = announced = text;
    }

    function drawStrip() {
        const keys = view.earlier.map((picture) => picture.key).join();
        if (strip.dataset.keys === keys) return;
        strip.dataset.keys = keys;
        strip.replaceChildren(...view.earlier.map((picture) => {
            const image = make("img", { src: picture.shown, alt: picture.prompt, loading: "lazy" });
            drag(image, picture);
            return make("button", {
                type: "button", class: "small-look", role: "listitem", "aria-label": `Open: ${picture.prompt || "enlarged picture"}`,
                onclick: () => open(picture.key),
            }, image);
        }));
    }

    function drawEmpty() {
        const model = facts()?.model;
        if (!model || empty.dataset.model === model.id) return;
        empty.dataset.model = model.id;
        const chips = model.examples.map((text) => make("button", { type: "button", class: "chip", onclick: () => { type(input("prompt"), text); input("prompt")?.focus(); } }, text));
        const groups = Object.entries(model.knows).map(([group, words]) =>
            make("div", {}, make("dt", {}, group), make("dd", {}, words.join(", "))));
        empty.replaceChildren(
            make("h2", {}, model.name),
            make("p", { class: "summary" }, model.summary),
            make("p", { class: "quiet" }, [model.family === model.name ? "" : model.family, model.place, model.licence].filter(Boolean).join(" · ")),
            ...(model.fault ? [make("p", { class: "wrong" }, model.fault)] : []),
            ...(chips.length ? [make("div", { class: "chips", role: "group", "aria-label": "Example prompts" }, ...chips)] : []),
            ...(groups.length ? [make("details", { class: "knows" }, make("summary", {}, "Words it knows"), make("dl", {}, ...groups))] : []),
        );
    }

    wall.addEventListener("keydown", (event) => {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!by) return;
        const looks = parts(wall, ".look:not(:disabled)");
        const at = looks.findIndex((look) => look === document.activeElement);
        if (at >= 0) looks[(at + by + looks.length) % looks.length].focus();
    });

    // Pictures that stand elsewhere can be used and sent on as those of the stage.
    panels.gallery = { results: all, tell, takers };
    new ResizeObserver(() => arrange()).observe(wall);
    onFacts(() => drawEmpty());
    watch("value", take);
    take();
    drawEmpty();
}
