// The settings of a comparison's column, by the fields that the form has: those that were chosen, and a list of all others.
import { icon } from "./icon.js";
import { html, live, nothing, repeat } from "./vendor/lit.js";

/**
 * @param {string} label
 * @param {GridOffer[] | undefined} fields
 * @param {Record<string, any>} settings
 * @param {(settings: Record<string, any>) => void} set
 */
export function columnSettings(label, fields, settings, set) {
    const known = new Map((fields ?? []).map((field) => [field.field, field]));
    const left = (fields ?? []).filter(({ field }) => !(field in settings));
    const groups = [...new Set(left.map(({ group }) => group))];
    /** @param {any} event */
    const add = ({ target: list }) => {
        const field = known.get(list.value);
        list.value = "";
        if (field) set({ ...settings, [field.field]: field.choices[0]?.value ?? "" });
    };
    return html`<div class="versus-set">
        ${repeat(Object.keys(settings), (name) => name, (name) => row(name, known.get(name), settings, set))}
        <select aria-label=${`Add a setting to ${label}`} @change=${add}><option value="">Add a setting…</option>${groups.map((group) => html`<optgroup label=${group}>${
            left.filter((field) => field.group === group).map(({ field, title }) => html`<option value=${field}>${title}</option>`)}</optgroup>`)}</select></div>`;
}

/**
 * @param {string} name
 * @param {GridOffer | undefined} field
 * @param {Record<string, any>} settings
 * @param {(settings: Record<string, any>) => void} set
 */
function row(name, field, settings, set) {
    const title = field?.title ?? name.replaceAll("_", " ");
    /** @param {any} event */
    const take = (event) => set({ ...settings, [name]: event.target.value });
    const without = () => set(Object.fromEntries(Object.entries(settings).filter(([other]) => other !== name)));
    const value = String(settings[name]);
    return html`<label class="versus-choice"><span title=${field?.hint ?? nothing}>${title}</span>${field?.choices.length
        ? html`<select @change=${take}>${field.choices.map((one) => html`<option value=${one.value} .selected=${live(one.value === value)}>${one.label}</option>`)}</select>`
        : html`<input type=${field?.numeric ? "number" : "text"} step="any" spellcheck="false" .value=${live(value)} @input=${take}>`}
        <button type="button" class="drop" aria-label=${`Remove ${title}`} title="Remove" @click=${without}>${icon("remove")}</button></label>`;
}
