// A drawer at the right of the page, which asks anew for what it shows as long as it is open.
import { host, make } from "./dom.js";
import { html } from "./vendor/lit.js";

/**
 * Opens a drawer; `look` asks for what it shows, every so many milliseconds.
 * @param {{ name: string, label: string, every: number, look: () => Promise<unknown> }} of
 * @returns {{ dialog: HTMLDialogElement, again: () => Promise<void> }} the drawer, and what looks at once
 */
export function openDrawer({ name, label, every, look }) {
    let asking = 0;
    const dialog = make("dialog", { class: `drawer ${name}`, "aria-label": label, onclose: shut, onclick: (event) => { if (event.target === dialog) dialog.close(); } });

    async function again() {
        clearTimeout(asking);
        await look();
        if (dialog.open) asking = window.setTimeout(again, every);
    }

    function shut() {
        clearTimeout(asking);
        dialog.remove();
    }

    host().append(dialog);
    dialog.showModal();
    return { dialog, again };
}

/** @param {string} label */
export const drawerHead = (label) => html`<header><h2>${label}</h2><form method="dialog"><button class="plain">Close</button></form></header>`;
