// A picture and what it was made from, one over the other, with a line between them to drag or to move with arrow keys.
import { loupe } from "./loupe.js";
import { html, nothing } from "./vendor/lit.js";

/** @type {Record<string, string>} */
const FITS = { crop: "cover", pad: "contain", stretch: "fill" };

/**
 * A picture that grew at its sides lies within the larger one.
 * @param {{ before?: string, fit?: string, grown?: number[], width: number, height: number, task?: string, file?: string }} picture
 * @param {string[]} [words]
 */
export function beforeAfter({ before = "", fit = "", grown = [0, 0, 0, 0], width, height, task = "", file = "" }, [first, second] = ["Before", "After"]) {
    // What was enlarged is looked at closely.
    const glass = task === "upscale" && before && file ? loupe({ before, file, width }) : null;
    const [top, right, bottom, left] = grown;
    /**
     * @param {number} pixels
     * @param {number} whole
     */
    const share = (pixels, whole) => `${(100 * pixels) / whole}%`;
    const inset = [share(top, height), share(right, width), share(bottom, height), share(left, width)].join(" ");
    /** @param {any} event */
    const move = ({ currentTarget: line }) => {
        line.parentElement.style.setProperty("--at", `${line.value}%`);
        line.setAttribute("aria-valuetext", `${line.value} % ${first.toLowerCase()}`);
    };
    /** @param {KeyboardEvent} event Arrows move the line, not to the next picture. */
    const keep = (event) => { if (event.key.startsWith("Arrow")) event.stopPropagation(); };
    return html`<div class="compare" style="--at: 50%" @pointermove=${glass?.move} @pointerdown=${glass?.move} @pointerleave=${glass?.leave} @pointercancel=${glass?.leave}>
        <div class="under"><img class="before" src=${before} alt="" draggable="false" style=${`object-fit: ${FITS[fit] ?? "fill"}; inset: ${inset}; width: ${share(width - left - right, width)}`}></div>
        <span class="divide" aria-hidden="true"></span>
        <span class="which" aria-hidden="true">${first}</span><span class="which" aria-hidden="true">${second}</span>
        <input type="range" min="0" max="100" value="50" step="1" aria-label=${`${first} and ${second.toLowerCase()}`} aria-valuetext=${`50 % ${first.toLowerCase()}`}
            @input=${move} @keydown=${keep}>
        ${glass?.glass ?? nothing}
    </div>`;
}
