// A button with a menu below it, in the top layer, so that nothing cuts it off.
import { make, parts } from "./dom.js";

/**
 * @param {HTMLElement} button
 * @param {(string | number)[][]} choices
 * @param {(value: any) => unknown} choose
 */
export function menu(button, choices, choose) {
    const list = make("div", { class: "menu", role: "menu", popover: "auto" },
        ...choices.map((/** @type {any} */ [value, label]) => make("button", { type: "button", role: "menuitem", onclick: () => { list.hidePopover(); choose(value); } }, label)));
    const items = parts(list, "button");
    button.setAttribute("aria-haspopup", "menu");
    button.addEventListener("click", () => list.togglePopover());
    list.addEventListener("toggle", (event) => {
        const open = event.newState === "open";
        button.setAttribute("aria-expanded", String(open));
        if (!open) return;
        const at = button.getBoundingClientRect();
        list.style.left = `${Math.max(8, Math.min(at.right - list.offsetWidth, innerWidth - list.offsetWidth - 8))}px`;
        list.style.top = `${at.bottom + 4 + list.offsetHeight > innerHeight ? at.top - list.offsetHeight - 4 : at.bottom + 4}px`;
        items[0]?.focus();
    });
    list.addEventListener("keydown", (event) => {
        const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (event.key === "Escape") button.focus();
        if (!by) return;
        event.preventDefault();
        items[(items.findIndex((item) => item === document.activeElement) + by + items.length) % items.length].focus();
    });
    return make("span", { class: "opens" }, button, list);
}
