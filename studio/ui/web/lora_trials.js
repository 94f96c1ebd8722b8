// Grids of LoRAs' weights at one click: a strip of one, and two against each other.
import { input } from "./dom.js";
import { ask, facts } from "./form.js";
import { html, live, nothing } from "./vendor/lit.js";

const STRIP = "0, 0.25, 0.5, 0.75, 1";
const AGAINST = "0, 0.5, 1";
// The tab whose form says all that does not vary.
const MAKING = "text_to_image_into";

/**
 * `names` are the LoRAs that are on; `drawn` draws what stands around it anew.
 * @param {() => string[]} names
 * @param {() => void} drawn
 */
export function loraTrials(names, drawn) {
    // What was chosen and written here; else the first that are on, and what the form says.
    let first = "";
    let second = "";
    let strip = STRIP;
    let against = AGAINST;
    /** @type {string | null} */
    let prompt = null;

    const words = () => prompt ?? (input("prompt")?.value.trim() || facts()?.model.examples[0]?.prompt || "");
    /** @param {string} text */
    const weights = (text) => (/^[\s\d.,-]+$/.test(text) ? text.split(",").filter((part) => part.trim()).length : 0);
    /** @param {string} name @param {string} text */
    const axis = (name, text) => ({ field: `lora:${name}`, text });
    /** @param {{ field: string, text: string }[]} axes */
    const make = (axes) => ask(MAKING, { to: "grid", axes, prompt: words() });

    /** @param {string} label @param {string[]} among @param {string} chosen @param {(name: string) => void} choose */
    const select = (label, among, chosen, choose) => html`<label class="lora-choice"><span>${label}</span><select aria-label=${label} @change=${(event) => { choose(event.target.value); drawn(); }}>${
        among.map((name) => html`<option .selected=${live(name === chosen)}>${name}</option>`)}</select></label>`;
    /** @param {string} label @param {string} text @param {(text: string) => void} write */
    const entry = (label, text, write) => html`<label class="lora-choice"><span>Weights</span><input type="text" aria-label=${label} .value=${live(text)} @input=${(event) => { write(event.target.value); drawn(); }}></label>`;

    function draw() {
        const on = names();
        if (!on.length) return html`<h2>Try weights</h2><p class="quiet">Use a LoRA to see a picture for each of its weights; use two to see them against each other.</p>`;
        const one = on.includes(first) ? first : on[0];
        const others = on.filter((name) => name !== one);
        const other = others.includes(second) ? second : others[0];
        const [count, side] = [weights(strip), weights(against)];
        return html`<h2>Try weights</h2>
            <p class="quiet">Made with the settings of Text to image, one seed for all, as a grid.</p>
            <label class="lora-words"><span>Prompt</span><textarea rows="2" .value=${live(words())} @input=${(event) => { prompt = event.target.value; drawn(); }}></textarea></label>
            ${select("LoRA", on, one, (name) => { first = name; })}
            ${entry("Weights of the strip", strip, (text) => { strip = text; })}
            <button type="button" class="plain" ?disabled=${!words().trim()} @click=${() => make([axis(one, strip)])}>${count ? `Strip of ${count} pictures` : "Make the strip"}</button>
            ${other ? html`${select(`${one} against`, others, other, (name) => { second = name; })}
                ${entry("Weights of the grid", against, (text) => { against = text; })}
                <button type="button" class="plain" ?disabled=${!words().trim()} @click=${() => make([axis(one, against), axis(other, against)])}>${side ? `Grid of ${side * side} pictures` : "Make the grid"}</button>` : nothing}`;
    }

    return { draw };
}
