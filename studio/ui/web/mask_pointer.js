// Mouse, finger and pen over the picture: one paints, two fingers zoom and move, the space bar moves.
import { target } from "./dom.js";
import { TOOLS } from "./mask_tools.js";

/** @typedef {ReturnType<typeof import("./mask_canvas.js").maskCanvas>} MaskCanvas */
/** @typedef {import("./mask_tools.js").Spot} Spot */

// The least share of its width that a pen paints when it hardly presses.
const LIGHTEST = 0.25;
// By how many pixels of the page a finger moves before it paints: until then a second one may make it a pinch.
const STILL = 5;

/**
 * @param {MaskCanvas} canvas
 * @param {{ isPanning: () => boolean }} keys
 */
export function paintWith(canvas, { isPanning }) {
    const { room, sheet, ring, view } = canvas;
    /** @type {Map<number, { clientX: number, clientY: number }>} */
    const fingers = new Map();
    /** @type {{ id: number, at: { clientX: number, clientY: number }, spots: Spot[], done: number, alt: boolean, begun: boolean } | null} */
    let gesture = null;
    /** @type {number | null} */
    let moving = null;
    const outline = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    outline.setAttribute("class", "mask-outline");
    outline.append(document.createElementNS("http://www.w3.org/2000/svg", "path"));
    sheet.append(outline);

    /** @param {PointerEvent} event */
    function spot(event) {
        const { layer, width } = canvas.state();
        const box = sheet.getBoundingClientRect();
        const pressed = event.pointerType === "pen" && event.pressure > 0 ? LIGHTEST + (1 - LIGHTEST) * event.pressure : 1;
        return { x: ((event.clientX - box.left) / box.width) * layer.width, y: ((event.clientY - box.top) / box.height) * layer.height, width: width * pressed };
    }

    /** @param {PointerEvent} event */
    function hover(event) {
        const { layer, width, tool } = canvas.state();
        ring.hidden = event.pointerType === "touch" || !TOOLS[tool].sized || isPanning();
        const side = (width * sheet.getBoundingClientRect().width) / layer.width;
        const { left, top } = room.getBoundingClientRect();
        ring.style.width = ring.style.height = `${side}px`;
        ring.style.transform = `translate(${event.clientX - left - side / 2}px, ${event.clientY - top - side / 2}px)`;
    }

    /** @param {PointerEvent} event */
    function down(event) {
        if (target(event)?.closest("button, [role=slider]")) return;
        room.setPointerCapture(event.pointerId);
        room.classList.add("pointed");
        if (event.pointerType === "touch") fingers.set(event.pointerId, event);
        if (fingers.size === 2) return drop();
        if (event.button === 1 || isPanning()) {
            event.preventDefault();
            moving = event.pointerId;
            fingers.set(event.pointerId, event);
            return;
        }
        if (event.button || fingers.size > 1) return;
        gesture = { id: event.pointerId, at: { clientX: event.clientX, clientY: event.clientY }, spots: [spot(event)], done: 0, alt: event.altKey, begun: false };
        if (event.pointerType !== "touch") begin();
    }

    function begin() {
        if (!gesture || gesture.begun) return;
        gesture.begun = true;
        canvas.begun();
        canvas.remember();
        go();
    }

    // A second finger makes the stroke of the first a pinch.
    function drop() {
        if (gesture?.begun) canvas.drop();
        gesture = null;
        trace([]);
    }

    /** @param {PointerEvent} event */
    function move(event) {
        hover(event);
        const before = fingers.get(event.pointerId);
        if (before && (fingers.size > 1 || moving === event.pointerId)) {
            const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
            fingers.set(event.pointerId, event);
            const by = { x: event.clientX - before.clientX, y: event.clientY - before.clientY };
            if (!other) return view.move(by.x, by.y);
            /** @param {{ clientX: number, clientY: number }} at */
            const apart = (at) => Math.max(1, Math.hypot(at.clientX - other.clientX, at.clientY - other.clientY));
            return view.pinch(apart(event) / apart(before), { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 }, { x: by.x / 2, y: by.y / 2 });
        }
        if (gesture?.id !== event.pointerId) return;
        const events = event.getCoalescedEvents?.() ?? [];
        gesture.spots.push(...(events.length ? events : [event]).map(spot));
        if (gesture.begun) go();
        else if (Math.hypot(event.clientX - gesture.at.clientX, event.clientY - gesture.at.clientY) > STILL) begin();
    }

    function go() {
        if (!gesture) return;
        const { live, outline: shape } = TOOLS[canvas.state().tool];
        if (live) {
            canvas.mark(gesture.spots.slice(Math.max(0, gesture.done - 1)), gesture.alt);
            gesture.done = gesture.spots.length;
        } else if (shape) trace(gesture.spots);
    }

    /** @param {Spot[]} spots */
    function trace(spots) {
        const { layer, tool } = canvas.state();
        outline.setAttribute("viewBox", `0 0 ${layer.width} ${layer.height}`);
        const [first, last] = [spots[0], spots[spots.length - 1]];
        const corners = tool === "rectangle" && first ? [first, { ...first, x: last.x }, last, { ...last, x: first.x }] : spots;
        outline.firstElementChild?.setAttribute("d", corners.length ? `M${corners.map(({ x, y }) => `${x} ${y}`).join("L")}Z` : "");
    }

    /** @param {PointerEvent} event */
    async function up(event) {
        fingers.delete(event.pointerId);
        if (moving === event.pointerId) moving = null;
        if (gesture?.id !== event.pointerId) return;
        begin();
        const { spots, alt } = gesture;
        gesture = null;
        trace([]);
        if (!TOOLS[canvas.state().tool].live) canvas.mark(spots, alt);
        canvas.finish();
    }

    room.addEventListener("pointerdown", down);
    room.addEventListener("pointermove", move);
    room.addEventListener("pointerup", up);
    room.addEventListener("pointercancel", up);
    room.addEventListener("blur", () => room.classList.remove("pointed"));
    room.addEventListener("pointerleave", () => { ring.hidden = true; });
    // A long press of a finger, and the middle button, would bring up something of the browser's.
    room.addEventListener("contextmenu", (event) => event.preventDefault());
}
