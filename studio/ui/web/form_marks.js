// What the form adds to Gradio's fields: a mark and a way back where one was changed, and a line below that follows its value.
import { field, input, make, part } from "./dom.js";
import { ids } from "./ids.js";

// What a strength means, up to that value.
/** @type {[number, string][]} */
const STRENGTHS = [
    [0.2, "Keeps nearly everything; fine details change."],
    [0.4, "Keeps shapes and colours; details change."],
    [0.6, "Keeps the composition; surfaces and details are new."],
    [0.8, "Keeps rough shapes and colours; the rest is new."],
    [0.99, "Keeps a faint idea of it."],
    [1, "Repaints completely."],
];

/** @param {string} key */
export const element = (key) => document.getElementById(ids.field + key.replace("/", "-"));

/**
 * Marks the changed fields and returns their keys; `value` tells what the chosen tab says, `reset` asks for the standards of fields.
 * @param {PageFacts} facts
 * @param {Values} values
 * @param {(name: string) => any} value
 * @param {(keys: string[]) => void} reset
 */
export function mark({ standards, sizes }, values, value, reset) {
    const changed = Object.entries(standards).flatMap(([key, standard]) => ((values[key] ?? null) !== null && values[key] !== standard ? [key] : []));
    for (const [key, standard] of Object.entries(standards)) {
        const block = element(key);
        if (!block || values[key] === undefined) continue;
        block.classList.toggle("changed", changed.includes(key));
        offer(block, standard, changed.includes(key), () => reset([key]));
    }
    const size = sizes[values.shape];
    field("shape")?.classList.toggle("own", Boolean(size && (size[0] !== values.width || size[1] !== values.height)));
    field("seed")?.classList.toggle("fixed", Boolean(values.seed));
    note(field("strength"), strength(value("strength"), values.steps));
    note(field("hires_strength"), strength(value("hires_strength"), value("hires_steps") || values.steps));
    note(field("upscale"), becomes(value("init_image")?.pictures ?? [], value("upscale")));
    return changed;
}

/**
 * What is folded up shows that it was changed, and has one way back for all.
 * @param {string[]} changed
 * @param {(keys: string[]) => void} reset
 */
export function fold(changed, reset) {
    const more = part(document, `#${ids.more}`);
    let all = /** @type {HTMLButtonElement | null} */ (more.querySelector(":scope > .reset-all"));
    if (!all) more.append((all = make("button", { type: "button", class: "reset-all" }, "Reset all")));
    all.hidden = !changed.length;
    all.onclick = () => reset(changed);
    part(more, "button > span").dataset.changed = changed.length ? `${changed.length} changed` : "";
}

/**
 * A way back for a changed field.
 * @param {HTMLElement} block
 * @param {any} standard
 * @param {boolean} changed
 * @param {() => void} reset
 */
function offer(block, standard, changed, reset) {
    let button = /** @type {HTMLButtonElement | null} */ (block.querySelector(":scope > .reset"));
    if (changed && !button) {
        button = make("button", { type: "button", class: "reset", onclick: reset }, "Reset");
        block.append(button);
    }
    if (!button) return;
    const name = block.querySelector("[data-testid=block-info]")?.textContent.trim().toLowerCase() ?? "";
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

/**
 * @param {number | null | undefined} given
 * @param {number} steps
 */
function strength(given, steps) {
    if (given === undefined || given === null) return "";
    if (given * steps < 1) return "Too low for a single step: the picture comes back unchanged.";
    return STRENGTHS.find(([most]) => given <= most)?.[1] ?? "";
}

/**
 * @param {StoredPicture[]} given
 * @param {number} times
 */
const becomes = ([first, ...more], times) => (first && !more.length
    ? `${first.width} × ${first.height} becomes ${Math.round(first.width * times)} × ${Math.round(first.height * times)}.`
    : "");

/** @param {ModelFacts} model */
export function describe(model) {
    const facts = [model.family === model.name ? "" : model.family, model.place, model.licence].filter(Boolean);
    const about = part(document, `#${ids.about} .about`);
    about.title = facts.join(" · ");
    about.replaceChildren(...facts.map((fact) => make("span", {}, fact)));
}

/** What Gradio leaves out of its fields. */
export function complete() {
    for (const group of document.querySelectorAll("fieldset.block")) {
        group.setAttribute("aria-label", group.querySelector("[data-testid=block-info]")?.textContent.trim() ?? "");
        group.setAttribute("role", "radiogroup");
    }
    for (const often of ["seed", "variation_seed", "hires_steps"]) input(often)?.setAttribute("inputmode", "numeric");
}
