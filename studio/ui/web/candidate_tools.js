// Above the candidates: which set, how far it is, and how its pictures are sorted, shown, filtered and refined.
import { lasting, RACE } from "./candidate_composer.js";
import { menu } from "./menu.js";
import { html, live, nothing } from "./vendor/lit.js";

// As many more are proposed.
const MORE = 8;
// As many picks fit beside each other.
export const PICKS = [2, 4];
// The width of a card in pixels, and beyond which one it shows the picture itself instead of a smaller copy.
export const ZOOM = { least: 120, usual: 240, most: 640, small: 384 };
const REFINE = { hires: "Hires fix, 1.5 times larger", upscale: "Enlarge, 2 times", variations: "4 variations of each" };
const SIFTS = { all: "All within the limits", keep: "The best", reject: "All but the worst" };
const SHOWS = { all: "All", kept: "Kept", rejected: "Rejected" };

/**
 * What the tools show and change: the order, what is seen, the filter, whether more are raced, the size of a card.
 * @typedef {{ sort: string, shows: string, sift: string, amount: number, race: boolean, zoom: number, tuning: boolean, fault: string }} Look
 */

/**
 * @param {CandidatesView} view
 * @param {string} fault
 * @param {{ show: (set: string) => void, ask: (act: string) => void, compose: () => void }} acts
 */
export function candidateHead(view, fault, { show, ask, compose }) {
    const { cells, count, ended, making, busy } = view;
    const out = cells.filter(({ kept }) => !kept).length;
    const dropped = view.dropped.length ? ` · ${view.dropped.length} dropped` : "";
    const made = `${cells.length < count ? `${cells.length} of ${count} made` : `${count} made`}${dropped}`;
    const chosen = out > 0 || isMarked(view);
    const rate = cells.length ? ` (${Math.round((100 * out) / cells.length)} %)` : "";
    const percent = Math.round(100 * (view.fraction ?? 0));
    const words = fault || (ended ? `${ended.message} ${ended.hint}` : making ? view.line : busy ? "Measuring" : "");
    return html`<header class="board-head">
            <select aria-label="Set" @change=${(event) => show(event.target.value)}>${view.sets.map(({ id, title, created, made: images }) => html`<option value=${id} .selected=${live(id === view.set)}>${title || "No prompt"} · ${images} · ${when(created)}</option>`)}</select>
            <button type="button" class="plain" title="Candidates of another prompt" @click=${compose}>New set</button>
            <p class=${fault || ended ? "line wrong" : "line"} role="status">${words}</p>
            <button type="button" class="plain" ?hidden=${!making} @click=${() => ask("stop")}>Stop</button>
            <p class="counts" aria-live="polite">${chosen ? `${made} · ${cells.length - out} kept · ${out} rejected${rate}` : made}</p>
        </header>
        <div class=${making ? "bar on" : "bar"} role="progressbar" aria-label="Progress" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent}><div style=${`width: ${percent}%`}></div></div>`;
}

/**
 * Whether anybody said anything of a picture, which could be taken back.
 * @param {CandidatesView} view
 */
const isMarked = ({ cells }) => cells.some(({ mark }) => mark.verdict || mark.star || mark.rating);

/** @param {number} seconds */
function when(seconds) {
    const date = new Date(1000 * seconds);
    const today = date.toDateString() === new Date().toDateString();
    return date.toLocaleString(undefined, today ? { hour: "2-digit", minute: "2-digit" } : { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

/**
 * @param {CandidatesView} view
 * @param {Look} look
 * @param {number} picks
 * @param {Metric[]} metrics
 * @param {{ change: (look: Partial<Look>) => void, ask: (act: string, given?: object) => void, compare: () => void, tune: () => void }} acts
 */
export function candidateTools(view, look, picks, metrics, { change, ask, compare, tune }) {
    const sorts = { rank: "Best first", made: "As made", mine: "My marks first", ...Object.fromEntries(metrics.map(({ name, label }) => [name, label])) };
    const kept = view.cells.filter((cell) => cell.kept && !cell.gone);
    /** @param {string} sift */
    const sift = (sift) => change({ sift, amount: sift === "reject" ? 60 : Math.max(1, Math.round(view.cells.length / 4)) });
    return html`<div class="board-tools">
        <label class="tool-field"><span>Sort</span>${choice("Sort by", sorts, look.sort, (sort) => change({ sort }))}</label>
        <label class="tool-field"><span>Show</span>${choice("Show", SHOWS, look.shows, (shows) => change({ shows }))}</label>
        <div class="tool-field"><span aria-hidden="true">Keep</span>${choice("Keep which", SIFTS, look.sift, sift)}
            <input type="number" min="0" max="100" step="1" aria-label="How many" ?hidden=${look.sift === "all"} .value=${live(String(look.amount))} @input=${(event) => change({ amount: Math.max(0, Number(event.target.value) || 0) })}>
            <span class="quiet" ?hidden=${look.sift === "all"}>${look.sift === "reject" ? "%" : ""}</span></div>
        <label class="tool-field"><span>Size</span><input type="range" min=${ZOOM.least} max=${ZOOM.most} aria-label="Size of the pictures" .value=${live(String(look.zoom))} @input=${(event) => change({ zoom: Number(event.target.value) })}></label>
        <span class="board-acts">
            <button type="button" class="plain" title="Undo the last mark (Z)" ?disabled=${!isMarked(view)} @click=${() => ask("undo")}>Undo</button>
            <button type="button" class="plain" title="Compare side by side: select 2 to 4 (space)" ?disabled=${picks < PICKS[0]} @click=${compare}>${picks ? `Compare ${picks}` : "Compare"}</button>
            ${menu({ face: "Refine kept", look: "plain", disabled: !kept.length }, Object.entries(REFINE), (how) => ask("refine", { how, images: kept.map(({ number }) => number) }))}
            <button type="button" class="plain" aria-expanded=${String(look.tuning)} @click=${tune}>Limits and weights</button>
        </span>${view.more ? makeMore(view, look.race, change, ask) : nothing}</div>`;
}

/**
 * More of the same, or a new set of other words, and how long that takes by what the others took.
 * @param {CandidatesView} view
 * @param {boolean} race
 * @param {(look: Partial<Look>) => void} change
 * @param {(act: string, given?: object) => void} ask
 */
function makeMore({ cells, prompt, most, races, each_usd: usd }, race, change, ask) {
    const took = cells.flatMap((cell) => (cell.gone ? [] : [cell.seconds]));
    const each = took.reduce((sum, seconds) => sum + seconds, 0) / (took.length || 1);
    /** @param {number} count */
    const costs = (count) => [each ? `about ${lasting(each * count)}` : "", usd ? `at most $${(count * usd).toFixed(3)}` : ""].filter(Boolean).join(", ");
    /** @param {any} event */
    const say = ({ target: { form } }) => { form.querySelector("output").textContent = costs(Number(form.count.value)); };
    /** @param {any} event */
    const make = (event) => {
        event.preventDefault();
        const { words, count, race } = event.currentTarget;
        ask("more", { count: Number(count.value), prompt: words.value, race: race.checked });
    };
    return html`<form class="board-more" @submit=${make}>
        <label class="tool-field"><span>Prompt</span><input name="words" type="text" maxlength="20000" .value=${prompt}></label>
        <label class="tool-field"><span>Pictures</span><input name="count" type="number" min="1" max=${most} step="1" required .value=${String(Math.min(MORE, most))} @input=${say}></label>
        <label class="tool-field" ?hidden=${!races} title=${RACE}><input name="race" type="checkbox" .checked=${live(race)} @change=${(event) => change({ race: event.target.checked })}><span>Race</span></label>
        <button class="plain">Make more</button><output class="quiet" .textContent=${costs(Math.min(MORE, most))}></output></form>`;
}

/**
 * @param {string} label
 * @param {Record<string, string>} choices
 * @param {string} chosen
 * @param {(value: string) => void} act
 */
const choice = (label, choices, chosen, act) => html`<select aria-label=${label} @change=${(event) => act(event.target.value)}>${Object.entries(choices).map(([value, words]) => html`<option value=${value} .selected=${live(value === chosen)}>${words}</option>`)}</select>`;
