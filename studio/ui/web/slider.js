// A number with its slider.
import { html } from "./vendor/lit.js";

/**
 * `set` is told whether it is still going on, and may return what it takes instead; `beyond` are the ends of what can be typed, where
 * they are farther than the slider's.
 * @param {Pick<Option | FieldFacts, "label" | "help"> & { minimum: number | null, maximum: number | null, step: number | null }} setting
 * @param {number} value
 * @param {(value: number, going: boolean) => number | void} set
 * @param {number[]} [beyond]
 */
export function slider({ label, help, minimum, maximum, step }, value, set, beyond) {
    const [low, high] = beyond ?? [minimum ?? 0, maximum ?? 1];
    /**
     * Both show what was taken; between two drawings of the panel they stand as they were moved.
     * @param {any} event
     * @param {boolean} going
     */
    const move = ({ currentTarget: entry }, going) => {
        const given = Math.min(high, Math.max(low, Number(entry.value)));
        const taken = set(given, going) ?? given;
        for (const one of entry.parentElement.querySelectorAll("input")) one.value = String(taken);
    };
    return html`<div class="dial" title=${help}><span>${label}</span>
        <input type="number" min=${low} max=${high} step=${low === minimum ? step : "any"} aria-label=${label} .value=${String(value)} @change=${(event) => move(event, false)}>
        <input type="range" min=${minimum} max=${maximum} step=${step} aria-label=${label} .value=${String(value)} @input=${(event) => move(event, true)} @change=${(event) => move(event, false)}></div>`;
}

/**
 * One of a few, with its label.
 * @param {{ label: string, help: string }} setting
 * @param {string[]} choices
 * @param {string} value
 * @param {(value: string) => void} set
 * @param {string[]} [words] what the choices are called
 */
export function choice({ label, help }, choices, value, set, words = []) {
    /** @param {string} one */
    const worded = (one) => one.replaceAll("_", " ").replace(/^./, (letter) => letter.toUpperCase());
    return html`<label class="dial choice" title=${help}><span>${label}</span>
        <select @change=${(event) => set(event.target.value)}>${choices.map((one, at) => html`<option value=${one} .selected=${one === value}>${words[at] ?? worded(one)}</option>`)}</select></label>`;
}
