// One axis of a grid: the setting that varies, and its values, written or chosen.
import { html, live, nothing } from "./vendor/lit.js";

/** What varies where words of the prompt do. */
export const WORDS = "prompt:";
// A list longer than this has a search.
const LONG = 12;
const LISTS = "Values separated by commas.";
const RANGES = "Values separated by commas, or a range: 10-30:5 is every fifth, 10-30[4] is four of them.";

/**
 * An axis as it is written: the setting, the words that it replaces, its values, what is searched in its choices, and what is wrong.
 * @typedef {{ field: string, words: string, text: string, search: string, fault: string }} Axis
 */

/**
 * The axis as it is asked for; null where it is not whole.
 * @param {Axis} axis
 * @returns {AxisText | null}
 */
export function written({ field, words, text }) {
    if (!field || !text.trim() || (field === WORDS && !words.trim())) return null;
    return { field: field === WORDS ? `${WORDS}${words}` : field, text };
}

/**
 * An axis that was asked for, to be written on.
 * @param {AxisText | undefined} asked
 * @returns {Axis}
 */
export function axisOf({ field, text } = { field: "", text: "" }) {
    const search = field.startsWith(WORDS);
    return { field: search ? WORDS : field, words: search ? field.slice(WORDS.length) : "", text, search: "", fault: "" };
}

/**
 * Values between commas; one in double quotes may hold some.
 * @param {string} text
 */
const split = (text) => [...text.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,\n]*))\s*(?:,|\n|$)/g)]
    .map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain.trim()).filter(Boolean);

/** @param {string[]} values */
const joined = (values) => values.map((one) => (/[",\n]/.test(one) ? `"${one.replaceAll('"', '""')}"` : one)).join(", ");

/**
 * @param {string} title
 * @param {string} none
 * @param {Axis} axis
 * @param {GridOffer[]} offers
 * @param {(change: Partial<Axis>) => void} change
 */
export function gridAxis(title, none, axis, offers, change) {
    const chosen = offers.find(({ field }) => field === axis.field);
    const choices = chosen?.choices ?? [];
    const values = split(axis.text);
    /** @param {string} value */
    const toggle = (value) => change({ text: joined(values.includes(value) ? values.filter((one) => one !== value) : [...values, value]) });
    /** @param {string} label */
    const isSought = (label) => label.toLowerCase().includes(axis.search.trim().toLowerCase());
    const hint = chosen ? [chosen.hint, chosen.numeric ? RANGES : choices.length ? "" : LISTS].filter(Boolean).join(" ") : "";
    return html`<fieldset class=${axis.fault ? "grid-axis at-fault" : "grid-axis"}><legend>${title}</legend>
        <select aria-label=${`${title}: what varies`} @change=${(event) => change({ field: event.target.value, text: "", search: "" })}>
            <option value="">${none}</option>${groups(offers, axis.field)}
            ${axis.field && !chosen ? html`<option value=${axis.field} .selected=${live(true)}>${axis.field}</option>` : nothing}</select>
        <input type="text" class="grid-words" placeholder="Words as they stand in the prompt" aria-label=${`${title}: words`} ?hidden=${axis.field !== WORDS} .value=${live(axis.words)} @input=${(event) => change({ words: event.target.value })}>
        <textarea rows="2" aria-label=${`${title}: values`} ?hidden=${!chosen} placeholder=${placeholder(chosen)} .value=${live(axis.text)} @input=${(event) => change({ text: event.target.value })}></textarea>
        <input type="search" placeholder="Search" aria-label=${`${title}: search`} ?hidden=${choices.length <= LONG} .value=${live(axis.search)} @input=${(event) => change({ search: event.target.value })}>
        <div class="chips grid-chips" role="group" aria-label=${`${title}: choices`} ?hidden=${!choices.length}>
            ${choices.length > 1 ? html`<button type="button" class="chip all" @click=${() => change({ text: joined(choices.map(({ value }) => value)) })}>All</button>` : nothing}
            ${choices.map(({ label, value }) => html`<button type="button" class="chip" aria-pressed=${String(values.includes(value))} ?hidden=${!isSought(label)} @click=${() => toggle(value)}>${label}</button>`)}
        </div>
        <p class="note" ?hidden=${!chosen}>${hint}</p><p class="fault" role="alert">${axis.fault}</p>
    </fieldset>`;
}

/**
 * @param {GridOffer[]} offers
 * @param {string} chosen
 */
const groups = (offers, chosen) => [...new Set(offers.map(({ group }) => group))].map((group) => html`<optgroup label=${group}>${offers.filter((one) => one.group === group)
    .map(({ field, title }) => html`<option value=${field} .selected=${live(field === chosen)}>${title}</option>`)}</optgroup>`);

/** @param {GridOffer | undefined} offer */
const placeholder = (offer) => (offer?.field === WORDS ? "red, green, blue" : offer?.numeric ? "10, 20, 30" : offer?.choices.length ? "Choose below" : "one, two, three");
