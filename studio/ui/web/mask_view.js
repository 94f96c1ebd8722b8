// How a picture lies in the room that it is painted in: fitted, zoomed by wheel and pinch, moved.

const MOST = 32;
// A small picture is shown this much larger at most, until somebody zooms.
const FITTED = 6;
const MARGIN = 28;

/** @typedef {{ x: number, y: number }} Point */

/**
 * `sheet` is moved within `room`; `changed` is told when the scale is another one.
 * @param {HTMLElement} room
 * @param {HTMLElement} sheet
 * @param {() => unknown} changed
 */
export function maskView(room, sheet, changed) {
    let size = { width: 1, height: 1 };
    // What the picture grows by at each side, which is seen too.
    let growth = { left: 0, right: 0, top: 0, bottom: 0 };
    let isFitted = true;
    let scale = 1;
    let place = { x: 0, y: 0 };

    function fitted() {
        const [width, height] = [size.width + growth.left + growth.right, size.height + growth.top + growth.bottom];
        const wide = Math.min((room.clientWidth - 2 * MARGIN) / width, (room.clientHeight - 2 * MARGIN) / height, FITTED);
        return { scale: Math.max(wide, 1e-3), x: (room.clientWidth - (size.width + growth.right - growth.left) * wide) / 2, y: (room.clientHeight - (size.height + growth.bottom - growth.top) * wide) / 2 };
    }

    function draw() {
        // Hidden, it has no size, and is measured again when it is seen.
        if (!room.clientWidth || !room.clientHeight) return;
        if (isFitted) ({ scale, x: place.x, y: place.y } = fitted());
        sheet.style.width = `${size.width * scale}px`;
        sheet.style.height = `${size.height * scale}px`;
        sheet.style.transform = `translate(${place.x}px, ${place.y}px)`;
        sheet.classList.toggle("grainy", scale * devicePixelRatio >= 4);
        changed();
    }

    /**
     * @param {number} wanted
     * @param {Point} [at] what stays where it is
     */
    function zoom(wanted, at = { x: room.clientWidth / 2, y: room.clientHeight / 2 }) {
        const now = Math.min(MOST, Math.max(Math.min(fitted().scale, 1 / devicePixelRatio) / 2, wanted));
        place = { x: at.x - ((at.x - place.x) * now) / scale, y: at.y - ((at.y - place.y) * now) / scale };
        scale = now;
        isFitted = false;
        draw();
    }

    function fit() {
        isFitted = true;
        draw();
    }

    /**
     * @param {number} x
     * @param {number} y
     */
    function move(x, y) {
        // Some of the picture always stays in sight.
        const [wide, high] = [size.width * scale, size.height * scale];
        place = { x: Math.min(room.clientWidth - MARGIN, Math.max(MARGIN - wide, place.x + x)), y: Math.min(room.clientHeight - MARGIN, Math.max(MARGIN - high, place.y + y)) };
        isFitted = false;
        draw();
    }

    /** @param {{ clientX: number, clientY: number }} event */
    const within = ({ clientX, clientY }) => {
        const { left, top } = room.getBoundingClientRect();
        return { x: clientX - left, y: clientY - top };
    };

    room.addEventListener("wheel", (event) => {
        event.preventDefault();
        const notch = event.deltaMode ? 20 : 1;
        zoom(scale * Math.exp(-event.deltaY * notch * (event.ctrlKey ? 0.01 : 0.0015)), within(event));
    }, { passive: false });
    new ResizeObserver(draw).observe(room);

    return {
        /** @param {{ width: number, height: number }} next */
        show(next) {
            if (next.width !== size.width || next.height !== size.height) isFitted = true;
            size = next;
            draw();
        },
        /** @param {typeof growth} next */
        grow(next) {
            growth = next;
            draw();
        },
        /** @param {number} by */
        zoom: (by) => zoom(scale * by),
        /**
         * Two fingers: by how much they went apart, where they are, and how far they moved.
         * @param {number} by
         * @param {{ clientX: number, clientY: number }} at
         * @param {Point} moved
         */
        pinch(by, at, moved) {
            place = { x: place.x + moved.x, y: place.y + moved.y };
            zoom(scale * by, within(at));
        },
        /** How large the picture is with what it grows by. */
        grown: () => ({ width: size.width + growth.left + growth.right, height: size.height + growth.top + growth.bottom }),
        fit, move,
        actual: () => zoom(1 / devicePixelRatio),
        scale: () => scale,
        percent: () => Math.round(100 * scale * devicePixelRatio),
        isFitted: () => isFitted,
    };
}
