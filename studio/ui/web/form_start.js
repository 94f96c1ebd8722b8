// How the form begins: nothing that is typed before the kept values are back is lost, and a page that hears nothing begins anew.
import { input, tab, type } from "./dom.js";

// How long a page waits for its first answer, in milliseconds, and how often it begins anew.
const PATIENCE = 30_000;
const MOST_BEGUN = 3;
const BEGUN = "image-studio-begun";

// What is typed or chosen before the kept values are back would be lost to them.
/** @type {Map<HTMLInputElement, string | boolean> | null} */
let early = new Map();
/** @type {() => void} */
let restored;
/** The kept values are back. */
export const ready = /** @type {Promise<void>} */ (new Promise((resolve) => { restored = resolve; }));
// An answer can be lost on its way, and then nobody would send it again: a page that hears nothing begins anew, as
// long as nothing was typed into it.
const begun = Number(sessionStorage.getItem(BEGUN));
const patience = setTimeout(() => {
    if (early?.size || begun >= MOST_BEGUN) return;
    sessionStorage.setItem(BEGUN, String(begun + 1));
    location.reload();
}, PATIENCE);
ready.then(() => {
    clearTimeout(patience);
    sessionStorage.removeItem(BEGUN);
});

/** @param {Entry} entry */
const ticks = (entry) => entry.matches("[type=radio], [type=checkbox]");
document.addEventListener("input", (event) => {
    const entry = /** @type {HTMLInputElement} */ (event.target);
    // A file is not lost: it is on its way to the server. A dropdown takes no text.
    if (entry.matches(".bench textarea, .bench input:not([type=file], [role])")) early?.set(entry, ticks(entry) ? entry.checked : entry.value);
}, true);

/** What was typed meanwhile is typed again. */
export function restore() {
    for (const [entry, given] of early ?? []) {
        if (typeof given === "string") type(entry, given);
        else if (entry.checked !== given) entry.click();
    }
    early = null;
    restored();
    seen();
}

// How long it is waited for the tab that was chosen last, in milliseconds.
const TURNING = 5000;

/** Shows the tab that was chosen last, once all of it is there; where nobody chose a place, one writes on in the prompt. */
function seen() {
    const { dataset } = document.documentElement;
    const until = performance.now() + TURNING;
    const look = () => {
        const isThere = !dataset.turning || (tab() === dataset.turning && !Number(dataset.mounting) && !document.querySelector(".bench [data-fresh]"));
        if (!isThere && performance.now() < until) return void requestAnimationFrame(look);
        delete dataset.turning;
        writeOn();
    };
    look();
}

function writeOn() {
    const prompt = input("prompt");
    // A finger would get a keyboard over half of the page, and whoever shows the page in a frame would lose the focus to it.
    if (document.activeElement?.matches("body, [role=tab]") && document.hasFocus() && matchMedia("(pointer: fine)").matches && prompt?.checkVisibility()) prompt.focus({ preventScroll: true });
}

/**
 * Gradio makes the fields of a tab, or of what is folded up, when they are first looked at, and sets their values
 * once more in the frame after: what is typed before that would be lost, so they are seen only then.
 * @param {HTMLElement} block
 */
export function hold(block) {
    block.dataset.fresh = "";
    requestAnimationFrame(() => requestAnimationFrame(() => delete block.dataset.fresh));
}
