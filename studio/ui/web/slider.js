// A number with its slider. `set` is told whether it is still going on; `beyond` are the ends of what can be
import { make } from "./dom.js";

/**
 * typed, where they are farther than the slider's.
 * @param {Told} setting
 * @param {any} value
 * @param {(value: number, going: boolean) => unknown} set
 * @param {number[]} [beyond]
 */
export function slider(setting, value, set, beyond) {
    const { label, help, minimum, maximum, step } = setting;
    const wide = beyond ?? [minimum, maximum];
    /**
     * @param {string} type
     * @param {any} given
     */
    const entry = (type, [min, max]) => make("input", { type, min, max, step: type === "number" && min !== minimum ? "any" : step, "aria-label": label, value });
    const number = entry("number", wide);
    const range = entry("range", [minimum, maximum]);
    const whole = /** @type {Slider} */ (make("div", { class: "dial", title: help }, make("span", {}, label), number, range));
    whole.say = (given) => { number.value = range.value = String(given); };
    range.addEventListener("input", () => { number.value = range.value; set(Number(range.value), true); });
    range.addEventListener("change", () => set(Number(range.value), false));
    number.addEventListener("change", () => {
        const given = Math.min(wide[1], Math.max(wide[0], Number(number.value)));
        whole.say(given);
        set(given, false);
    });
    return whole;
}
