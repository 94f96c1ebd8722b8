// A picture and what it was made from, one over the other, with a line between them to drag or to move with arrow keys.
window.studio.compare = (picture) => {
    "use strict";
    const { make } = window.studio;
    const fits = { crop: "cover", pad: "contain", stretch: "fill" };
    const before = make("img", { class: "before", src: picture.before, alt: "", draggable: "false" });
    before.style.objectFit = fits[picture.fit] ?? "fill";
    const line = make("input", { type: "range", min: 0, max: 100, value: 50, step: 1, "aria-label": "Before and after" });
    const over = make("div", { class: "compare" }, before, make("span", { class: "divide", "aria-hidden": "true" }),
        make("span", { class: "which", "aria-hidden": "true" }, "Before"), make("span", { class: "which", "aria-hidden": "true" }, "After"), line);
    const move = () => {
        over.style.setProperty("--at", `${line.value}%`);
        line.setAttribute("aria-valuetext", `${line.value} % before`);
    };
    line.addEventListener("input", move);
    // Arrows move the line, not to the next picture.
    line.addEventListener("keydown", (event) => event.stopPropagation());
    move();
    return over;
};
