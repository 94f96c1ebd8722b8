// The rounds of inpainting: back, forth, and on with the result.
import { part } from "./dom.js";
import { panels } from "./panels.js";
import { html, render } from "./vendor/lit.js";

/** @param {Island<Partial<RoundsView>>} island */
export function mount({ element, props, watch, tell }) {
    const pane = /** @type {HTMLElement} */ (element.closest(".editor-pane"));
    /**
     * @param {string} label
     * @param {string} title
     * @param {boolean} disabled
     * @param {() => unknown} act
     */
    const button = (label, title, disabled, act) => html`<button type="button" class="plain" title=${title} ?disabled=${disabled} @click=${async () => { await panels.mask?.settled(); act(); }}>${label}</button>`;

    function draw() {
        const { ids = [], at = -1, shown = false, holes = false } = props.value ?? {};
        panels.mask?.turn(shown ? ids[at] : null, holes);
        pane.classList.toggle("bare", !shown);
        render(html`<div class="ways" role="group" aria-label="Rounds">
                ${button("Undo round", "The picture that was painted on before", at <= 0, () => tell.turn({ steps: -1 }))}
                ${button("Redo round", "The picture that was painted on after it", at >= ids.length - 1, () => tell.turn({ steps: 1 }))}
                ${button("Use the result as the new picture", "The newest result becomes the picture you paint on, and the mask is cleared", !shown, () => tell.proceed({}))}</div>
            <p class="note">${ids.length > 1 ? `Round ${at + 1} of ${ids.length}` : ""}</p>`, part(element, ".rounds"));
    }

    panels.rounds = { draw };
    watch("value", draw);
    draw();
}
