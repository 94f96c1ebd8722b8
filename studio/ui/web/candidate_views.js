// Candidates in large: one with its marks and arrows to the others, or two to four side by side with their numbers.
import { nice, putTriage } from "./candidate_card.js";
import { host, make } from "./dom.js";
import { fullView } from "./full_view.js";
import { panels } from "./panels.js";
import { icon } from "./icon.js";
import { pictureActions } from "./picture.js";

/**
 * @param {any} metrics
 * @param {any} board
 */
export function candidateViews(metrics, board) {
    const { cells, find, mark, point, scored } = board;
    const MAGNIFY = 5;
    // The one that is looked at.
    /** @type {number} */
    let seen = /** @type {any} */ (null);
    /** @type {FullView | null} */
    let full = null;

    /**
     * @param {any} picture
     * @param {boolean} worded
     * @param {object} [more]
     */
    const acts = (picture, worded, more) => {
        const { tell, takers } = /** @type {Deeds} */ (panels.gallery);
        return pictureActions(picture, worded, { tell, takers, shut: () => { full?.shut(); abreast.close(); }, compare: () => {}, comparing: () => false, ...more });
    };
    /** @param {any} cell */
    const verdict = (cell) => [cell.rank ? `Rank ${cell.rank}` : "", scored(cell), cell.reason || (cell.kept ? "kept" : "rejected")].filter(Boolean).join(" · ");
    // Pictures as the full view takes them, with what is said of them here before how they were made.
    const pictures = () => cells().map((/** @type {any} */ cell) => ({ ...cell, how: [verdict(cell), cell.how].filter(Boolean).join("; ") }));

    /** @param {number} number */
    function open(number) {
        full ??= fullView({
            all: pictures, magnify: MAGNIFY, closed: () => point(seen),
            acts: (/** @type {any} */ picture, /** @type {boolean} */ worded, /** @type {object} */ more) => {
                seen = picture.number;
                point(seen, false);
                return make("div", { class: "full-deeds" }, putTriage(make("div", { class: "full-triage" }), find(seen), mark), acts(picture, worded, more));
            },
        });
        full?.open(find(number).key);
    }

    /**
     * What was marked shows it, wherever it is seen in large.
     * @param {number} number
     */
    function again(number) {
        for (const own of abreast.querySelectorAll(`[data-number="${number}"]`)) putTriage(own, find(number), mark);
        const own = document.querySelector("dialog[open] .full-triage");
        // What is no longer shown among the others stays in sight until one goes on.
        if (own && cells().some((/** @type {any} */ cell) => cell.number === number)) open(number);
        else if (own) putTriage(own, find(number), mark);
    }

    const abreast = make("dialog", { class: "full picks", "aria-label": "Side by side", onclose: () => point(seen) });
    host().append(abreast);

    /** @param {any} numbers */
    function compare(numbers) {
        const picked = numbers.map(find).filter((/** @type {any} */ cell) => cell && !cell.gone);
        if (picked.length < 2) return;
        seen = picked[0].number;
        const told = metrics.filter((/** @type {any} */ { name }) => picked.some((/** @type {any} */ cell) => name in cell.scores));
        const best = Object.fromEntries(told.map((/** @type {any} */ { name, better }) => {
            const values = picked.map((/** @type {any} */ cell) => cell.scores[name]).filter((/** @type {any} */ value) => value !== undefined);
            return [name, new Set(values).size > 1 ? Math[better === "lower" ? "min" : "max"](...values) : null];
        }));
        /** @param {any} cell */
        const scores = (cell) => make("dl", {}, ...told.map((/** @type {any} */ { name, label }) => make("div", { class: cell.scores[name] === best[name] ? "best" : null },
            make("dt", {}, label), make("dd", {}, name in cell.scores ? String(nice(cell.scores[name])) : ""))));
        /** @param {any} cell */
        const column = (cell) => make("figure", { class: "picks-cell" }, make("img", { src: cell.file, alt: cell.prompt }),
            make("figcaption", {}, make("p", { class: "quiet" }, `Rank ${cell.rank ?? "open"} · seed ${cell.seed}`),
                putTriage(make("div", { class: "picks-triage", "data-number": cell.number }), cell, mark), acts(cell, false)), scores(cell));
        abreast.style.setProperty("--picks", picked.length);
        abreast.replaceChildren(
            make("header", {}, make("button", { type: "button", class: "plain back", onclick: () => { abreast.close(); } }, icon("back"), "Back to candidates")),
            make("div", { class: "picks-cells" }, ...picked.map(column)));
        abreast.showModal();
    }

    return { open, compare, again };
}
