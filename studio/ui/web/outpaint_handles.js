// The sides of a picture that is painted on: drawn outwards, it grows there.
import { make, part, type } from "./dom.js";
import { onValues, value } from "./form.js";

const SIDES = /** @type {const} */ (["left", "right", "top", "bottom"]);
const STEP = 8;
const MOST = 1024;
/** @typedef {(typeof SIDES)[number]} Side */

/**
 * @param {import("./mask_pointer.js").MaskCanvas} canvas
 * @param {string} owner
 */
export function outpaintHandles({ sheet, view }, owner) {
    /** @type {Record<Side, number>} */
    let growth = { left: 0, right: 0, top: 0, bottom: 0 };
    const frame = make("div", { class: "growth-frame", hidden: true });
    const handles = Object.fromEntries(SIDES.map((side) => [side, handle(side)]));
    sheet.append(frame, ...Object.values(handles));

    /** @param {Side} side */
    function handle(side) {
        const made = make("div", { class: `grow-handle ${side}`, role: "slider", tabindex: "0", "aria-label": `Outpaint ${side}`, title: `Outpaint ${side}: drag, or use the arrow keys`,
            "aria-orientation": side === "left" || side === "right" ? "horizontal" : "vertical", "aria-valuemin": "0", "aria-valuemax": String(MOST), "aria-valuenow": "0", "aria-valuetext": "0 pixels" });
        const outwards = side === "left" || side === "top" ? -1 : 1;
        const axis = side === "left" || side === "right" ? "clientX" : "clientY";
        /** @type {{ at: number, from: number } | null} */
        let press = null;
        made.addEventListener("pointerdown", (event) => {
            if (event.button) return;
            event.stopPropagation();
            made.setPointerCapture(event.pointerId);
            press = { at: event[axis], from: growth[side] };
        });
        made.addEventListener("pointermove", (event) => { if (press) turn(side, press.from + (outwards * (event[axis] - press.at)) / view.scale()); });
        for (const end of ["pointerup", "pointercancel"]) made.addEventListener(end, () => { if (press) keep(side); press = null; });
        made.addEventListener("keydown", (event) => {
            const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
            if (!by) return;
            event.preventDefault();
            event.stopPropagation();
            turn(side, growth[side] + by * outwards * (event.shiftKey ? 64 : STEP));
            keep(side);
        });
        return made;
    }

    /**
     * @param {Side} side
     * @param {number} pixels
     */
    function turn(side, pixels) {
        growth = { ...growth, [side]: Math.min(MOST, Math.max(0, STEP * Math.round(pixels / STEP))) };
        draw();
    }

    // The fields below the prompt say it; all else follows from them.
    /** @param {Side} side */
    function keep(side) {
        type(part(document, `#grow-${owner}-${side}`).querySelector("input"), String(growth[side]));
        view.grow(growth);
    }

    function draw() {
        for (const side of SIDES) {
            sheet.style.setProperty(`--grow-${side}`, `calc(100% * ${growth[side] / Math.max(1, side === "left" || side === "right" ? size.width : size.height)})`);
            handles[side].setAttribute("aria-valuenow", String(growth[side]));
            handles[side].setAttribute("aria-valuetext", `${growth[side]} pixels`);
            handles[side].dataset.pixels = growth[side] ? `+${growth[side]}` : "";
        }
        frame.hidden = !SIDES.some((side) => growth[side]);
    }

    let size = { width: 1, height: 1 };
    function follow() {
        const told = Object.fromEntries(SIDES.map((side) => [side, Number(value(side) ?? 0)]));
        if (SIDES.every((side) => told[side] === growth[side])) return;
        growth = /** @type {typeof growth} */ (told);
        draw();
        view.grow(growth);
    }
    onValues((values) => { if (`${owner}/left` in values) follow(); });

    return {
        /** @param {{ width: number, height: number }} next */
        show(next) {
            size = next;
            draw();
        },
        isGrown: () => SIDES.some((side) => growth[side] > 0),
    };
}
