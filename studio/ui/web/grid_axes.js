// What a grid is made of: a recipe from the form, and up to three settings that vary, each with its values.
import { make } from "./dom.js";
import { begin } from "./form.js";
import { axisOf, gridAxis, written } from "./grid_axis.js";
import { html, render } from "./vendor/lit.js";

const NAMES = ["Across (x)", "Down (y)", "Pages (z)"];
// How long the values rest until it is asked what they make, in milliseconds.
const REST = 250;
const KEPT = "image-studio-grid";

/** @typedef {{ consider: GridPlan, prepare: { setup: GridSetup } }} GridActs */

/**
 * @param {Server<GridActs>} server
 * @param {(asked: { base: string, axes: AxisText[] }) => void} start
 */
export function gridAxes(server, start) {
    /** @type {GridSetup | null} */
    let setup = null;
    /** @type {GridPlan | null} */
    let plan = null;
    let fault = "";
    let axes = NAMES.map(() => axisOf(undefined));
    /** @type {Timer} */
    let timer;
    let asked = 0;
    const element = make("section", { class: "grid-setup", "aria-label": "What varies" });

    const wanted = () => axes.flatMap((axis) => written(axis) ?? []);
    /**
     * @param {number} number
     * @param {string} word
     */
    const count = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;

    function draw() {
        render(setup ? form(setup) : html`<div class="grid-none"><p>A grid shows what a setting does: one picture for each of its values.</p>
            <p class="quiet">It uses the form’s settings: prompt, model, size and all the rest.</p>
            <button type="button" class="plain" @click=${() => begin("grid")}>Start from the form</button></div>`, element);
    }

    /** @param {GridSetup} setup */
    function form({ base, prompt, said, offers }) {
        const lost = plan ? plan.cells - plan.possible : 0;
        const total = plan ? `${count(plan.possible, "picture")} · ${count(plan.steps, "step")}${lost ? ` · ${lost} cannot be made` : ""}${plan.price ? ` · ${plan.price}` : ""}` : wanted().length && !fault && !axes.some((axis) => axis.fault) ? "…" : "";
        const faults = fault ? [html`<li>${fault}</li>`] : (plan?.faults ?? []).map(({ where, words }) => html`<li><b>${where}</b> ${words}</li>`);
        return html`<div class="grid-form"><div class="grid-recipe"><p class="grid-prompt">${prompt || "No prompt"}</p><p class="quiet">${said}</p></div>
            ${axes.map((axis, at) => gridAxis(NAMES[at], at ? "Nothing more" : "Choose what varies", axis, offers, (change) => turn(at, change)))}
            <div class="grid-ask"><p class="grid-total" role="status">${total}</p><ul class="grid-faults">${faults}</ul>
                <button type="button" class="primary grid-start" ?disabled=${!plan} @click=${() => start({ base, axes: wanted() })}>${!plan ? "Make the grid" : plan.possible === 1 ? "Make the picture" : `Make ${plan.possible} pictures`}</button></div></div>`;
    }

    /**
     * @param {number} at
     * @param {Partial<import("./grid_axis.js").Axis>} change
     */
    function turn(at, change) {
        axes = axes.with(at, { ...axes[at], ...change });
        if ("search" in change && !("field" in change)) draw();
        else ask();
    }

    function ask() {
        clearTimeout(timer);
        localStorage.setItem(KEPT, JSON.stringify({ base: setup?.base, axes: wanted() }));
        axes = axes.map((axis) => ({ ...axis, fault: "" }));
        plan = null;
        fault = "";
        if (wanted().length) timer = setTimeout(consider, REST);
        draw();
    }

    async function consider() {
        const mine = ++asked;
        const given = wanted();
        const answer = await server.consider({ base: setup?.base, axes: given });
        if (mine !== asked || JSON.stringify(given) !== JSON.stringify(wanted())) return;
        if (answer.fault === undefined) plan = answer;
        else blame(answer.fault, given[answer.axis ?? -1]);
        draw();
    }

    /**
     * @param {string} words
     * @param {AxisText | undefined} axis
     */
    function blame(words, axis) {
        const at = axis ? axes.findIndex((one) => JSON.stringify(written(one)) === JSON.stringify(axis)) : -1;
        if (at < 0) fault = words;
        else axes = axes.with(at, { ...axes[at], fault: words });
    }

    /**
     * `given`: those that are to vary; else those that varied last.
     * @param {GridSetup} told
     * @param {AxisText[]} [given]
     */
    function show(told, given) {
        const before = [...given ?? (setup ? wanted() : kept()?.axes ?? [])];
        setup = told;
        if (told.pictures.length && !before.some(({ field }) => field === "init_image")) before.unshift({ field: "init_image", text: told.pictures.join(", ") });
        axes = NAMES.map((_, at) => axisOf(before[at]));
        ask();
    }

    /** @returns {{ base: string, axes: AxisText[] } | null} */
    function kept() {
        try {
            return JSON.parse(localStorage.getItem(KEPT) ?? "null");
        } catch {
            return null;
        }
    }

    async function recall() {
        const last = kept();
        if (!last || setup) return;
        const told = await server.prepare({ base: last.base });
        if (told.fault === undefined && !setup) show(told.setup, last.axes);
    }

    /** @param {GridHead} grid */
    async function again({ base, texts: given }) {
        const told = await server.prepare({ base });
        if (told.fault === undefined) show(told.setup, given);
    }

    draw();
    return { element, show, recall, again };
}
