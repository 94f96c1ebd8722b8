// The rounds of inpainting: back, forth, and on with the result.
import { make, part } from "./dom.js";
import { panels } from "./panels.js";

/** @param {Island} island */
export function mount({ element, props, watch, tell }) {
    const pane = /** @type {HTMLElement} */ (element.closest(".editor-pane"));
    /**
     * @param {string} label
     * @param {string} title
     * @param {() => unknown} act
     */
    const button = (label, title, act) => make("button", {
        type: "button", class: "plain", title,
        onclick: async () => { await panels.mask?.settled(); act(); },
    }, label);
    const back = button("Undo round", "The picture that was painted on before", () => tell.turn({ steps: -1 }));
    const forth = button("Redo round", "The picture that was painted on after it", () => tell.turn({ steps: 1 }));
    const on = button("Go on with the result", "The newest result becomes the picture to paint on; the mask is cleared", () => tell.proceed({}));
    const where = make("p", { class: "note" });
    part(element, ".rounds").append(make("div", { class: "ways", role: "group", "aria-label": "Rounds" }, back, forth, on), where);

    function draw() {
        const { ids = [], at = -1, shown = false, holes = false } = props.value ?? {};
        panels.mask?.turn(shown ? ids[at] : null, holes);
        pane.classList.toggle("bare", !shown);
        back.disabled = at <= 0;
        forth.disabled = at >= ids.length - 1;
        on.disabled = !shown;
        where.textContent = ids.length > 1 ? `Round ${at + 1} of ${ids.length}` : "";
    }

    panels.rounds = { draw };
    watch("value", draw);
    draw();
}
