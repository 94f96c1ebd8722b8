// One of the results, chosen from all of them.
import { host, make } from "./dom.js";
import { panels } from "./panels.js";

/** @param {(picture: Picture) => unknown} choose */
export function chooseResult(choose) {
    const found = panels.gallery?.results() ?? [];
    const dialog = make("dialog", { class: "sheet results", "aria-label": "Results", onclose: () => { dialog.remove(); } },
        make("h2", {}, found.length ? "Start from a result" : "There are no results yet"),
        make("div", { class: "result-grid" }, ...found.map((picture) => make("button", {
            type: "button", class: "small-look", "aria-label": `Start from: ${picture.prompt || picture.name}`,
            onclick: () => { dialog.close(); choose(picture); },
        }, make("img", { src: picture.shown, alt: picture.prompt })))),
        make("form", { method: "dialog" }, make("button", { class: "plain" }, "Close")));
    host().append(dialog);
    dialog.showModal();
}
