// Pictures of a comparison in large: one, with arrows along its row and its column; or two, held against each other.
import { fullView } from "./full_view.js";
import { twoPictures } from "./two_pictures.js";
import { html, nothing } from "./vendor/lit.js";

/** @typedef {Picture & { said: string[], revised: string, line: number, column: number }} Compared */

/**
 * @param {() => ComparisonView | null} comparison
 * @param {() => unknown} changed
 */
export function comparisonViews(comparison, changed) {
    /** @type {FullView | null} */
    let full = null;
    /** @type {ReturnType<typeof twoPictures> | null} */
    let pair = null;

    // As the full view takes them, row by row.
    const pictures = () => {
        const view = comparison();
        return (view?.cells ?? []).filter(({ file }) => file).sort((one, other) => one.line - other.line || one.column - other.column).map((cell) => pictured(/** @type {ComparisonView} */ (view), cell));
    };

    /**
     * @param {ComparisonView} view
     * @param {ComparisonCell} cell
     * @returns {Compared}
     */
    const pictured = ({ lines, columns }, { line, column, said, revised, file = "", shown = "", name = "", task = "", which = {}, width, height }) => ({
        id: "", key: `${line}/${column}`, done: true, line, column, said, revised, file, view: "", shown, name, task, which, width: width ?? 1, height: height ?? 1,
        prompt: lines[line].prompt, negative: "", seed: null, seconds: 0, model: columns[column].contestant, how: "", loras: "", check: [],
    });

    /**
     * The picture of the same column in the next row that has one.
     * @param {Picture} picture
     * @param {number} by
     */
    function beside(picture, by) {
        const from = /** @type {Compared} */ (picture);
        return pictures().filter(({ line, column }) => column === from.column && (line - from.line) * by > 0).at(by > 0 ? 0 : -1)?.key;
    }

    /** @param {ComparisonCell} cell */
    function show({ line, column }) {
        full ??= fullView({
            reel: { count: () => pictures().length, at: (place) => pictures()[place], place: (key) => pictures().findIndex((one) => one.key === key) },
            back: "to the comparison", closed: () => {}, changed, beside, ways: { away: true },
            about: (picture) => {
                const { said, revised, model } = /** @type {Compared} */ (picture);
                return html`<p>${[model, ...said].join(" · ")}</p>${revised ? html`<p class="quiet">Revised prompt: ${revised}</p>` : nothing}`;
            },
        });
        full.open(`${line}/${column}`);
    }

    /**
     * @param {ComparisonCell} first
     * @param {ComparisonCell} second
     */
    function hold(first, second) {
        const view = comparison();
        if (!view) return;
        pair ??= twoPictures({ back: "to the comparison" });
        const [one, other] = [first, second].map((cell) => pictured(view, cell)).map((picture) => ({ ...picture, name: picture.model }));
        pair.show(one, other);
    }

    return { show, hold };
}
