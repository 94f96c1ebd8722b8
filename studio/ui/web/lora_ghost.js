// A LoRA that comes with a style, or that may be drawn from the prompt: what can be said of it before.
import { make } from "./dom.js";

/**
 * @param {any} ghost
 * @param {any} card
 */
export function loraGhost(ghost, card) {
    const { name, way, weight } = ghost;
    const { fault, picture } = card;
    return make("article", { class: `card lora-card ghost${fault ? " faulty" : ""}`, role: "listitem", "aria-label": name },
        make("header", {}, ...(picture ? [make("img", { src: picture, alt: "" })] : []), make("span", { class: "lora-name", title: name }, name), make("span", { class: "ghost-weight" }, weight)),
        make("p", { class: "note" }, way), make("p", { class: "fault" }, fault));
}
