// What marks a part of a picture: a registry, in the order of the buttons. A tool that finds objects by itself joins here.

/** @typedef {{ x: number, y: number, width: number }} Spot Where the pointer was, in pixels of the layer, and how wide the brush is there. */

/**
 * `mark` draws on a layer what the gesture selects, opaque; while it lasts, `live` tools draw with each move, others once it is over, and
 * `outline` is what is seen of them until then. `colours` says that they paint on the picture, too, and `sized` that the brush's size counts.
 * A tool that has to ask somebody first may return a promise.
 * @typedef {object} Tool
 * @property {string} label
 * @property {import("./icon.js").IconName} icon
 * @property {string} key
 * @property {string} help
 * @property {boolean} live
 * @property {boolean} [sized]
 * @property {boolean} [erases]
 * @property {boolean} [colours]
 * @property {(spots: Spot[]) => Path2D} [outline]
 * @property {(layer: CanvasRenderingContext2D, spots: Spot[]) => unknown} mark
 */

/**
 * From spot to spot, as wide as the brush was at each.
 * @param {CanvasRenderingContext2D} layer
 * @param {Spot[]} spots
 */
function line(layer, spots) {
    layer.lineCap = layer.lineJoin = "round";
    spots.forEach((spot, at) => {
        const before = spots[Math.max(0, at - 1)];
        layer.lineWidth = spot.width;
        layer.beginPath();
        layer.moveTo(before.x, before.y);
        layer.lineTo(spot.x + (at ? 0 : 0.01), spot.y);
        layer.stroke();
    });
}

/** @param {Spot[]} spots */
function around(spots) {
    const path = new Path2D();
    spots.forEach(({ x, y }, at) => (at ? path.lineTo(x, y) : path.moveTo(x, y)));
    path.closePath();
    return path;
}

/** @param {Spot[]} spots */
function between(spots) {
    const [first, last] = [spots[0], spots[spots.length - 1]];
    const path = new Path2D();
    path.rect(Math.min(first.x, last.x), Math.min(first.y, last.y), Math.abs(last.x - first.x), Math.abs(last.y - first.y));
    return path;
}

/**
 * The part around a spot that is enclosed by what is painted.
 * @param {CanvasRenderingContext2D} layer
 * @param {Spot[]} spots
 */
function pour(layer, spots) {
    const { width, height } = layer.canvas;
    const image = layer.getImageData(0, 0, width, height);
    const [x, y] = [Math.floor(spots[0].x), Math.floor(spots[0].y)];
    if (x < 0 || y < 0 || x >= width || y >= height) return;
    const waiting = [y * width + x];
    while (waiting.length) {
        const at = /** @type {number} */ (waiting.pop());
        if (image.data[4 * at + 3] > 127) continue;
        image.data.fill(255, 4 * at, 4 * at + 4);
        if (at % width) waiting.push(at - 1);
        if ((at + 1) % width) waiting.push(at + 1);
        if (at >= width) waiting.push(at - width);
        if (at < width * (height - 1)) waiting.push(at + width);
    }
    layer.putImageData(image, 0, 0);
}

/** @type {Record<string, Tool>} */
export const TOOLS = {
    brush: { label: "Brush", icon: "brush", key: "b", help: "Paint over what should change", live: true, sized: true, mark: line },
    eraser: { label: "Eraser", icon: "eraser", key: "e", help: "Erase what is painted", live: true, sized: true, erases: true, mark: line },
    lasso: { label: "Lasso", icon: "lasso", key: "l", help: "Draw around what should change; with Alt, around what should not", live: false, outline: around, mark: (layer, spots) => layer.fill(around(spots)) },
    rectangle: { label: "Rectangle", icon: "rectangle", key: "r", help: "Drag from corner to corner; with Alt, around what should not change", live: false, outline: between, mark: (layer, spots) => layer.fill(between(spots)) },
    fill: { label: "Fill", icon: "fill", key: "g", help: "Click inside an outline to fill it", live: false, mark: pour },
    colour: { label: "Colour", icon: "colour", key: "c", help: "Paint in colour what should appear there; a strength of 0.5 to 0.8 keeps to it", live: true, sized: true, colours: true, mark: line },
};
