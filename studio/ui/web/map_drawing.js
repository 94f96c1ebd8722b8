// A control map drawn by hand: white lines on black, over the picture where there is one.
import { make, part } from "./dom.js";
import { canvasSize, openEditorDialog } from "./editor_dialog.js";
import { html, nothing } from "./vendor/lit.js";

const LONGEST = 1024;

/** @typedef {{ points: number[][], size: number, colour: string }} Stroke */

/**
 * `picture` lies below what is drawn, `map` is what is drawn on; `done` takes the drawing.
 * @param {{ picture: StoredPicture | null | undefined, size: { width: number, height: number }, map: StoredPicture | undefined, done: (drawing: Blob) => void }} given
 */
export function openMapDrawing({ picture, size, map, done }) {
    const { width, height } = canvasSize(size, LONGEST, true);
    /** @type {(Stroke | null)[]} */
    let strokes = [];
    /** @type {(Stroke | null)[]} */
    let undone = [];
    /** @type {HTMLImageElement | null} */
    let base = null;
    /** @type {Stroke | null} */
    let stroke = null;
    let black = false;
    let thick = 14;

    /**
     * @param {string} words
     * @param {() => void} act
     * @param {{ disabled?: boolean, pressed?: boolean, title?: string }} [more]
     */
    const button = (words, act, { disabled = false, pressed, title } = {}) => html`<button type="button" class="plain" title=${title ?? nothing} aria-pressed=${pressed === undefined ? nothing : String(pressed)} ?disabled=${disabled} @click=${act}>${words}</button>`;
    /** @param {boolean} erases */
    const pick = (erases) => { black = erases; desk.draw(); };
    const desk = openEditorDialog("Draw a map", {
        tools: () => html`${button("Brush", () => pick(false), { pressed: !black })}${button("Eraser", () => pick(true), { pressed: black })}
            <input type="range" min="4" max="80" value="14" aria-label="Brush size" @input=${(event) => { thick = Number(event.target.value); }}><span class="apart"></span>
            ${button("Undo", () => step(strokes, undone), { title: "Undo (Ctrl Z)", disabled: !strokes.length })}${button("Redo", () => step(undone, strokes), { title: "Redo (Ctrl Y)", disabled: !undone.length })}${button("Clear", () => { strokes.push(null); undone = []; draw(); })}`,
        body: () => html`<div class="draw-room" style=${`--aspect: ${width} / ${height}; --shape: ${width / height}`}>${picture ? html`<img src=${picture.file} alt="">` : nothing}<canvas width=${width} height=${height} class="draw-canvas" aria-label="Drawing"></canvas></div>`,
        foot: () => nothing,
        changed: () => strokes.length > 0, undo: () => step(strokes, undone), redo: () => step(undone, strokes),
        async finish() {
            const drawn = paper.getImageData(0, 0, width, height).data;
            if (!drawn.some((level, at) => at % 4 < 3 && level)) return "Nothing is drawn.";
            canvas.toBlob((blob) => { if (blob) done(blob); }, "image/png");
            return "";
        },
    });
    desk.draw();
    const canvas = /** @type {HTMLCanvasElement} */ (part(desk.dialog, "canvas"));
    const paper = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));

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
        desk.draw();
    }

    /** @param {Stroke} stroke */
    function line({ points, size, colour }) {
        paper.strokeStyle = colour;
        paper.lineWidth = size;
        paper.lineCap = paper.lineJoin = "round";
        paper.beginPath();
        points.forEach(([x, y], at) => (at ? paper.lineTo(x, y) : paper.moveTo(x, y)));
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
        stroke = { points: [where(event)], size: thick, colour: black ? "black" : "white" };
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
