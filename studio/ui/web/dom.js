// Elements: how they are made, and where the page's own ones are found.
import { ids } from "./ids.js";

/**
 * An element with these attributes, listeners ("onclick") and children; null and false leave an attribute out.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} [attributes]
 * @param {...(Node | string | number | null)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (typeof value === "function") element.addEventListener(name.slice(2), value);
        else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : String(value));
    }
    element.append(.../** @type {(Node | string)[]} */ (children.filter((child) => child !== null)));
    return element;
}

/**
 * The one element below this that there has to be.
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function part(parent, selector) {
    const found = parent.querySelector(selector);
    if (!(found instanceof HTMLElement)) throw new Error(`The page has no ${selector}.`);
    return found;
}

/**
 * All elements below this that the selector means.
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
export const parts = (parent, selector) => [...parent.querySelectorAll(selector)].filter((one) => one instanceof HTMLElement);

/** What has the focus. */
const focused = () => (document.activeElement instanceof HTMLElement ? document.activeElement : null);

/**
 * Draws what may put the focused element elsewhere, by which it would lose the focus.
 * @param {() => unknown} draw
 */
export function keepingFocus(draw) {
    const held = focused();
    draw();
    if (held?.isConnected && held !== document.activeElement) held.focus({ preventScroll: true });
}

/**
 * The element that an event is about.
 * @param {Event} event
 */
export const target = (event) => (event.target instanceof Element ? event.target : null);

/** The chosen tab. */
export const tab = () => /** @type {HTMLElement | null} */ (document.querySelector(`#${ids.tabs} [role=tab][aria-selected=true]`))?.dataset.tabId ?? "";

/**
 * The field of the chosen tab; else the one that all tabs share.
 * @param {string} name
 */
export const field = (name) => document.getElementById(`${ids.field}${tab()}-${name}`) ?? document.getElementById(`${ids.field}${name}`);

/**
 * Where a field is typed into.
 * @param {string} name
 * @returns {HTMLInputElement | HTMLTextAreaElement | null}
 */
export const input = (name) => field(name)?.querySelector("textarea, input:not([type=file])") ?? null;

/** Where dialogs stand: Gradio confines the style sheet to this part of its page. */
export const host = () => part(document, ".gradio-container .contain");

/** Whether the page is as narrow as a phone's. */
export const narrow = () => window.matchMedia("(max-width: 800px)").matches;

/**
 * As if it were typed.
 * @param {HTMLInputElement | HTMLTextAreaElement | null} entry
 * @param {string} text
 */
export function type(entry, text) {
    if (!entry) return;
    entry.value = text;
    entry.dispatchEvent(new Event("input", { bubbles: true }));
}
