// Limits and weights: what of each metric sorts candidates out, how much it counts, and how it goes with a person's picks.
import { nice } from "./candidate_card.js";
import { make } from "./dom.js";
import { icon } from "./icon.js";
import { html, live, render } from "./vendor/lit.js";

/** @typedef {{ weight: number, limited: boolean, limit: number }} Row */

/**
 * @param {Metric[]} metrics
 * @param {{ changed: () => void, learn: () => void, measure: () => void, close: () => void }} acts
 */
export function metricWeights(metrics, { changed, learn, measure, close }) {
    /** @type {Record<string, Row>} */
    const rows = Object.fromEntries(metrics.map(({ name, usual }) => [name, { weight: 0, limited: false, limit: usual }]));
    /** @type {Agreement | null} */
    let agreed = null;
    /** @type {Record<string, string>} */
    let missing = {};
    let busy = false;
    const body = make("aside", { class: "board-side", hidden: true, "aria-label": "Limits and weights" });

    /** @param {CandidatesView} view */
    function draw(view) {
        const { limits, weights } = view.rules;
        ({ missing, busy } = view);
        for (const [name, row] of Object.entries(rows)) {
            // What is being moved is ahead of what is told.
            if (body.querySelector(`[data-metric="${name}"]`)?.contains(document.activeElement)) continue;
            Object.assign(row, { weight: weights[name], limited: limits[name] !== null, limit: limits[name] ?? row.limit });
        }
        show();
    }

    function show() {
        const few = !agreed || agreed.count < agreed.few;
        render(html`<header><h2>Limits and weights</h2><button type="button" class="tool" aria-label="Close" @click=${close}>${icon("remove")}</button></header>
            <p class="quiet">Scores help to sort; they do not judge. Your own marks always win. A picture’s score is the mean of its places in this set, by these weights.</p>
            <div class="learns"><p class="quiet">${agreed ? inWords(agreed) : ""}</p>
                <button type="button" class="plain" title="Weighs each metric by how well it agrees with what you kept, rejected and rated" ?disabled=${few} @click=${learn}>Weigh by my picks</button></div>
            ${metrics.map(section)}
            <button type="button" class="plain anew" title="After adding what is missing" ?hidden=${!Object.keys(missing).length} ?disabled=${busy} @click=${measure}>Measure again</button>`, body);
    }

    /** @param {Agreement} agreement */
    const inWords = ({ count, few }) => (count < few
        ? `${count} of your picks so far; from ${few} on, it shows how well each metric agrees with them.`
        : `From ${count} of your picks: 1 agrees with them, 0 is unrelated, −1 disagrees; the margin of error is in brackets.`);

    /** @param {Metric} metric */
    function section({ name, label, help, cost, better, minimum, maximum, step }) {
        const row = rows[name];
        const found = agreed?.metrics[name];
        /** @param {Partial<Row>} change */
        const moved = (change) => { Object.assign(row, change); show(); changed(); };
        const bound = row.limited ? `${better === "lower" ? "at most" : "at least"} ${nice(row.limit)}` : "no limit";
        return html`<section class=${name in missing ? "metric absent" : "metric"} data-metric=${name} title=${`Costs ${cost}.`}><h3>${label}</h3><p class="quiet">${help}</p>
            <div class="metric-controls" ?hidden=${name in missing}>
                <label><span>Weight</span><input type="range" aria-label=${`${label}: weight`} min="0" max="2" step="0.1" .value=${live(String(row.weight))}
                    @input=${(event) => moved({ weight: Number(event.target.value) })}><span class="value">${row.weight.toFixed(1)}</span></label>
                <div><label><input type="checkbox" aria-label=${`${label}: limit`} .checked=${live(row.limited)} @change=${(event) => moved({ limited: event.target.checked })}><span>Limit</span></label>
                    <input type="range" aria-label=${`${label}: limit at`} min=${minimum} max=${maximum} step=${step} .value=${live(String(row.limit))} ?disabled=${!row.limited}
                        @input=${(event) => moved({ limit: Number(event.target.value) })}><span class="value">${bound}</span></div>
            </div>
            <p class="quiet">${found ? `Your picks: ${found[0].toFixed(2)} (${found[1].toFixed(2)} to ${found[2].toFixed(2)})` : ""}</p><p class="quiet missing">${missing[name] ?? ""}</p></section>`;
    }

    /** @param {Agreement} found */
    function agree(found) {
        agreed = found;
        show();
    }

    /**
     * Limits and weights as they stand here, of metrics that are there.
     * @param {CandidateFilter} rules
     */
    function read({ limits, weights }) {
        if (body.hidden) return { limits, weights };
        const here = Object.entries(rows).filter(([name]) => !(name in missing));
        return {
            limits: { ...limits, ...Object.fromEntries(here.map(([name, { limited, limit }]) => [name, limited ? limit : null])) },
            weights: { ...weights, ...Object.fromEntries(here.map(([name, { weight }]) => [name, weight])) },
        };
    }

    return { body, draw, agree, read };
}
