// Candidates in large: one with its marks and arrows to the others, or two to four side by side with their numbers.
import { nice, triage } from "./candidate_card.js";
import { host, make, part, target } from "./dom.js";
import { fullView, reelOf } from "./full_view.js";
import { icon } from "./icon.js";
import { panels } from "./panels.js";
import { pictureActions } from "./picture.js";
import { html, nothing, render } from "./vendor/lit.js";
import { zooming } from "./zoom.js";
import { tellZoom, zoomKeys, zoomTools } from "./zoom_tools.js";

/**
 * What the views ask of the sheet: its pictures in order, one of them, marks, where keys point, a score in words, and that all is looked at anew.
 * @typedef {{ cells: () => Candidate[], find: (number: number) => Candidate | null, mark: import("./candidate_card.js").Sheet["mark"], point: (number: number | null, focus?: boolean) => void, scored: (cell: Candidate) => string, changed: () => unknown }} Board
 */

/**
 * @param {Metric[]} metrics
 * @param {Board} board
 */
export function candidateViews(metrics, { cells, find, mark, point, scored, changed }) {
    // The one that is looked at, and its place: what is no longer shown among the others stays in sight until one goes on.
    /** @type {number | null} */
    let seen = null;
    let place = 0;
    /** @type {FullView | null} */
    let full = null;
    /** @type {number[]} */
    let picked = [];

    /**
     * @param {Candidate} picture
     * @param {boolean} worded
     * @param {object} [more]
     */
    const acts = (picture, worded, more) => {
        const { tell, takers } = /** @type {Deeds} */ (panels.gallery);
        return pictureActions(picture, worded, { tell, takers, shut: () => { full?.shut(); abreast.close(); }, ...more });
    };
    /** @param {Candidate} cell */
    const verdict = (cell) => [cell.rank ? `Rank ${cell.rank}` : "", scored(cell), cell.reason || (cell.kept ? "kept" : "rejected")].filter(Boolean).join(" · ");

    function pictures() {
        const among = cells();
        const at = among.findIndex(({ number }) => number === seen);
        const gone = at < 0 && seen !== null ? find(seen) : null;
        if (at >= 0) place = at;
        return gone ? among.toSpliced(place, 0, gone) : among;
    }

    /** @param {number} number */
    function open(number) {
        full ??= fullView({
            reel: reelOf(pictures), back: "to candidates", changed, closed: () => point(seen),
            shown: (picture) => {
                seen = /** @type {Candidate} */ (picture).number;
                point(seen, false);
            },
            tools: (picture) => html`<span class="full-triage">${triage(/** @type {Candidate} */ (picture), mark, true)}</span>`,
            about: (picture) => html`<p class="quiet">${verdict(/** @type {Candidate} */ (picture))}</p>`,
        });
        seen = number;
        full.open(find(number)?.key ?? "");
    }

    /** @type {ReturnType<typeof zooming> | null} */
    let zoom = null;
    const zoomOf = () => zoom;
    const keys = zoomKeys(zoomOf);
    const abreast = make("dialog", { class: "full picks", "aria-label": "Side by side", tabindex: "-1", onclose: () => point(seen), onkeydown: (event) => {
        const act = keys[event.key.toLowerCase()];
        if (!act || event.ctrlKey || event.metaKey || event.altKey || target(event)?.closest("input")) return;
        event.preventDefault();
        act();
    } });
    host().append(abreast);

    /** @param {number[]} numbers */
    function compare(numbers) {
        picked = numbers.filter(find);
        if (picked.length < 2) return;
        seen = picked[0];
        drawAbreast();
        abreast.showModal();
        zoom ??= zooming(part(abreast, ".zoom-room"), { changed: () => tellZoom(abreast, zoom), swiped: () => {}, beside: () => {} });
        const first = find(picked[0]);
        if (first) zoom.show(first);
    }

    function drawAbreast() {
        const shown = picked.flatMap((number) => find(number) ?? []);
        const told = metrics.filter(({ name }) => shown.some(({ scores }) => name in scores));
        const best = Object.fromEntries(told.map(({ name, better }) => {
            const values = shown.map(({ scores }) => scores[name]).filter((value) => value !== undefined);
            return [name, new Set(values).size > 1 ? Math[better === "lower" ? "min" : "max"](...values) : null];
        }));
        /** @param {Candidate} cell */
        const scores = (cell) => html`<dl>${told.map(({ name, label }) => html`<div class=${cell.scores[name] === best[name] ? "best" : nothing}><dt>${label}</dt><dd>${name in cell.scores ? nice(cell.scores[name]) : ""}</dd></div>`)}</dl>`;
        /** @param {Candidate} cell */
        const column = (cell) => html`<figure class="picks-cell"><figcaption><p class="quiet">Rank ${cell.rank ?? "open"} · seed ${cell.seed}</p><div class="picks-triage">${triage(cell, mark, true)}</div>${acts(cell, false)}</figcaption>${scores(cell)}</figure>`;
        render(html`<header><button type="button" class="plain back" @click=${() => abreast.close()}>${icon("back")}Back to candidates</button>${zoomTools(zoomOf)}</header>
            <div class="picks-room"><div class="zoom-room two">${shown.map(({ file, prompt }) => html`<div class="zoom-cell"><div class="zoom-sheet"><img src=${file} alt=${prompt} draggable="false"></div></div>`)}</div></div>
            <div class="picks-cells" style=${`--picks: ${shown.length}`}>${shown.map(column)}</div>`, abreast);
    }

    // What was marked shows it, wherever it is seen in large.
    function again() {
        full?.draw();
        if (abreast.open) drawAbreast();
    }

    return { open, compare, again };
}
