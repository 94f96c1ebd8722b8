// A control map drawn by hand: white lines on black, over the picture where there is one.
import { make } from "./dom.js";
import { canvasSize, openEditorDialog } from "./editor_dialog.js";

/** @typedef {{ points: number[][], size: number, colour: string }} Stroke */

/** @param {any} given */
export function openMapDrawing(given) {
    const { picture, map, done } = given;
    const LONGEST = 1024;
    const { width, height } = canvasSize(given.size, LONGEST, true);

    const canvas = make("canvas", { width, height, class: "draw-canvas", "aria-label": "Drawing" });
    const paper = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    /** @type {(Stroke | null)[]} */
    let strokes = [];
    /** @type {(Stroke | null)[]} */
    let undone = [];
    /** @type {HTMLImageElement | null} */
    let base = null;
    /** @type {Stroke | null} */
    let stroke = null;
    let black = false;

    /**
     * @param {string} label
     * @param {Handler} act
     * @param {Attributes} [more]
     */
    const button = (label, act, more) => make("button", { type: "button", class: "plain", onclick: act, ...more }, label);
    /** @param {boolean} erases */
    const pick = (erases) => { black = erases; brush.setAttribute("aria-pressed", String(!erases)); eraser.setAttribute("aria-pressed", String(erases)); };
    const brush = button("Brush", () => pick(false), { "aria-pressed": "true" });
    const eraser = button("Eraser", () => pick(true), { "aria-pressed": "false" });
    const thick = make("input", { type: "range", min: 4, max: 80, value: 14, "aria-label": "Brush size" });
    const undo = button("Undo", () => step(strokes, undone), { title: "Undo (Ctrl Z)" });
    const redo = button("Redo", () => step(undone, strokes), { title: "Redo (Ctrl Y)" });
    const clear = button("Clear", () => { strokes.push(null); undone = []; draw(); });
    const room = make("div", { class: "draw-room" }, ...(picture ? [make("img", { src: picture.file, alt: "" })] : []), canvas);
    room.style.setProperty("--aspect", `${width} / ${height}`);
    room.style.setProperty("--shape", String(width / height));
    openEditorDialog("Draw a map", {
        tools: [brush, eraser, thick, make("span", { class: "apart" }), undo, redo, clear],
        body: [room],
        foot: [],
        changed: () => strokes.length > 0,
        async finish() {
            const drawn = paper.getImageData(0, 0, width, height).data;
            if (!drawn.some((level, at) => at % 4 < 3 && level)) return "Nothing is drawn.";
            done(await new Promise((resolve) => canvas.toBlob(resolve, "image/png")));
            return "";
        },
        key(/** @type {any} */ event) {
            const key = event.key.toLowerCase();
            if (!(event.ctrlKey || event.metaKey) || !["z", "y"].includes(key)) return;
            event.preventDefault();
            if (key === "y" || event.shiftKey) step(undone, strokes);
            else step(strokes, undone);
        },
    });

    /**
     * @param {(Stroke | null)[]} from
     * @param {(Stroke | null)[]} to
     */
    function step(from, to) {
        if (!from.length) return;
        to.push(from.pop() ?? null);
        draw();
    }

    // A stroke that is null wipes all before it.
    function draw() {
        paper.fillStyle = "black";
        paper.fillRect(0, 0, width, height);
        const from = strokes.lastIndexOf(null) + 1;
        if (base && !from) paper.drawImage(base, 0, 0, width, height);
        strokes.slice(from).forEach((one) => one && line(one));
        undo.disabled = !strokes.length;
        redo.disabled = !undone.length;
    }

    /** @param {any} given */
    function line({ points, size, colour }) {
        paper.strokeStyle = colour;
        paper.lineWidth = size;
        paper.lineCap = paper.lineJoin = "round";
        paper.beginPath();
        points.forEach((/** @type {any} */ [x, y], /** @type {number} */ at) => (at ? paper.lineTo(x, y) : paper.moveTo(x, y)));
        if (points.length === 1) paper.lineTo(points[0][0] + 0.01, points[0][1]);
        paper.stroke();
    }

    /** @param {PointerEvent} event */
    const where = (event) => {
        const box = canvas.getBoundingClientRect();
        return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
    };
    canvas.addEventListener("pointerdown", (event) => {
        if (event.button) return;
        event.preventDefault();
        canvas.setPointerCapture(event.pointerId);
        stroke = { points: [where(event)], size: Number(thick.value), colour: black ? "black" : "white" };
        strokes.push(stroke);
        undone = [];
        draw();
    });
    canvas.addEventListener("pointermove", (event) => {
        if (!stroke) return;
        stroke.points.push(...(event.getCoalescedEvents?.() ?? [event]).map(where));
        line(stroke);
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { stroke = null; draw(); });

    if (map) {
        const image = make("img", { src: map.file, onload: () => { base = image; draw(); } });
    }
    draw();
}
