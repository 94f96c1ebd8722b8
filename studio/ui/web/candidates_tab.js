// The candidates: a set as a sheet of cells that are kept, rejected, starred and rated by mouse or keyboard.
import { askingInTurn } from "./candidate_asking.js";
import { candidateCard, droppedCard, nice } from "./candidate_card.js";
import { candidateComposer, USUAL } from "./candidate_composer.js";
import { ordered, scored } from "./candidate_order.js";
import { candidateHead, candidateTools, PICKS, ZOOM } from "./candidate_tools.js";
import { candidateViews } from "./candidate_views.js";
import { input, keepingFocus, narrow, part, parts, tab, target } from "./dom.js";
import { onFacts, onValues } from "./form.js";
import { ready } from "./form_start.js";
import { compose } from "./generate.js";
import { metricWeights } from "./metric_weights.js";
import { sentence } from "./form_faults.js";
import { sharpAddress } from "./picture.js";
import { html, nothing, render, repeat } from "./vendor/lit.js";

const MEMORY = "image-studio-candidates";
// Milliseconds that a filter rests until it is asked for.
const REST = 150;

/** @param {Island<CandidatesView | NoCandidates, Metric[], Record<string, import("./candidate_asking.js").Answered>>} island */
export function mount({ element, props, watch, server, tell: { open }, data: metrics }) {
    const root = part(element, ".board");
    const remembered = JSON.parse(localStorage.getItem(MEMORY) ?? "{}");
    // The set that is shown, what the server said last of it, and what it is asked, one after the other.
    /** @type {string | null} */
    let wanted = remembered.set ?? null;
    /** @type {(CandidatesView | NoCandidates | null)[]} */
    let [view, missed] = [null, null];
    // What is composed beside the set that is shown, and what was told where there is none.
    /** @type {import("./candidate_composer.js").Composed | null} */
    let draft = null;
    /** @type {NoCandidates | null} */
    let none = null;
    /** @type {Timer} */
    let resting;
    /** @type {number | null} */
    let cursor = null;
    /** @type {Set<number>} */
    let picks = new Set();
    /** @type {import("./candidate_tools.js").Look} */
    let look = { sort: remembered.sort ?? "rank", shows: "all", sift: "all", amount: 0, race: false, zoom: remembered.zoom ?? ZOOM.usual, tuning: false, fault: "" };

    const side = metricWeights(metrics, { changed: filter, learn: () => ask("learn"), measure: () => ask("measure"), close: () => tune(false) });
    const looks = candidateViews(metrics, { cells: () => order().flatMap((number) => find(number) ?? []), find, mark, point, scored: (cell) => scored(cell, look.sort, metrics), changed: () => open({ set: wanted }) });

    const remember = () => localStorage.setItem(MEMORY, JSON.stringify({ set: wanted, sort: look.sort, zoom: look.zoom }));
    /** @param {number | null} number */
    const known = (number) => (view?.cells ?? []).find((cell) => cell.number === number) ?? null;
    /**
     * A picture whose file is there.
     * @param {number | null} number
     * @returns {Candidate | null}
     */
    function find(number) {
        const cell = known(number);
        return cell && !cell.gone ? cell : null;
    }

    /** @param {string | null} set */
    function turn(set) {
        if (set === wanted) return;
        wanted = set;
        rest();
        picks = new Set();
        cursor = null;
        remember();
    }

    /** @param {string} set */
    function show(set) {
        turn(set);
        open({ set });
    }

    const asking = askingInTurn(server, {
        heard(answer, act, asked) {
            const { set, undone, agreement } = answer;
            if (set !== asked) {
                turn(set);
                // What waits was asked of the set before, and is answered last.
                missed = answer;
            }
            if (act === "undo" && typeof undone === "number") cursor = undone;
            if (agreement) side.agree(agreement);
        },
        done(answer) {
            if (answer.fault === undefined) take(answer);
            take(missed);
            missed = null;
            if (answer.fault === undefined) return;
            look.fault = answer.fault;
            draw();
        },
    });
    /**
     * @param {string} act
     * @param {object} [given]
     */
    const ask = (act, given = {}) => { if (view?.set) asking.ask(act, { set: view.set, ...given }); };

    /** @param {CandidatesView | NoCandidates | null} told */
    function take(told) {
        // While something is asked, the page is ahead of what it is told; what is newer than the answer is not lost.
        const isOfAnother = Boolean(told?.set && wanted && told.set !== wanted && !told.begun);
        if (asking.busy && !isOfAnother) missed = told;
        if (!told || asking.busy || told.serial <= (view?.serial ?? 0)) return;
        const begun = told.set !== null && told.begun;
        if (told.set === null) none = told;
        if (told.set === null && told.draft) return write({ ...told.draft, fault: told.draft.fault ? sentence(told.draft.fault) : "" });
        if (begun) {
            draft = null;
            turn(told.set);
        }
        if (told.set && wanted && told.set !== wanted) return;
        view = told;
        wanted = told.set ?? wanted;
        look.fault = "";
        if (told.set !== null) follow(told);
        draw();
        if (begun) open({ set: told.set });
        // The set that was shown last has gone: show the newest there is.
        if (told.set === null && told.fault && wanted !== null) {
            turn(null);
            if (told.sets.length) show(told.sets[0].id);
        }
    }

    /**
     * The filter as it is told, unless it is being written or has yet to be told itself.
     * @param {CandidatesView} told
     */
    function follow({ rules: { keep, reject_share: share, race } }) {
        if (resting) return;
        look.race = race;
        if (document.activeElement?.matches('[aria-label="Keep which"], [aria-label="How many"]')) return;
        Object.assign(look, { sift: keep !== null ? "keep" : share !== null ? "reject" : "all", amount: keep ?? Math.round(100 * (share ?? 0)) });
    }

    function draw() {
        // Nothing is known yet: what is to be seen comes with the first answer.
        if (!draft && !view) return render(nothing, root);
        if (draft || !view || view.set === null) return keepingFocus(() => render(candidateComposer(draft ?? blank(), none, (none ?? view)?.races ?? false, { write, make, back: draft && view?.set ? leave : null }), root));
        const now = view;
        const numbers = order();
        if (cursor === null || !numbers.includes(cursor) || !known(cursor)) cursor = numbers.find(known) ?? null;
        keepingFocus(() => render(html`${candidateHead(now, look.fault, { show, ask, compose: () => write(blank()) })}
            ${candidateTools(now, look, picks.size, metrics, { change, ask, compare: () => looks.compare([...picks]), tune: () => tune(!look.tuning) })}
            <div class="board-body">
                <div class="sheet-grid" role="group" aria-label="Pictures; K keeps, R rejects, S stars, 1 to 5 rate, Z undoes" style=${`--candidate: ${look.zoom}px`}>${repeat(ordered(now, look, metrics), ({ number }) => number, card)}</div>
                ${side.body}
            </div>`, root));
        if (look.tuning) side.draw(now);
        looks.again();
    }

    const blank = () => ({ base: "", prompt: input("prompt")?.value ?? "", count: USUAL, race: look.race, fault: "" });

    /** @param {Partial<import("./candidate_composer.js").Composed>} change */
    function write(change) {
        draft = { ...(draft ?? blank()), ...change };
        draw();
    }

    function leave() {
        draft = null;
        draw();
    }

    async function make() {
        const { base, prompt, count, race } = draft ?? blank();
        if (!prompt.trim()) {
            write({ fault: "The prompt is empty. Say in a few words what the pictures show." });
            part(root, "textarea").focus();
        } else if (base) {
            const answer = await server.begin({ base, prompt, count, race });
            if (answer.fault === undefined) take(answer);
            else write({ fault: answer.fault });
        } else {
            compose("candidates", { prompt, count, race });
        }
    }

    /** @param {Partial<import("./candidate_tools.js").Look>} change */
    function change(change) {
        Object.assign(look, change);
        remember();
        draw();
        if ("sift" in change || "amount" in change || "race" in change) filter();
    }

    const order = () => (view && view.set !== null ? ordered(view, look, metrics).flatMap((cell) => ("dropped" in cell ? [] : cell.number)) : []);

    /** @param {Candidate | LostCandidate | ComingCandidate | DroppedCandidate} cell */
    function card(cell) {
        if ("dropped" in cell) return droppedCard(cell, (image) => ask("finish", { image }));
        const large = !narrow() && look.zoom * devicePixelRatio > ZOOM.small && "file" in cell;
        const scores = "scores" in cell ? cell.scores : {};
        return candidateCard(cell, {
            picked: picks.has(cell.number), pointed: cell.number === cursor, value: scored(cell, look.sort, metrics), source: large ? sharpAddress(cell) : ("shown" in cell && cell.shown) || "",
            scores: metrics.filter(({ name }) => name in scores).map(({ name, label }) => `${label}: ${nice(scores[name])}`).join("\n"),
        }, { mark, pick, point, look: looks.open });
    }

    /**
     * What was said already is taken back by saying it again.
     * @param {number} number
     * @param {Partial<CandidateMark>} change
     */
    function mark(number, change) {
        const cell = find(number);
        if (!cell) return;
        const now = { ...cell.mark, ...change };
        if (change.verdict && change.verdict === cell.mark.verdict) now.verdict = null;
        if (change.rating && change.rating === cell.mark.rating) now.rating = null;
        cell.mark = now;
        if (now.verdict === "reject") Object.assign(cell, { kept: false, reason: "rejected by you" });
        else if (now.verdict === "keep" || now.star) Object.assign(cell, { kept: true, reason: "kept by you" });
        cursor = number;
        draw();
        ask("mark", { image: number, ...now });
        if (look.tuning) ask("agree");
    }

    /** @param {number} number */
    function pick(number) {
        if (!picks.delete(number) && picks.size < PICKS[1]) picks.add(number);
        draw();
    }

    /**
     * The cell that keys mean.
     * @param {number | null} number
     * @param {boolean} [focus]
     */
    function point(number, focus = true) {
        if (number !== cursor) {
            cursor = number;
            draw();
        }
        if (focus && number !== null) parts(root, `.candidate[data-number="${number}"] .look`)[0]?.focus();
    }

    /** @param {number} by */
    function step(by) {
        const numbers = order();
        const at = numbers.indexOf(cursor ?? -1);
        const next = numbers[at < 0 ? 0 : at + by];
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
        const columns = dialog ? 0 : getComputedStyle(part(root, ".sheet-grid")).gridTemplateColumns.split(" ").length;
        /** @type {Record<string, number>} */
        const moves = dialog ? {} : { arrowleft: -1, arrowright: 1, arrowup: -columns, arrowdown: columns };
        const cell = find(cursor);
        if (pressed in moves) step(moves[pressed]);
        else if (undoing) ask("undo");
        else if (dialog?.matches(".picks") || !cell) return;
        else if (pressed === "k") mark(cell.number, { verdict: "keep" });
        else if (pressed === "r") mark(cell.number, { verdict: "reject" });
        else if (pressed === "s") mark(cell.number, { star: !cell.mark.star });
        else if (/^[1-5]$/.test(pressed)) mark(cell.number, { rating: Number(pressed) });
        else if (pressed === " " && !dialog && target(event)?.matches(".look, body")) pick(cell.number);
        else return;
        event.preventDefault();
        event.stopPropagation();
    }

    /** @param {boolean} on */
    function tune(on) {
        look.tuning = on;
        side.body.hidden = !on;
        draw();
        if (on) ask("agree");
        else parts(root, ".board-tools [aria-expanded]").at(-1)?.focus();
    }

    /** @param {(() => void)} [then] What is done once nobody changes the filter any more, instead of what was to be done. */
    function rest(then) {
        clearTimeout(resting);
        resting = then && setTimeout(() => {
            resting = undefined;
            then();
        }, REST);
    }

    function filter() {
        rest(() => {
            if (view && view.set !== null) ask("sift", { ...side.read(view.rules), keep: look.sift === "keep" ? Math.round(look.amount) : null, reject_share: look.sift === "reject" ? Math.min(1, look.amount / 100) : null, race: look.race });
        });
    }

    document.addEventListener("keydown", key, true);
    // What an empty tab says of the form goes with it.
    const again = () => { if (draft || !view?.set) draw(); };
    onFacts(again);
    onValues(again);
    watch("value", () => take(props.value));
    draw();
    if (props.value?.set) {
        wanted = props.value.set;
        take(props.value);
    } else {
        ready.then(() => open({ set: wanted }));
    }
}
