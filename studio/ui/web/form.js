// The form: what it says, what the chosen tab shows of it, and what the browser keeps.
import { addressed, write } from "./address.js";
import { input, narrow, part, parts, tab } from "./dom.js";
import { blame, forgive } from "./form_faults.js";
import { complete, describe, element, fold, mark } from "./form_marks.js";
import { hold, restore } from "./form_start.js";
import { ids } from "./ids.js";
import { panels } from "./panels.js";

const KEPT = "image-studio-kept";
const FIELDS = `[id^="${ids.field}"]`;
/** @type {Fault} */
const EMPTY = { code: "invalid_recipe", message: "The prompt is empty.", hint: "Say in a few words what the picture shows.", field: "prompt", part: null };
// What the server said last about model and tabs, and what the form says now.
/** @type {PageFacts | null} */
let current = null;
/** @type {Values} */
let values = {};
/** @type {(name: string, data: object) => void} */
let send = () => {};
/** @type {((facts: PageFacts) => unknown)[]} */
const listeners = [];
/** @type {((values: Values) => unknown)[]} */
const readers = [];
// The fields that are seldom changed, below one fold.
/** @type {string[]} */
let seldom = [];
// The tab that a recipe is made in, while one without a form is looked at.
let making = "text_to_image";
// What is to be done as soon as such a tab is chosen.
/** @type {(() => void) | null} */
let onward = null;

/**
 * @param {any} a
 * @param {any} b
 */
const same = (a, b) => a === b || JSON.stringify(a) === JSON.stringify(b);
/** @param {string} name */
export const value = (name) => values[`${tab()}/${name}`] ?? values[name];
export const facts = () => current;
/** @param {(facts: PageFacts) => unknown} listener */
export const onFacts = (listener) => listeners.push(listener);
/** @param {(values: Values) => unknown} reader */
export const onValues = (reader) => readers.push(reader);
/**
 * @param {string} name
 * @param {object} [data]
 */
export function ask(name, data = {}) {
    again = () => send(name, data);
    again();
}
// Asks once more for what was asked last.
export let again = () => {};

/**
 * Of a stored picture, the browser keeps what finds it again.
 * @param {any} value
 */
const compact = (value) => (value?.seen ? { units: value.units } : value?.pictures
    ? { pictures: value.pictures.map((/** @type {StoredPicture} */ { id, name, width, height, notes }) => ({ id, name, width, height, notes })) }
    : value);

// What the browser keeps of the form. One that keeps nothing, or another thing, begins anew. The tab in the address counts.
export function kept() {
    const tab = addressed();
    try {
        const said = JSON.parse(localStorage.getItem(KEPT) ?? "null") ?? {};
        return tab ? { ...said, tab } : said;
    } catch {
        return tab ? { tab } : {};
    }
}

/** @param {object} said */
function store(said) {
    try {
        localStorage.setItem(KEPT, JSON.stringify(said));
    } catch {
        // It is full, or forbidden by the browser.
    }
}

/**
 * Called by Gradio whenever a field changes.
 * @param {string[]} keys
 * @param {...any} given
 */
export function keep(keys, ...given) {
    if (!current) return;
    const before = values;
    values = Object.fromEntries(keys.map((key, at) => [key, compact(given[at])]));
    for (const key of keys) if (!same(before[key], values[key])) forgive(element(key));
    remark();
    readers.forEach((reader) => reader(values));
    panels.controls?.sourced();
    panels.loras?.worded();
    store({ ...values, tab: tab() });
}

function remark() {
    if (!current) return;
    /** @param {string[]} fields */
    const reset = (fields) => ask("reset", { fields });
    const changed = mark(current, values, value, reset);
    const hidden = current.tabs[tab()]?.hidden ?? [];
    fold(seldom.filter((name) => changed.includes(name) && !hidden.includes(name)), reset);
}

// What follows from another model, quality or shape comes back from the server. Whoever generates before that has to
// wait, or the picture had the size of the shape before; an answer that never comes must not hold it up for ever.
const LONGEST = 5000;

export function followed() {
    const until = performance.now() + LONGEST;
    return /** @type {Promise<void>} */ (new Promise((resolve) => {
        const look = () => agrees() || performance.now() > until ? resolve() : setTimeout(look, 20);
        setTimeout(look, 20);
    }));
}

const agrees = () => Object.entries(current?.of ?? {}).every(([name, of]) => values[name] === undefined || same(values[name] ?? null, of ?? null));

/** @param {Island<PageFacts, string[]>} island */
export function mount({ props, watch, tell, data }) {
    seldom = data;
    send = (name, data) => tell[name](data);
    const take = () => {
        const told = props.value;
        if (!told) return;
        // All that is kept comes with the first facts, the last of it by the end of this task.
        if (!current) setTimeout(restore, 0);
        if (!current) arrived();
        current = told;
        describe(told.model);
        turn();
        listeners.forEach((listener) => listener(told));
    };
    watch("value", take);
    take();
    new MutationObserver((changes) => {
        const made = changes.flatMap(({ addedNodes }) => [...addedNodes].flatMap(fields));
        if (!made.length) return;
        made.forEach(hold);
        turn();
    }).observe(part(document, ".bench"), { childList: true, subtree: true });
}

/** What stands below the prompt is built piece by piece, and seen when it is whole. */
const arrived = () => requestAnimationFrame(() => requestAnimationFrame(() => { part(document, ".bench").dataset.arrived = ""; }));

/** @param {any} node */
const fields = (node) => node.id?.startsWith(ids.field) ? [node] : [...node.querySelectorAll?.(FIELDS) ?? []];

/** Called by Gradio after another tab was chosen: by now it may be yet another, so that the page is asked which. */
export function turn() {
    const chosen = tab();
    const bench = part(document, ".bench");
    const told = current?.tabs[chosen];
    const moved = Boolean(bench.dataset.tab) && bench.dataset.tab !== chosen;
    if (moved) arrive(bench);
    bench.dataset.tab = chosen;
    bench.classList.toggle("whole", Boolean(current) && !told);
    // What asks for no words offers nothing that is about them.
    bench.classList.toggle("wordless", Boolean(told?.hidden.includes("prompt")));
    for (const column of parts(bench, ".after")) column.hidden = !column.classList.contains(`of-${chosen}`);
    complete();
    panels.gallery?.turned();
    panels.controls?.turned();
    panels.loras?.worded();
    if (told) {
        making = chosen;
        const hidden = new Set(told.hidden.map((key) => element(key)));
        for (const block of parts(bench, FIELDS)) block.hidden = hidden.has(block);
        part(document, `#${ids.more}`).hidden = seldom.every((name) => told.hidden.includes(name));
        const verb = [...part(document, `#${ids.generate}`).childNodes].find((node) => node instanceof Text && node.data.trim());
        if (verb instanceof Text) verb.data = told.verb;
        say(ids.cannot, told.cannot);
        say(ids.price, told.price);
        say(ids.whyNot, told.why_not);
        remark();
        onward?.();
        onward = null;
    }
    // The page begins with its first tab, before it has read which one was chosen last.
    if (!current) return;
    store({ ...kept(), tab: chosen });
    if (moved || !addressed()) write(chosen);
}

/**
 * Where another tab was chosen by sending a picture there, nothing has the focus.
 * @param {HTMLElement} bench
 */
function arrive(bench) {
    (narrow() ? window : bench).scrollTo(0, 0);
    const handle = part(document, `#${ids.tabs} [aria-selected=true]`);
    handle.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (current && document.activeElement === document.body) handle.focus({ preventScroll: true });
}

/**
 * @param {string} id
 * @param {string} text
 */
function say(id, text) {
    const line = part(document, `#${id}`);
    line.hidden = !text;
    part(line, "p").textContent = text;
}

/** The tab whose form tells what a picture of words is made of, while one without a form is looked at. */
export const maker = () => (current?.tabs[making]?.hidden.includes("prompt") ? "text_to_image" : making);

/**
 * What the form says becomes another tab's work; where it has no words yet, that is said where they are written.
 * @param {string} to
 */
export function begin(to) {
    onward = () => {
        const prompt = input("prompt");
        if (prompt?.value.trim()) part(document, `#${ids.offer}${to}`).click();
        else blame(EMPTY);
    };
    part(document, `#${ids.tabs} [role=tab][data-tab-id="${making}"]`).click();
}
