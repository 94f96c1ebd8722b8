// The stage: the job in front as a wall of pictures, its progress, and earlier pictures in a strip below.
import { make, narrow, part, parts } from "./dom.js";
import { exampleCards } from "./examples.js";
import { facts, onFacts } from "./form.js";
import { blame, forgiveAll, sentence } from "./form_faults.js";
import { ids } from "./ids.js";
import { panels } from "./panels.js";
import { pictureActions, pictureFacts } from "./picture.js";
import { html, nothing, render, repeat } from "./vendor/lit.js";

// Small pictures are not blown up beyond this.
const MAGNIFY = 5;
const GAP = 16;
// A picture below this width has its caption in two lines.
const SMALL = 360;
/**
 * @param {number} width
 * @param {boolean} several
 */
const caption = (width, several) => (several ? 28 : width < SMALL ? 80 : 56);

/** @param {Island<View, Record<string, string>, PictureActs>} island */
export function mount({ element, props, watch, tell, server, data: takers }) {
    const root = part(element, ".stage");
    /** @type {View | null} */
    let view = null;
    let serial = 0;
    // The ended job whose field has been marked, or that was over when the page came.
    /** @type {string | null | undefined} */
    let blamed = null;
    // What shows results with what they were made from, once it was asked for; whether it does, and whether the job was told to stop.
    /** @type {typeof import("./before_after.js") | null} */
    let over = null;
    let comparing = false;
    // The newest job that enlarged; null until the page has heard of any.
    /** @type {string | null} */
    let enlarged = null;
    let stopping = false;
    let line = { words: "", wrong: false };
    // Whether a job was seen at work in this tab: its line stays when it ends, so that nothing jumps then.
    let worked = false;
    let news = "";
    let arranged = "";
    /** @type {FullView | null} */
    let full = null;
    /** @type {ReturnType<typeof import("./everything.js").everythingBehind> | null} */
    let reel = null;

    const shut = () => full?.shut();
    const all = () => [...(view?.job?.cells ?? []).filter((cell) => cell.done), ...(view?.earlier ?? [])];

    /** @param {string} key */
    async function open(key) {
        const [{ fullView }, { everythingBehind }] = await Promise.all([import("./full_view.js"), import("./everything.js")]);
        reel ??= everythingBehind(all, server);
        full ??= fullView({ reel, back: "to results", changed: () => tell.look(), closed: (last) => parts(root, `[data-key="${CSS.escape(last)}"] .look`)[0]?.focus() });
        full.open(key);
        await reel.begin();
        full.draw();
    }

    function take() {
        // Two listeners may tell at once; the newest view is the true one.
        const told = props.value;
        if (!told || told.serial <= serial) return;
        const { job } = told;
        if (!view) {
            blamed = job?.id;
            part(document, `#${ids.stage}`).dataset.ready = "";
        } else if (job && job.id !== view.job?.id) forgiveAll();
        const moved = view?.job?.id !== job?.id || view?.job?.state !== job?.state;
        if (moved) stopping = false;
        if (view && (moved || view.behind !== told.behind)) panels.status?.ask();
        view = told;
        serial = told.serial;
        say(told);
        draw();
        // What came meanwhile stands beside what is seen in full.
        if (moved) full?.draw();
        panels.rounds?.made(told.job);
        // What was enlarged is shown with what it was.
        const large = job?.state === "done" && job.id !== enlarged && job.cells.some((cell) => cell.done && cell.task === "upscale" && cell.before);
        if (large && enlarged !== null && !comparing) compare();
        enlarged = large ? job.id : enlarged ?? "";
        const layout = shown().map((cell) => `${cell.key} ${cell.width} ${cell.height}`).join();
        // To measure the room makes the browser lay out the page.
        if (layout !== arranged) arrange();
        arranged = layout;
    }

    /**
     * What is said of the job; a fault stands at its field, where that is to be seen.
     * @param {View} told
     */
    function say({ job, fault, said }) {
        const busy = isRunning(job) ? job : null;
        const ended = { done: job?.note ?? "", stopped: "Stopped" }[/** @type {string} */ (job?.state ?? "")] ?? "";
        if (!stopping) line = { words: busy ? [busy.line, busy.seconds_left === null ? "" : leftOver(busy.seconds_left)].filter(Boolean).join(" · ") : ended, wrong: false };
        news = busy ? (busy.fetching ? `Downloading ${busy.fetching}` : busy.state === "waiting" ? busy.line : "Drawing")
            : job?.state === "done" ? job.note || "The picture is ready" : ended;
        if (job?.fault && (job.id === blamed || !blame(job.fault))) complain(job.fault);
        blamed = busy ? null : job?.id;
        if (fault && !blame(fault)) complain(fault);
        if (said) {
            line = { words: said, wrong: false };
            news = said;
            if (narrow()) window.scrollTo(0, 0);
        }
        showProgress(busy ? (busy.step || busy.fetching ? `${percent()} %` : busy.line) : "", busy ? busy.fraction : null);
    }

    /** @param {FieldFault} fault */
    function complain(fault) {
        news = sentence(fault);
        line = { words: news, wrong: true };
    }

    // Of a job that was stopped, what was drawn so far stays in sight.
    const shown = () => (view?.job?.cells ?? []).filter((cell) => cell.done || isRunning(view?.job) || (view?.job?.state === "stopped" && cell.shown));
    const percent = () => (isRunning(view?.job) ? Math.round((view?.job?.fraction ?? 0) * 100) : 0);

    function draw() {
        const job = view?.job;
        const cells = shown();
        const busy = isRunning(job);
        root.classList.toggle("has-pictures", cells.length > 0);
        root.classList.toggle("busy", busy);
        worked ||= busy;
        rest();
        root.classList.toggle("several", cells.length > 1);
        // Where nothing was made, there is no seed to be taken; the form may come after the gallery.
        document.getElementById(ids.seedReuse)?.toggleAttribute("disabled", !all().length);
        render(html`<div class="pictures" @keydown=${step}>${repeat(cells, ({ key }) => key, figure)}</div>
            <div class="empty" ?hidden=${cells.length > 0 || Boolean(job)}>${intro(facts()?.model)}</div>
            <div class="foot">
                <div class="bar" role="progressbar" aria-label="Progress" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent()}><div style=${`width: ${percent()}%`}></div></div>
                <div class="foot-row"><p class=${line.wrong ? "line wrong" : "line"}>${line.words}</p><p class="behind">${view?.behind ? `${view.behind} more waiting` : ""}</p>
                    <button class="halt plain" title="Stop (Esc)" ?hidden=${!busy} ?disabled=${stopping} @click=${halt}>Stop</button></div>
            </div>
            <div class="strip" role="list" aria-label="Earlier pictures">${repeat(view?.earlier ?? [], ({ key }) => key, earlier)}</div>
            <p class="unseen" role="status" aria-live="polite">${news}</p>`, root);
    }

    function halt() {
        if (!view?.job) return;
        stopping = true;
        line = { words: "Stopping", wrong: false };
        tell.stop({ job: view.job.id });
        draw();
    }

    /** @param {Picture | Expected} cell */
    function figure(cell) {
        const job = view?.job;
        const label = cell.done ? `Open: ${cell.prompt || "enlarged picture"}${cell.seed === null ? "" : `, seed ${cell.seed}`}` : nothing;
        return html`<figure class=${["cell", cell.done ? "done" : "", cell.shown ? "" : "waits"].filter(Boolean).join(" ")} data-key=${cell.key} style=${`--aspect: ${cell.width} / ${cell.height}`}>
            <div class="frame">
                <button type="button" class="look" ?disabled=${!cell.done} aria-label=${label} @click=${() => open(cell.key)}><img alt=${cell.prompt} width=${cell.width} height=${cell.height}
                    src=${cell.shown || nothing} ?hidden=${!cell.shown} @dragstart=${(event) => { if (cell.done) carry(event, cell); }}></button>
                ${comparing && cell.done && cell.before ? over?.beforeAfter(cell) : nothing}
            </div>
            <figcaption>${cell.done ? [pictureFacts(cell), pictureActions(cell, false, { tell, takers, shut, comparing, compare })] : job?.state === "stopped" ? unfinished(cell) : nothing}</figcaption>
        </figure>`;
    }

    /**
     * What was drawn of a picture until it was stopped, to be kept where somebody wants it.
     * @param {Picture | Expected} cell
     */
    const unfinished = ({ shown: look, prompt }) => html`<p class="said">Unfinished preview</p><div class="acts"><a class="plain" href=${look} download=${`${prompt.slice(0, 60) || "picture"} (unfinished).jpg`}>Keep it</a></div>`;

    async function compare() {
        over ??= await import("./before_after.js");
        comparing = !comparing;
        draw();
    }

    /** @param {Picture} picture */
    const earlier = (picture) => html`<button type="button" class="small-look" role="listitem" aria-label=${`Open: ${picture.prompt || "enlarged picture"}`} @click=${() => open(picture.key)}><img
        src=${picture.shown} alt=${picture.prompt} loading="lazy" @dragstart=${(event) => carry(event, picture)}></button>`;

    // As large as the room allows: try every number of columns.
    function arrange() {
        const cells = shown();
        if (!cells.length) return;
        const wall = part(root, ".pictures");
        const isNarrow = narrow();
        const aspect = Math.min(...cells.map((cell) => cell.width / cell.height));
        const room = { width: wall.clientWidth, height: wall.clientHeight };
        let best = { columns: 1, width: 0 };
        for (let columns = 1; columns <= cells.length; columns++) {
            const rows = Math.ceil(cells.length / columns);
            const across = (room.width - GAP * (columns - 1)) / columns;
            const up = isNarrow ? Infinity : ((room.height - GAP * (rows - 1)) / rows - caption(across, cells.length > 1)) * aspect;
            const width = Math.min(across, up, Math.max(...cells.map((cell) => cell.width)) * MAGNIFY);
            if (isNarrow && columns !== (cells.length > 1 ? 2 : 1)) continue;
            if (width > best.width) best = { columns, width };
        }
        wall.style.setProperty("--columns", String(best.columns));
        wall.style.setProperty("--cell", `${Math.floor(best.width)}px`);
        wall.classList.toggle("small", best.width < SMALL);
    }

    // Each tab has examples of its own.
    function turned() {
        worked = isRunning(view?.job);
        if (view?.job) rest();
        else draw();
    }

    // A phone has no room for a line without words.
    function rest() {
        root.classList.toggle("idle", !worked && !line.words && !view?.behind);
    }

    // Leaves the comparison with the originals, where there is one.
    function leave() {
        const seen = comparing && root.checkVisibility();
        if (seen) compare();
        return seen;
    }

    // Pictures that stand elsewhere can be used and sent on as those of the stage.
    panels.gallery = { results: all, turned, leave, tell, takers, server, open, job: () => view?.job ?? null };
    draw();
    new ResizeObserver(arrange).observe(part(root, ".pictures"));
    onFacts(draw);
    watch("value", take);
    take();
}

/** @param {JobView | null | undefined} job */
const isRunning = (job) => job?.state === "waiting" || job?.state === "running";

/** @param {number} s */
const leftOver = (s) => (s < 1 ? "under 1 s left" : s < 90 ? `${Math.ceil(s)} s left` : `${Math.ceil(s / 60)} min left`);

/**
 * A picture can be dragged into the well of a tab.
 * @param {DragEvent} event
 * @param {Picture} picture
 */
const carry = (event, { which }) => event.dataTransfer?.setData("application/x-studio", JSON.stringify(which));

/**
 * Arrows lead from picture to picture.
 * @param {any} event
 */
function step({ key, currentTarget: wall }) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[/** @type {string} */ (key)];
    if (!by) return;
    const looks = parts(wall, ".look:not(:disabled)");
    const at = looks.findIndex((look) => look === document.activeElement);
    if (at >= 0) looks[(at + by + looks.length) % looks.length].focus();
}

/**
 * What the model is, and what one may ask of it, where there is no picture yet.
 * @param {ModelFacts | undefined} model
 */
function intro(model) {
    if (!model) return nothing;
    const facts = [model.family === model.name ? "" : model.family, model.place, model.licence].filter(Boolean).join(" · ");
    return html`<h2>${model.name}</h2><p class="summary">${model.summary}</p><p class="quiet">${facts}</p>
        ${model.fault ? html`<p class="wrong">${model.fault}</p>` : nothing}
        ${exampleCards()}
        ${Object.keys(model.knows).length ? html`<button type="button" class="plain" @click=${async () => (await import("./known_words.js")).showKnownWords(model)}>Words it knows</button>` : nothing}`;
}

const RING = 2 * Math.PI * 9;
let titled = "";

/**
 * What the browser's tab says: how far the job is, in its title and its icon.
 * @param {string} title
 * @param {number | null} fraction
 */
function showProgress(title, fraction) {
    const now = `${title} ${fraction?.toFixed(2)}`;
    if (now === titled) return;
    titled = now;
    document.title = title ? `${title} · Image Studio` : "Image Studio";
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1e1e1e"/>${arc(fraction)}</svg>`;
    /** @type {HTMLLinkElement | null} */
    let link = document.querySelector("link[rel~=icon]");
    if (!link) document.head.append((link = make("link", { rel: "icon" })));
    link.type = "image/svg+xml";
    link.href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** @param {number | null} fraction */
const arc = (fraction) => (fraction === null
    ? `<circle cx="16" cy="16" r="9" fill="none" stroke="#78a6f5" stroke-width="4"/>`
    : `<circle cx="16" cy="16" r="9" fill="none" stroke="#5c5c5c" stroke-width="4"/>
       <circle cx="16" cy="16" r="9" fill="none" stroke="#78a6f5" stroke-width="4"
           stroke-dasharray="${(RING * fraction).toFixed(1)} ${RING.toFixed(1)}" transform="rotate(-90 16 16)"/>`);
