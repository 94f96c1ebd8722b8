// The way from a click on Generate to the server.
import { tab } from "./dom.js";
import { ask, facts, followed, maker } from "./form.js";
import { ready } from "./form_start.js";

// What a tab has to finish before its values are read, such as the export of a mask.
/** @type {Record<string, () => Promise<unknown>>} */
const hooks = {};

/**
 * Has something finished before the tab's values are read.
 * @param {string} name
 * @param {() => Promise<unknown>} hook
 */
export const before = (name, hook) => { hooks[name] = hook; };

/**
 * Draws what the chosen tab says, or hands it on to the tab `to`, or draws it live.
 * @param {string | { serial: number }} [to]
 */
export async function go(to) {
    await ready;
    const chosen = tab();
    if (!facts()?.tabs[chosen]) return;
    await followed();
    await hooks[chosen]?.();
    if (typeof to === "object") ask(`${chosen}_live`, to);
    else if (to) ask(`${chosen}_into`, { to });
    else ask(chosen);
}

/**
 * Begins another tab's work with what was written there, and with the form of the tab before it for all else.
 * @param {string} to
 * @param {{ prompt: string, count: number, race: boolean }} given
 */
export async function compose(to, given) {
    await ready;
    const from = maker();
    await followed();
    await hooks[from]?.();
    ask(`${from}_into`, { to, ...given });
}
