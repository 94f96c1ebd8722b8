// Layers of the mask editor as pixels: how opaque each is, turned round, grown, and told from a picture.

/**
 * @param {number} width
 * @param {number} height
 */
export function newLayer(width, height) {
    const canvas = new OffscreenCanvas(width, height);
    // Read back after each stroke: by the processor, which is where all of it is read.
    return /** @type {CanvasRenderingContext2D} */ (/** @type {unknown} */ (canvas.getContext("2d", { willReadFrequently: true })));
}

/** @param {CanvasRenderingContext2D} layer */
const pixelsOf = (layer) => layer.getImageData(0, 0, layer.canvas.width, layer.canvas.height);

/**
 * How opaque each pixel is, 0 to 255.
 * @param {CanvasRenderingContext2D} layer
 */
export function alphaOf(layer) {
    return channel(pixelsOf(layer).data, 3);
}

/**
 * @param {Uint8ClampedArray} data
 * @param {number} from
 */
function channel(data, from) {
    const made = new Uint8ClampedArray(data.length / 4);
    for (let at = 0; at < made.length; at++) made[at] = data[4 * at + from];
    return made;
}

/**
 * A white layer of this opacity.
 * @param {CanvasRenderingContext2D} layer
 * @param {Uint8ClampedArray} alpha
 */
export function putAlpha(layer, alpha) {
    const image = layer.createImageData(layer.canvas.width, layer.canvas.height);
    image.data.fill(255);
    for (let at = 0; at < alpha.length; at++) image.data[4 * at + 3] = alpha[at];
    layer.putImageData(image, 0, 0);
}

/** @param {Uint8ClampedArray} alpha */
export const inverted = (alpha) => alpha.map((value) => 255 - value);

/**
 * Grown by so many pixels to each side, or shrunk, below 0.
 * @param {Uint8ClampedArray} alpha
 * @param {number} width
 * @param {number} by
 * @returns {Uint8ClampedArray}
 */
export function grown(alpha, width, by) {
    if (by < 0) return inverted(grown(inverted(alpha), width, -by));
    const height = alpha.length / width;
    const across = highest(alpha, height, width, width, 1, by);
    return highest(across, width, height, 1, width, by);
}

/**
 * The highest value within `reach` along lines of `length` values, each `step` from the next, the lines `apart`.
 * @param {Uint8ClampedArray} values
 * @param {number} lines
 * @param {number} length
 * @param {number} apart
 * @param {number} step
 * @param {number} reach
 */
function highest(values, lines, length, apart, step, reach) {
    const made = new Uint8ClampedArray(values.length);
    for (let line = 0; line < lines; line++) {
        let before = 0;
        for (let at = 0; at < length; at++) {
            const value = values[line * apart + at * step];
            // What the value before reaches is as high already.
            const from = before >= value ? at + reach : Math.max(0, at - reach);
            before = value;
            if (!value) continue;
            const end = Math.min(length - 1, at + reach);
            for (let near = from; near <= end; near++) {
                const place = line * apart + near * step;
                if (made[place] < value) made[place] = value;
            }
        }
    }
    return made;
}

/**
 * A mask's picture, white where it is painted, as a layer's opacity.
 * @param {CanvasRenderingContext2D} layer
 * @param {HTMLImageElement} mask
 */
export function putMask(layer, mask) {
    layer.drawImage(mask, 0, 0, layer.canvas.width, layer.canvas.height);
    putAlpha(layer, channel(pixelsOf(layer).data, 0));
}

// How far two copies of one pixel may be apart, over all channels, after they were made smaller.
const SAME = 12;

/**
 * Of a picture with colours painted on it, these alone.
 * @param {CanvasRenderingContext2D} layer
 * @param {HTMLImageElement} sketch
 * @param {HTMLImageElement} picture
 */
export function putColours(layer, sketch, picture) {
    const { width, height } = layer.canvas;
    layer.drawImage(picture, 0, 0, width, height);
    const before = pixelsOf(layer).data;
    layer.drawImage(sketch, 0, 0, width, height);
    const image = pixelsOf(layer);
    for (let at = 0; at < before.length; at += 4) {
        const apart = Math.abs(before[at] - image.data[at]) + Math.abs(before[at + 1] - image.data[at + 1]) + Math.abs(before[at + 2] - image.data[at + 2]);
        if (apart <= SAME) image.data[at + 3] = 0;
    }
    layer.putImageData(image, 0, 0);
}

const COLOURS = ["#2f7bff", "#ff3b30", "#23c552", "#ff2fd0", "#ffc800", "#00d5d5"];
const SAMPLE = 24;

/**
 * The colour that stands out most from a picture: the one that is farthest from the pixels that are nearest to it.
 * @param {HTMLImageElement} picture
 */
export function contrasting(picture) {
    const small = newLayer(SAMPLE, SAMPLE);
    small.drawImage(picture, 0, 0, SAMPLE, SAMPLE);
    const { data } = small.getImageData(0, 0, SAMPLE, SAMPLE);
    /** @param {string} colour */
    const apart = (colour) => {
        const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
        // Weighted as eyes see (Riemersma's "redmean" at its middle).
        const all = Array.from({ length: data.length / 4 }, (_, at) => 2.5 * (data[4 * at] - red) ** 2 + 4 * (data[4 * at + 1] - green) ** 2 + 2.5 * (data[4 * at + 2] - blue) ** 2);
        return all.sort((a, b) => a - b)[Math.floor(all.length / 5)];
    };
    return COLOURS.reduce((best, colour) => (apart(colour) > apart(best) ? colour : best));
}
