// One candidate as a card: its picture and rank; below it keep, star and reject, why it is out, and what it is sorted by.
import { icon } from "./icon.js";
import { html, nothing } from "./vendor/lit.js";

const STARS = [1, 2, 3, 4, 5];

/**
 * What a card asks of the sheet that it lies on.
 * @typedef {{ mark: (number: number, change: Partial<CandidateMark>) => void, pick: (number: number) => void, look: (number: number) => void, point: (number: number, focus: boolean) => void }} Sheet
 */

/**
 * A score as it is shown.
 * @param {number} value
 */
export const nice = (value) => Number(value.toPrecision(3));

/**
 * Keep, star, reject and the rating of a picture; where it stands `alone`, keys reach its buttons one by one.
 * @param {Candidate | LostCandidate} cell
 * @param {Sheet["mark"]} mark
 * @param {boolean} alone
 */
export function triage({ number, mark: { verdict, star, rating } }, mark, alone) {
    /**
     * @param {"keep" | "star" | "remove"} name
     * @param {string} label
     * @param {boolean} pressed
     * @param {Partial<CandidateMark>} change
     */
    const act = (name, label, pressed, change) => html`<button type="button" class="triage-${name}" tabindex=${alone ? nothing : "-1"} aria-label=${label}
        title="${label} (${label[0]})" aria-pressed=${String(pressed)} @click=${() => mark(number, change)}>${icon(name)}</button>`;
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
 * Whether it is `picked` or `pointed` at, the `value` it is sorted by, all `scores` in words, and the `source` shown.
 * @typedef {{ picked: boolean, pointed: boolean, value: string, source: string, scores: string }} Shows
 */

/**
 * @param {Candidate | LostCandidate | ComingCandidate} cell
 * @param {Shows} shows
 * @param {Sheet} sheet
 */
export function candidateCard(cell, { picked, pointed, value, source, scores }, { mark, pick, look, point }) {
    const { number } = cell;
    const made = "mark" in cell ? cell : null;
    const shut = !made || made.gone === true;
    const kind = ["candidate", made ? "" : "coming", made && !made.kept ? "out" : "", pointed ? "pointed" : ""].filter(Boolean).join(" ");
    return html`<figure class=${kind} data-number=${number} style=${`--aspect: ${"width" in cell ? `${cell.width} / ${cell.height}` : "1"}`}>
        <div class="frame">
            <button type="button" class="look" tabindex=${pointed ? "0" : "-1"} aria-label=${made ? label(made) : nothing} ?disabled=${shut} @focus=${() => point(number, false)} @click=${() => look(number)}>
                <img alt="" draggable="false" src=${source || nothing} ?hidden=${!source}></button>
            <span class="rank">${made?.rank ?? ""}</span>
            <button type="button" class="pick" tabindex="-1" aria-label="Pick to compare" title="Pick to compare (space)" aria-pressed=${String(picked)} ?hidden=${shut} @click=${() => pick(number)}>${icon("compare")}</button>
        </div>
        <figcaption>${made ? html`${triage(made, mark, false)}
            <div class="verdict" title=${scores}><p class="why">${why(made)}</p><span class="quiet">${value}</span></div>` : nothing}</figcaption>
    </figure>`;
}

/**
 * One that fell behind: what it was heading for, why it ended there, and the way to its end.
 * @param {DroppedCandidate} cell
 * @param {(number: number) => void} finish
 */
export function droppedCard({ number, width, height, shown, reason }, finish) {
    return html`<figure class="candidate out dropped" data-number=${number} style=${`--aspect: ${width} / ${height}`}>
        <div class="frame"><span class="look"><img alt=${reason} draggable="false" src=${shown || nothing} ?hidden=${!shown}></span></div>
        <figcaption><div class="verdict"><p class="why">${reason}</p><button type="button" class="plain" @click=${() => finish(number)}>Finish this one</button></div></figcaption>
    </figure>`;
}

/** @param {Candidate | LostCandidate} cell */
function label(cell) {
    const { kept, reason, rank } = cell;
    return `${kept ? "Kept" : "Rejected"}${reason ? `, ${reason}` : ""}. Rank ${rank ?? "open"}${cell.gone ? "" : `, seed ${cell.seed}`}`;
}

/** @param {Candidate | LostCandidate} cell */
const why = ({ gone, reason, measured }) => (gone ? "The file is gone" : reason || (measured ? "" : "Measuring"));
