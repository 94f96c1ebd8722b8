// A button with a menu below it, in the top layer, so that nothing cuts it off.
import { parts } from "./dom.js";
import { html, nothing } from "./vendor/lit.js";

/**
 * A choice of one word alone is the title of those that follow.
 * @param {{ face: Part, look: string, label?: string, title?: string, disabled?: boolean }} button
 * @param {(string | number)[][]} choices
 * @param {(value: any) => unknown} choose
 */
export const menu = ({ face, look, label, title, disabled = false }, choices, choose) => html`<span class="opens">
    <button type="button" class=${look} aria-label=${label ?? nothing} title=${title ?? nothing} aria-haspopup="menu" aria-expanded="false" ?disabled=${disabled}
        @click=${(event) => event.currentTarget.nextElementSibling.togglePopover()}>${face}</button>
    <div class="menu" role="menu" popover="auto" @toggle=${settle} @keydown=${move}>${choices.map(([value, words]) => words === undefined ? html`<p class="menu-title" role="presentation">${value}</p>` : html`<button type="button" role="menuitem"
        @click=${(event) => { event.currentTarget.parentElement.hidePopover(); choose(value); }}>${words}</button>`)}</div></span>`;

/** @param {any} event */
function settle({ currentTarget: list, newState }) {
    const button = list.previousElementSibling;
    button.setAttribute("aria-expanded", String(newState === "open"));
    if (newState !== "open") return;
    const at = button.getBoundingClientRect();
    list.style.left = `${Math.max(8, Math.min(at.right - list.offsetWidth, innerWidth - list.offsetWidth - 8))}px`;
    list.style.top = `${at.bottom + 4 + list.offsetHeight > innerHeight ? at.top - list.offsetHeight - 4 : at.bottom + 4}px`;
    parts(list, "button")[0]?.focus();
}

/** @param {any} event */
function move(event) {
    const list = event.currentTarget;
    const by = { ArrowDown: 1, ArrowUp: -1 }[/** @type {string} */ (event.key)];
    if (event.key === "Escape") list.previousElementSibling.focus();
    if (!by) return;
    event.preventDefault();
    const items = parts(list, "button");
    items[(items.findIndex((item) => item === document.activeElement) + by + items.length) % items.length].focus();
}
