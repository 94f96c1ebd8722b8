// The picture that is painted on, with its mask and colours over it: strokes in, layers out, undo and redo.
import { make, part } from "./dom.js";
import { alphaOf, contrasting, grown, inverted, newLayer, putAlpha, putColours, putMask } from "./mask_pixels.js";
import { TOOLS } from "./mask_tools.js";
import { maskView } from "./mask_view.js";

// The longer side of what is painted on: a larger picture keeps its own, and has a mask that is enlarged.
const LONGEST = 1536;
const MOST_STEPS = 40;
// Steps with colours are large.
const MOST_STEPS_BYTES = 128 * 2 ** 20;

/** @typedef {{ alpha: Uint8ClampedArray, colours: ImageData | null }} Painting */

/**
 * `stroked` is told when something was painted, `begun` before the first mark of a gesture, `left` before the mask
 * is changed as a whole, `changed` when what the tools say is another.
 * @param {HTMLElement} room
 * @param {{ stroked: () => unknown, begun: () => unknown, left: () => unknown, changed: () => unknown }} heard
 */
export function maskCanvas(room, { stroked, begun, left, changed }) {
    const picture = make("img", { alt: "", draggable: "false", class: "painted-on" });
    const result = make("img", { alt: "", draggable: "false", class: "result", hidden: true });
    const canvases = [make("canvas", { class: "tint" }), make("canvas", { class: "colours" })];
    const sheet = make("div", { class: "mask-sheet" }, picture, ...canvases, result);
    const ring = make("div", { class: "brush-ring", hidden: true });
    room.append(sheet, ring);
    const [tint, seenColours] = canvases.map((canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")));
    const view = maskView(room, sheet, () => { lay(); changed(); });

    let mask = newLayer(1, 1);
    let colours = newLayer(1, 1);
    let isColoured = false;
    /** @type {Painting[]} */
    let past = [];
    /** @type {Painting[]} */
    let future = [];
    let tool = "brush";
    let width = 40;
    let paint = "#c8643c";
    let contrast = "#2f7bff";
    let keeps = false;
    let isShowing = false;
    // Whether any of the mask is painted.
    let isEmpty = true;
    let frame = 0;
    let loading = 0;

    const scaleOf = () => (picture.naturalWidth ? mask.canvas.width / picture.naturalWidth : 1);

    function draw() {
        frame = 0;
        const { width: across, height: down } = mask.canvas;
        tint.globalCompositeOperation = "source-over";
        tint.clearRect(0, 0, across, down);
        tint.fillStyle = contrast;
        if (keeps && !isEmpty) {
            tint.fillRect(0, 0, across, down);
            tint.globalCompositeOperation = "destination-out";
            tint.drawImage(mask.canvas, 0, 0);
        } else {
            tint.drawImage(mask.canvas, 0, 0);
            tint.globalCompositeOperation = "source-in";
            tint.fillRect(0, 0, across, down);
        }
        seenColours.clearRect(0, 0, across, down);
        if (isColoured) seenColours.drawImage(colours.canvas, 0, 0);
    }
    const redraw = () => { frame ||= requestAnimationFrame(draw); };

    /** @returns {Painting} */
    const painting = () => ({ alpha: alphaOf(mask), colours: isColoured ? colours.getImageData(0, 0, colours.canvas.width, colours.canvas.height) : null });

    /** @param {Painting} now */
    function put({ alpha, colours: colour }) {
        putAlpha(mask, alpha);
        colours.clearRect(0, 0, colours.canvas.width, colours.canvas.height);
        isColoured = colour !== null;
        if (colour) colours.putImageData(colour, 0, 0);
        isEmpty = !alpha.some(Boolean);
        redraw();
    }

    // What is there is one step of undo; whoever calls changes it next.
    function remember() {
        past.push(painting());
        while (past.length > MOST_STEPS || (past.length > 1 && bytesOf(past) > MOST_STEPS_BYTES)) past.shift();
        future = [];
    }

    /**
     * @param {Painting[]} from
     * @param {Painting[]} to
     */
    function step(from, to) {
        const next = from.pop();
        if (!next) return;
        to.push(painting());
        put(next);
        changed();
        stroked();
    }

    /** @param {(now: Painting) => Painting} change */
    function alter(change) {
        remember();
        put(change(past[past.length - 1]));
        changed();
        stroked();
    }

    /** @param {(alpha: Uint8ClampedArray) => Uint8ClampedArray} change */
    function alterMask(change) {
        left();
        alter((now) => ({ ...now, alpha: change(now.alpha) }));
    }

    /**
     * @param {string} address
     * @returns {Promise<HTMLImageElement>}
     */
    const loaded = async (address) => {
        const image = make("img", { src: address });
        await image.decode();
        return image;
    };

    /**
     * Another picture, or what is painted over it is another.
     * @param {StoredPicture} next
     * @param {string} maskAddress
     * @param {string} sketchAddress
     */
    async function open(next, maskAddress, sketchAddress) {
        const turn = ++loading;
        const [shown, given, sketch] = await Promise.all([loaded(next.file), maskAddress ? loaded(maskAddress) : null, sketchAddress ? loaded(sketchAddress) : null]);
        if (turn !== loading) return;
        resize(next);
        picture.src = next.file;
        picture.alt = next.name || "Picture to paint on";
        contrast = contrasting(shown);
        sheet.style.setProperty("--mask-colour", contrast);
        if (given) putMask(mask, given);
        isColoured = sketch !== null;
        if (sketch) putColours(colours, sketch, shown);
        isEmpty = !given || !alphaOf(mask).some(Boolean);
        past = [];
        future = [];
        view.show(next);
        draw();
        changed();
    }

    /** @param {{ width: number, height: number }} next */
    function resize(next) {
        const by = Math.min(1, LONGEST / Math.max(next.width, next.height));
        const [across, down] = [Math.max(1, Math.round(next.width * by)), Math.max(1, Math.round(next.height * by))];
        if (mask.canvas.width !== across || mask.canvas.height !== down) width = Math.max(4, Math.round(Math.max(across, down) / 12));
        [mask, colours] = [newLayer(across, down), newLayer(across, down)];
        for (const { canvas } of [tint, seenColours]) Object.assign(canvas, { width: across, height: down });
    }

    /**
     * The picture as another one that goes on under what is painted from now on.
     * @param {StoredPicture} next
     */
    function relay(next) {
        picture.src = next.file;
        picture.alt = next.name || "Picture to paint on";
        show(null);
    }

    // A result of a picture that grows lies over what it grew by, too.
    function lay() {
        const [{ width: across, height: down }, { naturalWidth, naturalHeight }] = [view.grown(), result];
        const isAsBefore = naturalWidth === picture.naturalWidth && naturalHeight === picture.naturalHeight;
        sheet.classList.toggle("grown-result", isShowing && !isAsBefore && Math.abs(naturalWidth * down - naturalHeight * across) < 0.01 * naturalWidth * down);
    }
    result.addEventListener("load", lay);

    /**
     * A result, or a look at one in the making, in place of the picture.
     * @param {string | null} address
     */
    function show(address) {
        isShowing = Boolean(address);
        result.hidden = !address;
        sheet.classList.toggle("shows-result", isShowing);
        if (address && result.getAttribute("src") !== address) result.src = address;
        lay();
        changed();
    }

    function clear() {
        loading += 1;
        for (const layer of [mask, colours]) layer.clearRect(0, 0, layer.canvas.width, layer.canvas.height);
        isColoured = false;
        isEmpty = true;
        past = [];
        future = [];
        redraw();
        changed();
    }

    /**
     * One gesture of a tool; `alt` turns what it does round.
     * @param {import("./mask_tools.js").Spot[]} spots
     * @param {boolean} alt
     */
    function mark(spots, alt) {
        const { erases = false, colours: inColour = false, mark: draws } = TOOLS[tool];
        const away = erases !== alt;
        for (const layer of [mask, ...(inColour || (away && isColoured) ? [colours] : [])]) {
            layer.globalCompositeOperation = away ? "destination-out" : "source-over";
            layer.fillStyle = layer.strokeStyle = layer === colours ? paint : "#fff";
            draws(layer, spots);
            layer.globalCompositeOperation = "source-over";
        }
        isColoured ||= inColour && !away;
        isEmpty &&= away;
        redraw();
    }

    function finish() {
        isEmpty = !alphaOf(mask).some(Boolean);
        redraw();
        changed();
        stroked();
    }

    /** @param {CanvasRenderingContext2D} layer */
    const file = async (layer) => new File([await /** @type {OffscreenCanvas} */ (/** @type {unknown} */ (layer.canvas)).convertToBlob({ type: "image/png" })], "layer.png", { type: "image/png" });

    return {
        view, room, sheet, ring, open, relay, show, clear, mark, finish, remember, begun,
        undo: () => step(past, future),
        redo: () => step(future, past),
        invert: () => alterMask(inverted),
        wipe: () => alter(({ alpha }) => ({ alpha: new Uint8ClampedArray(alpha.length), colours: null })),
        /** @param {number} by in pixels of the picture */
        grow: (by) => alterMask((alpha) => grown(alpha, mask.canvas.width, Math.round(Math.sign(by) * Math.max(1, Math.abs(by) * scaleOf())))),
        // A gesture that turned out to be a pinch leaves nothing.
        drop() {
            const before = past.pop();
            if (before) put(before);
        },
        /** The layers as files; without colours, that one is null. */
        layers: async () => ({ layer: await file(mask), colours: isColoured ? await file(colours) : null }),
        state: () => ({ tool, width, paint, contrast, isEmpty, isColoured, isShowing, canUndo: past.length > 0, canRedo: future.length > 0, layer: mask.canvas }),
        /** @param {Partial<{ tool: string, width: number, paint: string, keeps: boolean }>} next */
        set(next) {
            tool = next.tool ?? tool;
            width = Math.min(400, Math.max(1, next.width ?? width));
            paint = next.paint ?? paint;
            keeps = next.keeps ?? keeps;
            part(room, ".brush-ring").hidden = true;
            redraw();
            changed();
        },
    };
}

/** @param {Painting[]} steps */
const bytesOf = (steps) => steps.reduce((sum, { alpha, colours }) => sum + alpha.length + (colours?.data.length ?? 0), 0);
