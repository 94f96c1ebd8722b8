// The form: what the chosen tab shows of it, marks at changed fields, faults at their field, what the browser keeps.
import { field, input, make, narrow, part, parts, tab, type } from "./dom.js";
import { ids } from "./ids.js";
import { panels } from "./panels.js";

// What a strength means, up to that value.
/** @type {[number, string][]} */
const STRENGTHS = [
    [0.2, "Keeps nearly everything; fine details change."],
    [0.4, "Keeps shapes and colours; details change."],
    [0.6, "Keeps the composition; surfaces and details are new."],
    [0.8, "Keeps rough shapes and colours; the rest is new."],
    [0.99, "Keeps a faint idea of it."],
    [1, "Keeps nothing of it."],
];
// How long a page waits for its first answer, in milliseconds, and how often it begins anew.
const PATIENCE = 30_000;
const MOST_BEGUN = 3;
const BEGUN = "image-studio-begun";
const KEPT = "image-studio-kept";
const FIELDS = `[id^="${ids.field}"]`;
const MORE = ["steps", "guidance_scale", "scheduler", "width", "height", "variation_strength"];
// What the server said last about model and tabs, and what the form says now.
/** @type {PageFacts} */
let current = /** @type {any} */ (null);
/** @type {Values} */
let values = {};
/** @type {(name: string, data: object) => void} */
let send = () => {};
/** @type {((facts: PageFacts) => unknown)[]} */
const listeners = [];
/** @type {((values: Values) => unknown)[]} */
const readers = [];
// The tab that a recipe is made in, while one without a form is looked at.
let making = "text_to_image";
// What is to be done as soon as such a tab is chosen.
/** @type {(() => void) | null} */
let onward = null;

/** @param {string} key */
const element = (key) => document.getElementById(ids.field + key.replace("/", "-"));
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
 * @param {Attributes} [data]
 */
export const ask = (name, data = {}) => send(name, data);

/**
 * Of a stored picture, the browser keeps what finds it again.
 * @param {any} value
 */
const compact = (value) => value?.seen ? { units: value.units } : value?.pictures
    ? { pictures: value.pictures.map((/** @type {any} */ { id, name, width, height, notes }) => ({ id, name, width, height, notes })) }
    : value;

// What the browser keeps of the form. One that keeps nothing, or another thing, begins anew.
export function kept() {
    try {
        return JSON.parse(localStorage.getItem(KEPT) ?? "null") ?? {};
    } catch {
        return {};
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
    values = Object.fromEntries(keys.map((/** @type {string} */ key, /** @type {number} */ at) => [key, compact(given[at])]));
    for (const key of keys) if (before[key] !== undefined && !same(before[key], values[key])) forgive(element(key));
    mark();
    readers.forEach((reader) => reader(values));
    panels.controls?.sourced();
    panels.loras?.worded();
    store({ ...values, tab: tab() });
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

/** @param {Island<PageFacts>} island */
export function mount({ element, props, watch, tell }) {
    send = (name, data) => tell[name](data);
    const take = () => {
        if (!props.value) return;
        // All that is kept comes with the first facts, the last of it by the end of this task.
        if (!current) setTimeout(retype, 0);
        current = props.value;
        describe(current.model);
        turn(tab());
        listeners.forEach((listener) => listener(current));
    };
    watch("value", take);
    take();
    new MutationObserver((changes) => {
        const made = changes.flatMap(({ addedNodes }) => [...addedNodes].flatMap(fields));
        if (!made.length) return;
        made.forEach(hold);
        turn(tab());
    }).observe(part(document, ".bench"), { childList: true, subtree: true });
}

/** @param {any} node */
const fields = (node) => node.id?.startsWith(ids.field) ? [node] : [...node.querySelectorAll?.(FIELDS) ?? []];

/**
 * Gradio makes the fields of a tab, or of what is folded up, when they are first looked at, and sets their values
 * once more in the frame after: what is typed before that would be lost, so they are seen only then.
 * @param {HTMLElement} block
 */
function hold(block) {
    block.dataset.fresh = "";
    requestAnimationFrame(() => requestAnimationFrame(() => delete block.dataset.fresh));
}

// What is typed or chosen before the kept values are back would be lost to them.
/** @type {Map<HTMLInputElement, string | boolean> | null} */
let early = new Map();
/** @type {() => void} */
let restored;
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

function retype() {
    for (const [entry, given] of early ?? []) {
        if (typeof given === "string") type(entry, given);
        else if (entry.checked !== given) entry.click();
    }
    early = null;
    restored();
}

/**
 * Called by Gradio when another tab is chosen.
 * @param {string} chosen
 */
export function turn(chosen) {
    const bench = part(document, ".bench");
    const told = current?.tabs[chosen];
    if (bench.dataset.tab && bench.dataset.tab !== chosen) arrive(bench);
    bench.dataset.tab = chosen;
    bench.classList.toggle("whole", Boolean(current) && !told);
    for (const column of parts(bench, ".after")) column.hidden = !column.classList.contains(`of-${chosen}`);
    name();
    panels.controls?.turned();
    panels.loras?.worded();
    if (told) {
        making = chosen;
        const hidden = new Set(told.hidden.map((key) => element(key)));
        for (const block of parts(bench, FIELDS)) block.hidden = hidden.has(block);
        part(document, `#${ids.more}`).hidden = MORE.every((name) => told.hidden.includes(name));
        say(ids.cannot, told.cannot);
        say(ids.price, told.price);
        say(ids.whyNot, told.why_not);
        mark();
        onward?.();
        onward = null;
    }
    // The page begins with its first tab, before it has read which one was chosen last.
    if (current) store({ ...kept(), tab: chosen });
}

/**
 * Where another tab was chosen by sending a picture there, nothing has the focus.
 * @param {HTMLElement} bench
 */
function arrive(bench) {
    (narrow() ? window : bench).scrollTo(0, 0);
    const handle = part(document, `#${ids.tabs} [aria-selected=true]`);
    handle.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (document.activeElement === document.body) handle.focus({ preventScroll: true });
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

// What Gradio leaves out.
function name() {
    for (const group of document.querySelectorAll("fieldset.block")) {
        group.setAttribute("aria-label", group.querySelector("[data-testid=block-info]")?.textContent.trim() ?? "");
        group.setAttribute("role", "radiogroup");
    }
    for (const often of ["seed", "variation_seed", "hires_steps"]) input(often)?.setAttribute("inputmode", "numeric");
}

/** @param {ModelFacts} model */
const describe = (model) => {
    const said = [model.family === model.name ? "" : model.family, model.place, model.licence].filter(Boolean).join(" · ");
    const about = part(document, `#${ids.about} .about`);
    about.textContent = about.title = said;
};

function mark() {
    if (!current) return;
    for (const [key, standard] of Object.entries(current.standards)) {
        const block = element(key);
        if (!block || values[key] === undefined) continue;
        const changed = values[key] !== null && values[key] !== standard;
        block.classList.toggle("changed", changed);
        offer(block, key, standard, changed);
    }
    const size = current.sizes[values.shape];
    const own = size && (size[0] !== values.width || size[1] !== values.height);
    field("shape")?.classList.toggle("own", Boolean(own));
    field("seed")?.classList.toggle("fixed", Boolean(values.seed));
    for (const name of ["strength", "hires_strength"]) note(field(name), strength(name));
    note(field("upscale"), becomes(value("init_image")?.pictures ?? [], value("upscale")));
}

/**
 * A way back for a changed field.
 * @param {HTMLElement} block
 * @param {string} key
 * @param {any} standard
 * @param {any} changed
 */
function offer(block, key, standard, changed) {
    let button = /** @type {HTMLButtonElement | null} */ (block.querySelector(":scope > .reset"));
    if (changed && !button) {
        button = make("button", { type: "button", class: "reset", onclick: () => ask("reset", { field: key }) }, "Reset");
        block.append(button);
    }
    if (!button) return;
    const name = block.querySelector("[data-testid=block-info]")?.textContent.trim().toLowerCase() ?? key;
    button.hidden = !changed;
    button.title = standard === "" ? "Empty again" : `Back to ${standard}`;
    button.setAttribute("aria-label", `Reset ${name}${standard === "" ? "" : ` to ${standard}`}`);
}

/**
 * A line below a field that follows its value.
 * @param {HTMLElement | null} block
 * @param {string} text
 */
export function note(block, text) {
    if (!block) return;
    let line = block.querySelector(":scope > .note");
    if (!line) block.append((line = make("p", { class: "note" })));
    if (line.textContent !== text) line.textContent = text;
}

/** @param {string} name */
function strength(name) {
    const given = value(name);
    const steps = name === "hires_strength" ? values[`${tab()}/hires_steps`] || values.steps : values.steps;
    if (given === undefined || given === null) return "";
    if (given * steps < 1) return "Too low for a single step: it comes back as it is.";
    return STRENGTHS.find(([most]) => given <= most)?.[1] ?? "";
}

/**
 * @param {any} given
 * @param {number} times
 */
const becomes = ([first, ...more], times) => first && !more.length
    ? `${first.width} × ${first.height} becomes ${Math.round(first.width * times)} × ${Math.round(first.height * times)}.`
    : "";

/**
 * What the form says becomes another tab's work; where it has no words yet, one is at them.
 * @param {string} to
 */
export function begin(to) {
    onward = () => {
        const prompt = input("prompt");
        if (prompt?.value.trim()) part(document, `#${ids.offer}${to}`).click();
        else prompt?.focus();
    };
    part(document, `#${ids.tabs} [role=tab][data-tab-id="${making}"]`).click();
}

/**
 * A fault stands at its field until the field changes.
 * @param {Fault} fault
 */
export function blame(fault) {
    if (fault.field === "controls") return panels.controls?.blame(fault) ?? false;
    if (fault.field === "loras") return panels.loras?.blame(fault) ?? false;
    const block = fault.field && field(fault.field);
    if (!block || block.hidden) return false;
    forgive(block);
    const more = block.closest(`#${ids.more}`);
    if (more && !block.offsetParent) part(more, "button").click();
    block.classList.add("at-fault");
    const id = `fault-${block.id}`;
    block.append(make("p", { class: "fault", id, role: "alert" }, `${fault.message} ${fault.hint}`.trim()));
    const entry = input(fault.field ?? "") ?? block.querySelector("button");
    entry?.setAttribute("aria-invalid", "true");
    entry?.setAttribute("aria-describedby", id);
    requestAnimationFrame(() => {
        block.scrollIntoView({ block: "center" });
        entry?.focus({ preventScroll: true });
    });
    return true;
}

/** @param {HTMLElement | null} block */
function forgive(block) {
    block?.classList.remove("at-fault");
    block?.querySelector(":scope > .fault")?.remove();
    const entry = block?.querySelector("[aria-invalid]");
    entry?.removeAttribute("aria-invalid");
    entry?.removeAttribute("aria-describedby");
}
