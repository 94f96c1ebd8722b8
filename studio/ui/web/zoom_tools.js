// The buttons that zoom, and how large the picture is.
import { part } from "./dom.js";
import { icon } from "./icon.js";
import { html } from "./vendor/lit.js";

// How much one step zooms.
export const STEP = 1.25;

/** @typedef {ReturnType<typeof import("./zoom.js").zooming>} Zoom */

/** @param {() => Zoom | null} of */
export const zoomTools = (of) => html`<span class="full-zoom" role="group" aria-label="Zoom">
    <button type="button" class="act" aria-label="Zoom out" title="Zoom out (−)" @click=${() => of()?.zoom(1 / STEP)}>${icon("less")}</button><output class="full-percent"></output>
    <button type="button" class="act" aria-label="Zoom in" title="Zoom in (+)" @click=${() => of()?.zoom(STEP)}>${icon("add")}</button>
    <button type="button" class="plain full-fit" title="Fit to the window (F)" aria-pressed="true" @click=${() => of()?.fit()}>Fit</button>
    <button type="button" class="plain" title="Actual size (A)" aria-label="Actual size" @click=${() => of()?.actual()}>1:1</button></span>`;

/**
 * Says how large the picture is. The template does not, because it would draw all of a view anew with each step of a wheel.
 * @param {HTMLElement} dialog
 * @param {Zoom | null} zoom
 */
export function tellZoom(dialog, zoom) {
    if (!zoom) return;
    part(dialog, ".full-percent").textContent = `${zoom.percent()} %`;
    part(dialog, ".full-fit").setAttribute("aria-pressed", String(zoom.isFitted()));
}

/**
 * What keys do to the picture, by their names in small letters.
 * @param {() => Zoom | null} of
 * @returns {Record<string, () => unknown>}
 */
export const zoomKeys = (of) => ({
    "+": () => of()?.zoom(STEP), "=": () => of()?.zoom(STEP), "-": () => of()?.zoom(1 / STEP), 0: () => of()?.fit(), f: () => of()?.fit(), a: () => of()?.actual(),
});
