// What became of a comparison: a row for each prompt, and two of its pictures one over the other.
import { beforeAfter } from "./before_after.js";
import { host, make, target } from "./dom.js";
import { panels } from "./panels.js";
import { icon } from "./icon.js";
import { pictureActions } from "./picture.js";

/** @type {Record<string, number[]>} */
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

export function comparisonTable() {
    /** @type {Record<string, string>} */
    const WAITS = { waiting: "Waiting", running: "In the making", stopped: "Stopped", empty: "No picture for this prompt" };

    // What a fault is called where its own name is not a creator's.
    /** @type {Record<string, string>} */
    const FAULTS = {
        call_refused: "Not taken", internal_error: "Broke down", invalid_recipe: "Not possible", key_refused: "Key", moderated: "Refused", out_of_credit: "No credit",
        rate_limited: "Too many calls", service_failed: "Service broke down",
    };

    const empty = make("div", { class: "versus-empty" }, make("h2", {}, "The same prompts, several models"),
        make("p", { class: "quiet" }, "Write prompts, choose models on this machine and hosted ones, and bring pictures that you kept. What each costs is said before and after."));
    const table = make("div", { class: "versus-table" });
    const root = make("div", { class: "versus-wall" }, empty, table);
    /** @type {Told} */
    let view = /** @type {any} */ (null);
    // The first of two pictures that are to be held against each other.
    /** @type {HTMLDialogElement | null} */
    let dialog = null;
    /** @type {Told | null} */
    let picked = null;

    /** @param {any} cell */
    const key = (cell) => `${cell.line}/${cell.column}`;
    /** @type {Map<string, { now: string, figure: HTMLElement }>} */
    const drawn = new Map();

    /** @param {any} given */
    function draw(given) {
        if (given?.id !== view?.id) {
            drawn.clear();
            picked = null;
        }
        view = given;
        empty.hidden = Boolean(view);
        table.hidden = !view;
        if (!view) return table.replaceChildren();
        table.style.setProperty("--columns", view.columns.length);
        const heads = make("div", { class: "versus-heads" }, ...view.columns.map((/** @type {any} */ { contestant }) => make("strong", { title: contestant }, contestant)));
        table.replaceChildren(heads, ...view.lines.map((/** @type {any} */ line, /** @type {number} */ at) => make("section", { class: "versus-prompt", "aria-label": line.prompt },
            make("h3", {}, line.prompt, ...line.tags.map((/** @type {string} */ tag) => make("span", { class: "versus-tag" }, tag))),
            make("div", { class: "versus-cells" }, ...view.cells.filter((/** @type {any} */ cell) => cell.line === at).map(cellOf)))));
    }

    /**
     * What has not changed is not made anew: pictures would flicker, and the focus be lost.
     * @param {any} cell
     */
    function cellOf(cell) {
        const now = JSON.stringify(cell);
        const before = drawn.get(key(cell));
        if (before?.now === now) return before.figure;
        const made = figure(cell);
        drawn.set(key(cell), { now, figure: made });
        return made;
    }

    /** @param {any} cell */
    function figure(cell) {
        const label = view.columns[cell.column].contestant;
        const about = make("figcaption", {}, make("span", { class: "versus-name" }, label));
        if (!cell.file) {
            const words = cell.state === "failed" ? "" : WAITS[cell.state] ?? "The picture is gone";
            return make("figure", { class: `versus-cell ${cell.state}` }, make("div", { class: "versus-blank" },
                ...(cell.look ? [make("img", { src: cell.look, alt: "" })] : []),
                ...(cell.state === "failed" ? [make("strong", {}, FAULTS[cell.kind] ?? cell.kind.replaceAll("_", " ").replace(/^./, (/** @type {string} */ letter) => letter.toUpperCase())), make("p", {}, cell.fault)] : [make("p", {}, cell.fault || words)])), about);
        }
        const pick = make("button", { type: "button", class: "act", "aria-label": `Hold ${label} against another`, title: "Hold against another", "aria-pressed": "false", onclick: () => choose(cell) }, icon("compare"));
        const deeds = acts(cell, false);
        deeds.prepend(pick);
        about.append(make("span", { class: "versus-said" }, ...cell.said.map((/** @type {any} */ part) => make("span", {}, part))),
            ...(cell.measured.length ? [make("details", { class: "versus-revised" }, make("summary", {}, "Measures"),
                make("dl", {}, ...cell.measured.flatMap((/** @type {any} */ [name, value]) => [make("dt", {}, name), make("dd", {}, Number(value.toPrecision(3)))])))] : []),
            ...(cell.revised ? [make("details", { class: "versus-revised" }, make("summary", {}, "Revised prompt"), make("p", {}, cell.revised))] : []),
            deeds);
        return make("figure", { class: "versus-cell done" },
            make("button", { type: "button", class: "versus-look", "aria-label": `${label}: full view`, onclick: () => show(cell) },
                make("img", { src: cell.shown || cell.file, alt: view.lines[cell.line].prompt, width: cell.width, height: cell.height, loading: "lazy" })), about);
    }

    /** @param {any} cell */
    function choose(cell) {
        const first = picked;
        picked = first ? null : cell;
        for (const [place, { figure: made }] of drawn) made.querySelector("[aria-pressed]")?.setAttribute("aria-pressed", String(place === (picked && key(picked))));
        if (first && key(first) !== key(cell)) hold(first, cell);
    }

    /**
     * As every picture has them; the full view is left first.
     * @param {any} cell
     * @param {boolean} worded
     */
    const acts = (cell, worded) => pictureActions(cell, worded, { .../** @type {Deeds} */ (panels.gallery), away: true, shut: () => dialog?.close() });

    /** @param {any} cell */
    const name = (cell) => view.columns[cell.column].contestant;
    /** @param {any} cell */
    const frame = (cell) => {
        const made = make("div", { class: "full-frame" }, make("img", { src: cell.file, alt: `${name(cell)}: ${view.lines[cell.line].prompt}` }));
        made.style.setProperty("--natural", `${cell.width * 5}px`);
        made.style.setProperty("--aspect", `${cell.width} / ${cell.height}`);
        made.style.setProperty("--shape", String(cell.width / cell.height));
        return made;
    };

    /**
     * @param {string} label
     * @param {...any} tools
     */
    function dialogOf(label, ...tools) {
        const place = make("div", { class: "full-picture", onclick: (event) => { if (event.target === event.currentTarget) shown.close(); } });
        const words = make("div", { class: "full-said" });
        const shown = dialog = make("dialog", { class: "full versus-full", "aria-label": label, onclose: () => { shown.remove(); } },
            make("header", {}, make("button", { type: "button", class: "plain back", onclick: () => { shown.close(); } }, icon("back"), "Back to the comparison"), ...tools),
            place, words);
        host().append(shown);
        shown.showModal();
        return { dialog: shown, place, words };
    }

    /**
     * One picture; arrows go along its row and its column.
     * @param {any} cell
     */
    function show(cell) {
        const deeds = make("div");
        const { dialog, place, words } = dialogOf("Full view", deeds);
        /** @param {any} next */
        const put = (next) => {
            cell = next;
            place.replaceChildren(frame(cell));
            deeds.replaceChildren(acts(cell, true));
            words.replaceChildren(make("p", { class: "full-prompt" }, view.lines[cell.line].prompt), make("p", {}, [name(cell), ...cell.said].join(" · ")),
                ...(cell.revised ? [make("p", { class: "quiet" }, `Revised prompt: ${cell.revised}`)] : []));
        };
        dialog.addEventListener("keydown", (/** @type {any} */ event) => {
            if (target(event)?.closest("[popover]")) return;
            const step = STEPS[event.key];
            if (!step) return;
            event.preventDefault();
            /** @param {any} other */
            const fits = (other) => (step[0] ? other.column === cell.column && (other.line - cell.line) * step[0] > 0 : other.line === cell.line && (other.column - cell.column) * step[1] > 0);
            const ahead = view.cells.filter((/** @type {any} */ other) => other.file && fits(other));
            if (ahead.length) put(step[0] + step[1] > 0 ? ahead[0] : ahead.at(-1));
        });
        put(cell);
    }

    /**
     * Two pictures, one over the other with a line to drag, or beside each other.
     * @param {any} first
     * @param {any} second
     */
    function hold(first, second) {
        const beside = make("button", { type: "button", class: "plain versus-beside", "aria-pressed": "false", onclick: () => { aside = !aside; put(); } }, "Side by side");
        const { place, words } = dialogOf("Two pictures", beside);
        let aside = false;
        const put = () => {
            beside.setAttribute("aria-pressed", String(aside));
            place.classList.toggle("two", aside);
            const under = frame(second);
            if (!aside) under.append(beforeAfter({ before: first.file, fit: "pad", width: second.width, height: second.height }, [name(first), name(second)]));
            place.replaceChildren(...(aside ? [frame(first), under] : [under]));
        };
        words.append(...[first, second].map((cell) => make("p", {}, make("strong", {}, name(cell)), ` ${cell.said.join(" · ")}`)));
        put();
    }

    draw(null);
    return { root, draw };
}
