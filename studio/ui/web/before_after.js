// A picture and what it was made from, one over the other, with a line between them to drag or to move with arrow keys.
import { make } from "./dom.js";

/**
 * @param {any} picture
 * @param {string[]} [words]
 */
export function beforeAfter(picture, words) {
    const [first, second] = words ?? ["Before", "After"];
    /** @type {Record<string, string>} */
    const fits = { crop: "cover", pad: "contain", stretch: "fill" };
    const before = make("img", { class: "before", src: picture.before, alt: "", draggable: "false" });
    before.style.objectFit = fits[picture.fit] ?? "fill";
    // A picture that grew at its sides lies within the larger one.
    const [top, right, bottom, left] = picture.grown ?? [0, 0, 0, 0];
    /**
     * @param {number} pixels
     * @param {any} whole
     */
    const share = (pixels, whole) => `${(100 * pixels) / whole}%`;
    before.style.inset = [share(top, picture.height), share(right, picture.width), share(bottom, picture.height), share(left, picture.width)].join(" ");
    before.style.width = share(picture.width - left - right, picture.width);
    before.style.height = share(picture.height - top - bottom, picture.height);
    const line = make("input", { type: "range", min: 0, max: 100, value: 50, step: 1, "aria-label": `${first} and ${second.toLowerCase()}` });
    const over = make("div", { class: "compare" }, make("div", { class: "under" }, before), make("span", { class: "divide", "aria-hidden": "true" }),
        make("span", { class: "which", "aria-hidden": "true" }, first), make("span", { class: "which", "aria-hidden": "true" }, second), line);
    const move = () => {
        over.style.setProperty("--at", `${line.value}%`);
        line.setAttribute("aria-valuetext", `${line.value} % ${first.toLowerCase()}`);
    };
    line.addEventListener("input", move);
    // Arrows move the line, not to the next picture.
    line.addEventListener("keydown", (event) => event.stopPropagation());
    move();
    return over;
}
