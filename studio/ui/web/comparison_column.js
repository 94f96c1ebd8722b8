// One column of a comparison to be made: a model with its settings, or pictures that somebody has; and what is to be said of it before.
import { columnSettings } from "./column_settings.js";
import { icon } from "./icon.js";
import { html, live, nothing } from "./vendor/lit.js";

/** @typedef {{ id: string, shown: string, name: string }} BroughtPicture */
/**
 * A column that is not part of what is shown yet; `fields` are what of the form can be set for it; `ends` is the day on which its service shuts it down, as far as that is known.
 * @typedef {{ serial: number, name: string, label: string, local: boolean, settings: Record<string, any>, pictures?: BroughtPicture[], ends?: string, fields?: GridOffer[] }} Column
 */

/** @param {number} usd */
export const dollars = (usd) => `$${usd < 1 ? usd.toFixed(3) : usd.toFixed(2)}`;

/**
 * @param {number} number
 * @param {string} word
 */
export const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

/** @param {string | undefined} day */
export const isOver = (day) => Boolean(day) && /** @type {string} */ (day) <= new Date().toISOString().slice(0, 10);

/**
 * @param {Column} column
 * @param {HostedOffer | undefined} offer
 * @param {string[]} notes
 * @param {{ set: (settings: Record<string, any>) => void, remove: () => void }} acts
 */
export function comparisonColumn({ label, local, settings, pictures, fields }, offer, notes, { set, remove }) {
    const choices = Object.entries(offer?.settings ?? {});
    /**
     * @param {string} name
     * @param {string[]} values
     */
    const choice = (name, values) => html`<label class="versus-choice"><span>${name.replaceAll("_", " ")}</span><select @change=${(event) => set({ ...settings, [name]: event.target.value })}>${
        values.map((value) => html`<option value=${value} .selected=${live(value === (settings[name] ?? values[0]))}>${value}</option>`)}</select></label>`;
    return html`<div class="versus-column"><strong>${label}</strong>
        <button type="button" class="drop" aria-label=${`Remove ${label}`} title="Remove" @click=${remove}>${icon("remove")}</button>
        <div class="versus-notes">${notes.map((words) => html`<p class="note">${words}</p>`)}</div>
        ${choices.length ? html`<details class="versus-more"><summary>Settings</summary><div class="versus-choices">${choices.map(([name, values]) => choice(name, values))}</div></details>` : nothing}
        ${pictures ? html`<div class="versus-brought">${pictures.map(({ shown, name }) => html`<img src=${shown} alt=${name}>`)}</div>` : nothing}
        ${local ? columnSettings(label, fields, settings, set) : nothing}</div>`;
}

/**
 * What is to be said of a column before it is made: what a picture costs, what the model cannot do, and when it ends.
 * @param {Column} column
 * @param {HostedOffer | undefined} offer
 * @param {{ usd: number | null | undefined, meant: string, refuses: boolean, given: string | null, service: string }} asked
 */
export function notesOf({ pictures, local, ends }, offer, { usd, meant, refuses, given, service }) {
    if (pictures) return [`${count(pictures.length, "picture")}, one for each prompt in this order`];
    if (local) return [];
    const cost = usd ? `At most ${dollars(usd)} a picture${offer?.priced ? `, by the prices of ${offer.priced}` : ""}` : refuses ? "Price unknown: not used while there is a budget." : "Price unknown";
    const cannot = offer && given && !offer.abilities.includes(given) ? [given === "mask" ? "It takes no mask." : "It takes no picture to start from."] : [];
    const end = ends ?? offer?.shutdown;
    const successor = offer?.successor ? `; its successor is ${offer.successor}` : "";
    const over = end ? [isOver(end) ? `${service} shut it down on ${end}${successor}.` : `Shuts down on ${end}${successor}.`] : [];
    return [meant, cost, ...cannot, ...over].filter(Boolean);
}
