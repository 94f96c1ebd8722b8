// A picture in its room: fitted, at its own size, or zoomed and moved by wheel, pinch, drag, double tap and keys.
import { part, parts, target } from "./dom.js";

// How far a picture is magnified at most, and where it is merely fitted to its room.
const MOST = 16;
const FITTED = 5;
// From so many pixels of the screen for each of the picture's on, those are seen as they are.
const GRAIN = 4;
// Pixels that a pointer may move within a tap and has to move for a swipe, and milliseconds between two taps.
const STILL = 6;
const SWIPE = 60;
const TWICE = 350;

/** @typedef {{ x: number, y: number }} Point */

/**
 * Moves each `.zoom-sheet` in the `.zoom-cell`s of a room alike, by what the style sheet reckons with. `heard` is told when the scale
 * has changed, when a finger swiped to the next picture or the one before, and when the room beside the picture was tapped.
 * @param {HTMLElement} room
 * @param {{ changed: () => unknown, swiped: (by: number) => unknown, beside: () => unknown }} heard
 */
export function zooming(room, { changed, swiped, beside }) {
    let size = { width: 1, height: 1 };
    // Without a scale, the picture is fitted to the room.
    let place = { scale: /** @type {number | null} */ (null), x: 0, y: 0 };
    /** @type {Map<number, Point>} */
    const pointers = new Map();
    /** @type {{ at: Point, onPicture: boolean, travelled: number, alone: boolean } | null} */
    let press = null;
    let tapped = { when: 0, x: 0, y: 0 };

    const bounds = () => {
        const { clientWidth, clientHeight } = part(room, ".zoom-cell");
        return { width: clientWidth || 1, height: clientHeight || 1 };
    };
    const fitted = () => Math.min(bounds().width / size.width, bounds().height / size.height, FITTED);
    const actual = () => 1 / devicePixelRatio;
    const scale = () => place.scale ?? fitted();
    const isLarger = () => size.width * scale() > bounds().width + 1 || size.height * scale() > bounds().height + 1;

    /**
     * Where a pointer is, from the middle of its cell.
     * @param {Point} point
     */
    function within({ x, y }) {
        const cells = parts(room, ".zoom-cell").map((cell) => cell.getBoundingClientRect());
        const { left, top, width, height } = cells.find((cell) => x >= cell.left && x <= cell.right) ?? cells[0];
        return { x: x - left - width / 2, y: y - top - height / 2 };
    }

    function draw() {
        const now = scale();
        const [across, up] = [Math.max(0, (size.width * now - bounds().width) / 2), Math.max(0, (size.height * now - bounds().height) / 2)];
        place.x = Math.min(across, Math.max(-across, place.x));
        place.y = Math.min(up, Math.max(-up, place.y));
        const style = { width: size.width * now, height: size.height * now, x: place.x, y: place.y };
        for (const [name, pixels] of Object.entries(style)) room.style.setProperty(`--sheet-${name}`, `${pixels}px`);
        room.classList.toggle("zoomed", isLarger());
        room.classList.toggle("grainy", place.scale !== null && now * devicePixelRatio >= GRAIN);
        changed();
    }

    /**
     * @param {number} wanted
     * @param {Point} [at] what stays where it is
     */
    function zoom(wanted, at = { x: 0, y: 0 }) {
        const [before, fit] = [scale(), fitted()];
        const now = Math.min(MOST, Math.max(Math.min(fit, actual()), wanted));
        const share = now / before;
        place = Math.abs(now / fit - 1) < 0.01 ? { scale: null, x: 0, y: 0 } : { scale: now, x: at.x - (at.x - place.x) * share, y: at.y - (at.y - place.y) * share };
        draw();
    }

    const fit = () => zoom(fitted());
    /** @param {Point} [at] */
    const toActual = (at) => zoom(actual(), at);
    /** @param {Point} at */
    function toggle(at) {
        if (place.scale !== null) return fit();
        const isSame = Math.abs(actual() / fitted() - 1) < 0.05 || actual() < fitted();
        zoom(isSame ? 2 * fitted() : actual(), at);
    }

    /**
     * @param {number} x
     * @param {number} y
     */
    function move(x, y) {
        place.x += x;
        place.y += y;
        draw();
    }

    /** @param {PointerEvent} event */
    function down(event) {
        if (event.button || target(event)?.closest("button, a, input")) return;
        room.setPointerCapture(event.pointerId);
        const at = { x: event.clientX, y: event.clientY };
        pointers.set(event.pointerId, at);
        press = { at, onPicture: Boolean(target(event)?.closest(".zoom-sheet")), travelled: 0, alone: pointers.size === 1 };
    }

    /** @param {PointerEvent} event */
    function drag(event) {
        const before = pointers.get(event.pointerId);
        if (!before || !press) return;
        const now = { x: event.clientX, y: event.clientY };
        press.travelled = Math.max(press.travelled, Math.hypot(now.x - press.at.x, now.y - press.at.y));
        const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
        pointers.set(event.pointerId, now);
        if (other) {
            const middle = within({ x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
            place.x += (now.x - before.x) / 2;
            place.y += (now.y - before.y) / 2;
            zoom((scale() * Math.hypot(now.x - other.x, now.y - other.y)) / Math.max(1, Math.hypot(before.x - other.x, before.y - other.y)), middle);
        } else if (isLarger()) {
            move(now.x - before.x, now.y - before.y);
        }
    }

    /** @param {PointerEvent} event */
    function up(event) {
        if (!pointers.delete(event.pointerId) || !press || !press.alone || pointers.size) return;
        const { at, onPicture, travelled } = press;
        press = null;
        const by = { x: event.clientX - at.x, y: event.clientY - at.y };
        if (event.type === "pointercancel") return;
        if (travelled <= STILL) tap(event, onPicture);
        else if (event.pointerType === "touch" && !isLarger() && Math.abs(by.x) > SWIPE && Math.abs(by.x) > 2 * Math.abs(by.y)) swiped(by.x < 0 ? 1 : -1);
    }

    /**
     * @param {PointerEvent} event
     * @param {boolean} onPicture
     */
    function tap(event, onPicture) {
        if (!onPicture) return beside();
        const [when, x, y] = [event.timeStamp, event.clientX, event.clientY];
        const isSecond = when - tapped.when < TWICE && Math.hypot(x - tapped.x, y - tapped.y) < 4 * STILL;
        tapped = { when: isSecond ? 0 : when, x, y };
        if (isSecond) toggle(within({ x, y }));
    }

    /** @param {WheelEvent} event A trackpad's pinch comes as a wheel with the control key, in small steps. */
    function wheel(event) {
        event.preventDefault();
        const notch = event.deltaMode ? 20 : 1;
        zoom(scale() * Math.exp(-event.deltaY * notch * (event.ctrlKey ? 0.01 : 0.0015)), within({ x: event.clientX, y: event.clientY }));
    }

    room.addEventListener("pointerdown", down);
    room.addEventListener("pointermove", drag);
    room.addEventListener("pointerup", up);
    room.addEventListener("pointercancel", up);
    room.addEventListener("wheel", wheel, { passive: false });
    new ResizeObserver(draw).observe(room);

    return {
        /**
         * Another picture; one of the same size is seen at the same place.
         * @param {{ width: number, height: number }} next
         */
        show(next) {
            if (next.width !== size.width || next.height !== size.height) place = { scale: null, x: 0, y: 0 };
            size = next;
            draw();
        },
        fit,
        actual: () => toActual(),
        /** @param {number} by */
        zoom: (by) => zoom(scale() * by),
        move,
        /** In percent: at 100, a pixel of the picture is one of the screen. */
        percent: () => Math.round(100 * scale() * devicePixelRatio),
        isFitted: () => place.scale === null,
    };
}
