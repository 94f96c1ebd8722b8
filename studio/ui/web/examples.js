// What may be tried in a tab with the chosen model: examples as pictures, and as words where nobody made any.
import { input, tab, type } from "./dom.js";
import { facts } from "./form.js";
import { panels } from "./panels.js";
import { html, nothing } from "./vendor/lit.js";

// What of the examples belongs to each tab; the others are for words alone.
/** @type {Record<string, string>} */
const USES = { image_to_image: "img2img", inpainting: "inpaint", controlnet: "control", upscale: "img2img" };

/** @param {string} of */
const suited = (of) => (facts()?.model.examples ?? []).filter(({ use }) => use === (USES[of] ?? "text2img"));

/**
 * The examples of the tab, on the empty stage or where a prompt is composed.
 * @param {(example: ModelExample) => unknown} [choose]
 */
export function exampleCards(choose = tryOut) {
    const found = suited(tab());
    if (!found.length) return nothing;
    const pictured = found.some(({ picture }) => picture);
    return html`<div class=${pictured ? "examples" : "chips"} role="group" aria-label="Examples">${found.map((one) => (pictured
        ? html`<button type="button" class="example" @click=${() => choose(one)}><img alt="" src=${one.picture || one.source} loading="lazy"><span>${one.prompt}</span></button>`
        : html`<button type="button" class="chip" @click=${() => choose(one)}>${one.prompt}</button>`))}</div>`;
}

/**
 * The pictures that examples of a tab start from, small.
 * @param {string} of
 */
export function samplePictures(of) {
    const found = suited(of).filter(({ source }) => source);
    return found.length ? html`<div class="samples" role="group" aria-label="Examples"><span class="note">Or try one of these</span>${found.map((one) => html`<button type="button" class="sample" aria-label=${one.prompt} title=${one.prompt} @click=${() => tryOut(one)}><img alt="" src=${one.source} loading="lazy"></button>`)}</div>` : nothing;
}

/**
 * Fills the tab in with an example; its picture comes as if it were dropped there.
 * @param {ModelExample} example
 */
export async function tryOut({ prompt, source, strength, control }) {
    const here = tab();
    // What is enlarged keeps its words, and is painted over as its own tab says.
    if (here !== "upscale") {
        type(input("prompt"), prompt);
        if (strength !== null) type(input("strength"), String(strength));
    }
    if (!source) return input("prompt")?.focus();
    const answer = await fetch(source);
    const file = new File([await answer.blob()], "example.webp", { type: "image/webp" });
    if (control) panels.controls?.give(control, file);
    else panels.sources[here]?.([file]);
}
