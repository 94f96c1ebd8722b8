// One candidate as a card: its picture and rank; below it keep, star and reject, why it is out, and what it is sorted by.
import { make, part } from "./dom.js";
import { ICONS } from "./icon.js";
import { html, nothing, render } from "./lit.js";

const STARS = [1, 2, 3, 4, 5];

/**
 * What a card asks of the sheet that it lies on.
 * @typedef {{ mark: (number: number, change: object) => void, pick: (number: number) => void, look: (number: number) => void, point: (number: number, focus: boolean) => void }} Sheet
 */

/**
 * A score as it is shown.
 * @param {number} value
 */
export const nice = (value) => Number(value.toPrecision(3));

/** @param {keyof typeof ICONS} name */
const sign = (name) => html`<span class="icon" aria-hidden="true"><svg viewBox="0 0 24 24"><path d=${ICONS[name]}/></svg></span>`;

/**
 * Puts keep, star, reject and the rating of a picture here; keys reach its buttons one by one.
 * @template {Element} T
 * @param {T} holder
 * @param {any} cell
 * @param {Sheet["mark"]} mark
 */
export function putTriage(holder, cell, mark) {
    render(triage(cell, mark, true), /** @type {any} */ (holder));
    return holder;
}

/**
 * @param {any} cell
 * @param {Sheet["mark"]} mark
 * @param {boolean} alone
 */
function triage({ number, mark: { verdict, star, rating } }, mark, alone) {
    /**
     * @param {keyof typeof ICONS} name
     * @param {string} label
     * @param {boolean} pressed
     * @param {object} change
     */
    const act = (name, label, pressed, change) => html`<button type="button" class="triage-${name}" tabindex=${alone ? nothing : "-1"} aria-label=${label}
        title="${label} (${label[0]})" aria-pressed=${String(pressed)} @click=${() => mark(number, change)}>${sign(name)}</button>`;
    return html`<div class="triage">
        ${act("keep", "Keep", verdict === "keep", { verdict: "keep" })}
        ${act("star", "Star", star, { star: !star })}
        ${act("remove", "Reject", verdict === "reject", { verdict: "reject" })}
        ${alone ? html`<span class="rates" role="group" aria-label="Rating">${STARS.map((stars) => html`<button type="button" title="Rate ${stars} of 5 (${stars})"
            aria-pressed=${String(rating === stars)} @click=${() => mark(number, { rating: stars })}>${stars}</button>`)}</span>`
        : html`<span class="rating" aria-label=${rating ? `Rated ${rating} of 5` : nothing} title="Rate with 1 to 5">${rating ? `${rating}/5` : ""}</span>`}
    </div>`;
}

/**
 * `draw` tells the cell, whether it is `picked`, the `value` it is sorted by, all `scores` in words, and the `source` shown.
 * @param {number} number
 * @param {Sheet} sheet
 */
export function candidateCard(number, { mark, pick, look, point }) {
    const figure = make("figure", { class: "candidate", "data-number": number });

    /**
     * @param {any} cell
     * @param {{ picked: boolean, value: string, source: string, scores: string }} told
     */
    function draw(cell, told) {
        const shut = !cell.mark || Boolean(cell.gone);
        figure.style.setProperty("--aspect", cell.width ? `${cell.width} / ${cell.height}` : "1");
        figure.classList.toggle("coming", !cell.mark);
        figure.classList.toggle("out", Boolean(cell.mark) && !cell.kept);
        render(html`<div class="frame">
                <button type="button" class="look" tabindex="-1" aria-label=${cell.mark ? label(cell) : nothing} ?disabled=${shut} @focus=${() => point(number, false)} @click=${() => look(number)}>
                    <img alt="" draggable="false" src=${told.source || nothing} ?hidden=${!told.source}></button>
                <span class="rank">${cell.rank ?? ""}</span>
                <button type="button" class="pick" tabindex="-1" aria-label="Pick to compare" title="Pick to compare (space)" aria-pressed=${String(told.picked)} ?hidden=${shut} @click=${() => pick(number)}>${sign("compare")}</button>
            </div>
            <figcaption>${cell.mark ? html`${triage(cell, mark, false)}
                <div class="verdict" title=${told.scores}><p class="why">${why(cell)}</p><span class="quiet">${told.value}</span></div>` : nothing}</figcaption>`, figure);
    }

    return { figure, draw, get look() { return part(figure, ".look"); } };
}

/** @param {any} cell */
const label = ({ kept, reason, rank, seed }) => `${kept ? "Kept" : "Rejected"}${reason ? `, ${reason}` : ""}. Rank ${rank ?? "open"}, seed ${seed}`;

/** @param {any} cell */
const why = ({ gone, reason, measured }) => (gone ? "The file is gone" : reason || (measured ? "" : "Measuring"));
