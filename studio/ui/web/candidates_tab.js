// The candidates: a set as a sheet of cells that are kept, rejected, starred and rated by mouse or keyboard.
import { candidateCard, nice } from "./candidate_card.js";
import { candidateViews } from "./candidate_views.js";
import { make, narrow, part, tab, target } from "./dom.js";
import { begin, ready } from "./form.js";
import { metricWeights } from "./metric_weights.js";
import { menu } from "./menu.js";

/** @param {Island<Told, Metric[]>} island */
export function mount({ element, props, watch, server, tell: { open }, data: metrics }) {
    const MEMORY = "image-studio-candidates";
    const LOST = "The studio did not answer. Check the connection and try again.";
    const MORE = [8, 16, 32, 64];
    // As many picks fit beside each other.
    const PICKS = [2, 4];
    // Milliseconds that a filter rests until it is asked for.
    const REST = 150;
    // The width of a card in pixels, and beyond which one it shows the picture itself instead of a smaller copy.
    const ZOOM = { least: 120, usual: 240, most: 640, small: 384 };
    const REFINE = { hires: "Second pass, 1.5 times larger", upscale: "Enlarge, 2 times", variations: "4 variations of each" };
    const SIFTS = { all: "All within the limits", keep: "The best", reject: "Without the worst" };
    const SHOWS = { all: "All", kept: "Kept", rejected: "Rejected" };

    const root = part(element, ".board");
    const remembered = JSON.parse(localStorage.getItem(MEMORY) ?? "{}");
    // The set that is shown, what the server said last of it, and what it is asked, one after the other.
    /** @type {string | null} */
    let wanted = remembered.set ?? null;
    /** @type {Told} */
    let view = /** @type {any} */ (null);
    /** @type {{ act: string, given: Told }[]} */
    let waiting = [];
    let asking = false;
    /** @type {Told | null} */
    let missed = null;
    // Whether the cells stand as made until nobody is at them.
    let waits = false;
    /** @type {Timer} */
    let resting;
    /** @type {number | null} */
    let cursor = null;
    /** @type {Set<number>} */
    let picks = new Set();
    /** @type {number[]} */
    let order = [];
    /** @type {Map<number, any>} */
    const cells = new Map();

    // Head and tools.
    const sets = make("select", { "aria-label": "Set", onchange: () => { show(sets.value); } });
    const line = make("p", { class: "line", role: "status" });
    const halt = make("button", { type: "button", class: "plain", onclick: () => ask("stop") }, "Stop");
    const filled = make("div");
    const bar = make("div", { class: "bar", role: "progressbar", "aria-label": "Progress", "aria-valuemin": "0", "aria-valuemax": "100" }, filled);
    const counts = make("p", { class: "counts", "aria-live": "polite" });
    /**
     * @param {string} label
     * @param {any} choices
     * @param {any} chosen
     * @param {any} act
     */
    const select = (label, choices, chosen, act) => {
        const made = make("select", { "aria-label": label, onchange: act }, ...Object.entries(choices).map(([value, words]) => make("option", { value }, words)));
        made.value = chosen in choices ? chosen : Object.keys(choices)[0];
        return made;
    };
    /**
     * @param {string} words
     * @param {...any} fields
     */
    const labelled = (words, ...fields) => make("label", { class: "tool-field" }, make("span", {}, words), ...fields);
    /**
     * @param {string} words
     * @param {any} act
     * @param {Attributes} [more]
     */
    const button = (words, act, more = {}) => make("button", { type: "button", class: "plain", onclick: act, ...more }, words);
    const sorts = { rank: "Best first", made: "As made", mine: "My marks first", ...Object.fromEntries(metrics.map((/** @type {any} */ { name, label }) => [name, label])) };
    const sort = select("Sort by", sorts, remembered.sort ?? "rank", () => { waits = false; remember(); draw(); });
    const shows = select("Show", SHOWS, "all", () => draw());
    const sift = select("Keep which", SIFTS, "all", () => { amount.value = String(sift.value === "reject" ? 60 : Math.max(1, Math.round((view?.cells.length ?? 8) / 4))); filter(); });
    const amount = make("input", { type: "number", min: 0, max: 100, step: 1, "aria-label": "How many", oninput: () => filter() });
    const unit = make("span", { class: "quiet" });
    const zoom = make("input", { type: "range", min: ZOOM.least, max: ZOOM.most, value: remembered.zoom ?? ZOOM.usual, "aria-label": "Size of the pictures", oninput: () => { remember(); draw(); } });
    const undo = button("Undo", () => ask("undo"), { title: "Undo the last mark (Z)" });
    const beside = button("Compare", () => looks.compare([...picks]), { title: "Side by side: pick 2 to 4 (space)" });
    const refining = button("Refine kept", null);
    const refine = menu(refining, Object.entries(REFINE), (/** @type {string} */ how) => ask("refine", { how, images: kept().map((/** @type {any} */ { number }) => number) }));
    const more = make("span", {});
    const tuning = button("Limits and weights", () => tune(Boolean(side.body.hidden)), { "aria-expanded": "false" });
    const tools = make("div", { class: "board-tools" }, labelled("Sort", sort), labelled("Show", shows),
        make("div", { class: "tool-field" }, make("span", { "aria-hidden": "true" }, "Keep"), sift, amount, unit),
        labelled("Size", zoom), make("span", { class: "board-acts" }, undo, beside, refine, more, tuning));
    const grid = make("div", { class: "sheet-grid", role: "group", "aria-label": "Pictures; K keeps, R rejects, S stars, 1 to 5 rate, Z undoes" });
    const side = metricWeights(metrics, { changed: () => filter(), learn: () => ask("learn"), measure: () => ask("measure"), close: () => tune(false) });
    const nothing = make("div", { class: "empty" }, make("h2", {}, "Candidates"),
        make("p", { class: "summary" }, "Many pictures of one prompt, measured and ranked as they come, so that the few worth keeping are found fast."),
        make("p", { class: "summary" }, "They are made of what the form says; where it asks for one image, you get eight."),
        make("button", { type: "button", class: "plain", onclick: () => begin("candidates") }, "Make candidates"));
    const body = make("div", { class: "board-body" }, grid, side.body);
    const head = make("header", { class: "board-head" }, sets, line, halt, counts);
    root.append(head, bar, tools, body, nothing);

    const remember = () => localStorage.setItem(MEMORY, JSON.stringify({ set: wanted, sort: sort.value, zoom: Number(zoom.value) }));
    const kept = () => (view?.cells ?? []).filter((/** @type {any} */ cell) => cell.kept && !cell.gone);
    /** @param {number} number */
    const find = (number) => view?.cells.find((/** @type {any} */ cell) => cell.number === number);

    /** @param {any} set */
    function show(set) {
        if (set !== wanted) { picks = new Set(); cursor = null; }
        wanted = set;
        remember();
        open({ set });
    }

    /**
     * Asks one thing after the other; a filter that is still waiting is replaced by the next.
     * @param {any} act
     * @param {Attributes} [given]
     */
    function ask(act, given = {}) {
        if (!view?.set) return;
        waiting = waiting.filter((one) => act !== "sift" || one.act !== "sift");
        waiting.push({ act, given: { set: view.set, ...given } });
        if (!asking) pump();
    }

    async function pump() {
        asking = true;
        /** @type {any} */
        let answer = null;
        while (waiting.length) {
            const { act, given } = /** @type {{ act: string, given: Told }} */ (waiting.shift());
            answer = (await server[act](given).catch(() => null)) ?? { fault: LOST };
            if (answer.set && answer.set !== given.set) { wanted = answer.set; picks = new Set(); cursor = null; remember(); }
            if (act === "undo" && answer.undone !== null && answer.undone !== undefined) cursor = answer.undone;
            if (answer.agreement) side.agree(answer.agreement, view);
        }
        asking = false;
        if (answer.set) take(answer);
        if (answer.undone !== undefined && cursor !== null && find(cursor)) looks.again(cursor);
        take(missed);
        missed = null;
        if (answer.fault) complain(answer.fault);
    }

    /** @param {any} told */
    function take(told) {
        // While something is asked, the page is ahead of what it is told; what is newer than the answer is not lost.
        if (asking) missed = told;
        if (!told || asking || told.serial <= (view?.serial ?? 0)) return;
        if (told.begun && told.set !== wanted) { wanted = told.set; picks = new Set(); cursor = null; remember(); }
        if (told.set && wanted && told.set !== wanted) return;
        const before = view;
        view = told;
        wanted = told.set ?? wanted;
        if (before?.set !== view.set) { for (const { figure } of cells.values()) figure.remove(); cells.clear(); order = []; }
        draw();
        if (view.begun) open({ set: view.set });
    }

    function draw() {
        const empty = !view.set;
        nothing.hidden = !empty;
        for (const part of [head, bar, tools, body]) part.hidden = empty;
        if (empty) { if (view.fault) forget(); return; }
        drawHead();
        drawTools();
        grid.style.setProperty("--candidate", `${zoom.value}px`);
        drawGrid();
        if (!side.body.hidden) side.draw(view);
    }

    // The set that was shown last has gone: show the newest there is.
    function forget() {
        if (wanted === null) return;
        wanted = null;
        remember();
        if (view.sets.length) show(view.sets[0].id);
    }

    function drawHead() {
        const told = JSON.stringify(view.sets);
        if (sets.dataset.told !== told) {
            sets.replaceChildren(...view.sets.map((/** @type {any} */ { id, title, created, made }) => make("option", { value: id }, `${title || "Without words"} · ${made} · ${when(created)}`)));
            sets.dataset.told = told;
        }
        sets.value = view.set;
        halt.hidden = !view.making;
        bar.classList.toggle("on", view.making);
        const percent = Math.round(100 * (view.fraction ?? 0));
        filled.style.width = `${percent}%`;
        bar.setAttribute("aria-valuenow", String(percent));
        line.className = view.ended ? "line wrong" : "line";
        line.textContent = view.ended ? `${view.ended.message} ${view.ended.hint}` : view.making ? view.line : view.busy ? "Measuring" : "";
        const out = view.cells.filter((/** @type {any} */ cell) => !cell.kept).length;
        const made = view.cells.length < view.count ? `${view.cells.length} of ${view.count} made` : `${view.count} made`;
        const rate = view.cells.length ? ` (${Math.round((100 * out) / view.cells.length)} %)` : "";
        counts.textContent = `${made} · ${view.cells.length - out} kept · ${out} rejected${rate}`;
    }

    /** @param {number} seconds */
    const when = (seconds) => {
        const date = new Date(1000 * seconds);
        const today = date.toDateString() === new Date().toDateString();
        return date.toLocaleString(undefined, today ? { hour: "2-digit", minute: "2-digit" } : { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
    };

    /** @param {string} words */
    function complain(words) {
        line.className = "line wrong";
        line.textContent = words;
    }

    function drawTools() {
        const { keep, reject_share: share } = view.rules;
        if (!root.contains(document.activeElement) || ![sift, amount].some((one) => one === document.activeElement)) {
            sift.value = keep !== null ? "keep" : share !== null ? "reject" : "all";
            amount.value = keep ?? Math.round(100 * (share ?? 0));
        }
        amount.hidden = unit.hidden = sift.value === "all";
        unit.textContent = sift.value === "reject" ? "%" : "";
        beside.textContent = picks.size ? `Compare ${picks.size}` : "Compare";
        beside.disabled = picks.size < PICKS[0];
        refining.disabled = !kept().length;
        const told = `${view.more} ${view.most}`;
        if (more.dataset.told === told) return;
        more.dataset.told = told;
        const choices = MORE.filter((count) => count <= view.most).map((count) => [count, `${count} more`]);
        more.replaceChildren(...(view.more && choices.length ? [menu(button("More", null), choices, (/** @type {any} */ count) => ask("more", { count: Number(count) }))] : []));
    }

    /** @param {any} cell */
    const LIKED = (cell) => (cell.mark.star ? 100 : 0) + (cell.mark.rating ?? 0) * 10 + (/** @type {Record<string, number>} */ ({ keep: 5, reject: -5 })[cell.mark.verdict] ?? 0);

    function sorted() {
        const by = sort.value;
        // Nothing moves while pictures still come, nor then under somebody's hands.
        waits = view.making || (waits && grid.matches(":hover, :focus-within"));
        if (by === "made" || waits) return [...view.cells];
        const lower = metrics.find((/** @type {any} */ { name }) => name === by)?.better === "lower";
        const key = by === "rank" ? (/** @type {any} */ cell) => -(cell.rank ?? Infinity) : by === "mine" ? LIKED : (/** @type {any} */ cell) => (lower ? -1 : 1) * (cell.scores[by] ?? (lower ? Infinity : -Infinity));
        return [...view.cells].sort((a, b) => key(b) - key(a) || a.number - b.number);
    }

    function drawGrid() {
        const shown = sorted().filter((cell) => shows.value === "all" || cell.kept === (shows.value === "kept"));
        const all = shows.value === "all" ? [...shown, ...view.coming] : shown;
        const keys = new Set(all.map(({ number }) => number));
        for (const [number, { figure }] of cells) if (!keys.has(number)) { figure.remove(); cells.delete(number); }
        all.forEach(place);
        const now = all.map(({ number }) => number);
        if (now.join() !== order.join() || grid.children.length !== now.length) {
            const focused = document.activeElement?.closest?.(".candidate") ? cursor : null;
            grid.append(...now.map((number) => cells.get(number).figure));
            order = now;
            if (focused !== null) cells.get(focused)?.look.focus({ preventScroll: true });
        }
        if (cursor === null || !order.includes(cursor) || !find(cursor)) cursor = order.find(find) ?? null;
        point(cursor, false);
    }

    /** @param {any} cell */
    function place(cell) {
        if (!cells.has(cell.number)) cells.set(cell.number, candidateCard(cell.number, { mark, pick, point, look: (/** @type {number} */ number) => looks.open(number) }));
        const large = !narrow() && Number(zoom.value) * devicePixelRatio > ZOOM.small;
        cells.get(cell.number).draw(cell, {
            picked: picks.has(cell.number), value: scored(cell), source: (large && cell.file) || cell.shown,
            scores: metrics.filter((/** @type {any} */ { name }) => name in (cell.scores ?? {})).map((/** @type {any} */ { name, label }) => `${label}: ${nice(cell.scores[name])}`).join("\n"),
        });
    }

    /**
     * The number that a picture is sorted by, in words; its score where that is none.
     * @param {any} given
     */
    function scored({ score, scores = {} }) {
        const by = metrics.find((/** @type {any} */ { name }) => name === sort.value && name in scores);
        return by ? `${by.label} ${nice(scores[by.name])}` : typeof score === "number" ? `score ${score.toFixed(2)}` : "";
    }

    /**
     * What was said already is taken back by saying it again.
     * @param {number} number
     * @param {any} change
     */
    function mark(number, change) {
        const cell = find(number);
        if (!cell || cell.gone) return;
        const now = { ...cell.mark, ...change };
        if (change.verdict && change.verdict === cell.mark.verdict) now.verdict = null;
        if (change.rating && change.rating === cell.mark.rating) now.rating = null;
        cell.mark = now;
        if (now.verdict === "reject") [cell.kept, cell.reason] = [false, "rejected by you"];
        else if (now.verdict === "keep" || now.star) [cell.kept, cell.reason] = [true, "kept by you"];
        cursor = number;
        draw();
        ask("mark", { image: number, ...now });
        if (!side.body.hidden) ask("agree");
        looks.again(number);
    }

    /** @param {number} number */
    function pick(number) {
        if (!picks.delete(number) && picks.size < PICKS[1]) picks.add(number);
        place(find(number));
        drawTools();
    }

    /**
     * The cell that keys mean.
     * @param {number | null} number
     * @param {boolean} [focus]
     */
    function point(number, focus = true) {
        cursor = number;
        for (const [at, { figure, look }] of cells) {
            figure.classList.toggle("pointed", at === number);
            look.tabIndex = at === number ? 0 : -1;
        }
        if (focus && number !== null) cells.get(number)?.look.focus();
    }

    const columns = () => getComputedStyle(grid).gridTemplateColumns.split(" ").length;

    /** @param {number} by */
    function step(by) {
        const at = order.indexOf(cursor ?? -1);
        const next = order[at < 0 ? 0 : at + by];
        if (next !== undefined) point(next);
    }

    /** @param {KeyboardEvent} event */
    function key(event) {
        const dialog = document.querySelector("dialog[open]");
        const here = root.contains(target(event)) || event.target === document.body;
        if (tab() !== "candidates" || !view?.set || event.altKey || target(event)?.closest("[popover]")) return;
        if (dialog ? !dialog.matches(".full") : !here || target(event)?.matches("input, select, textarea")) return;
        const pressed = event.key.toLowerCase();
        const undoing = pressed === "z";
        if ((event.ctrlKey || event.metaKey) && !undoing) return;
        /** @type {Record<string, number>} */
        const moves = dialog ? {} : { arrowleft: -1, arrowright: 1, arrowup: -columns(), arrowdown: columns() };
        if (pressed in moves) step(moves[pressed]);
        else if (undoing) ask("undo");
        else if (dialog?.matches(".picks") || cursor === null || !find(cursor)) return;
        else if (pressed === "k") mark(cursor, { verdict: "keep" });
        else if (pressed === "r") mark(cursor, { verdict: "reject" });
        else if (pressed === "s") mark(cursor, { star: !find(cursor).mark.star });
        else if (/^[1-5]$/.test(pressed)) mark(cursor, { rating: Number(pressed) });
        else if (pressed === " " && !dialog && target(event)?.matches(".look, body")) pick(cursor);
        else return;
        event.preventDefault();
        event.stopPropagation();
    }

    const looks = candidateViews(metrics, {
        cells: () => order.map(find).filter((cell) => cell && !cell.gone), find, mark, point, scored,
    });

    /** @param {boolean} on */
    function tune(on) {
        side.body.hidden = !on;
        tuning.setAttribute("aria-expanded", String(on));
        if (!on) return tuning.focus();
        side.draw(view);
        ask("agree");
    }

    function filter() {
        clearTimeout(resting);
        amount.hidden = unit.hidden = sift.value === "all";
        resting = setTimeout(() => ask("sift", rules()), REST);
    }

    function rules() {
        const many = Math.max(0, Number(amount.value) || 0);
        return {
            ...side.read(view.rules),
            keep: sift.value === "keep" ? Math.round(many) : null,
            reject_share: sift.value === "reject" ? Math.min(1, many / 100) : null,
        };
    }

    grid.addEventListener("pointerleave", () => { if (waits && !view.making) draw(); });
    document.addEventListener("keydown", key, true);
    watch("value", () => take(props.value));
    if (props.value?.set) {
        wanted = props.value.set;
        take(props.value);
    } else {
        ready.then(() => open({ set: wanted }));
    }
}
