// A map in large: over its picture, with a line between them, and beside the stage; and the place that a tab lends to the units.
import { beforeAfter } from "./before_after.js";
import { part } from "./dom.js";
import { panels } from "./panels.js";
import { framed } from "./picture.js";
import { html, nothing, render } from "./vendor/lit.js";

/** @param {Shown} shown */
export function mapView({ picture, map, fit, name }) {
    const large = map ?? picture;
    if (!large) return nothing;
    const { file, width, height } = large;
    return html`<div class="mapped" style=${framed({ width: Math.max(width, 640), height: (Math.max(width, 640) * height) / width }, 1)}><img src=${file} alt=${map ? `Map of ${name}` : "Picture"} width=${width} height=${height}>${
        map && picture ? beforeAfter({ before: picture.file, fit, width, height }, ["Picture", "Map"]) : nothing}</div>`;
}

/**
 * Beside the stage: the map in hand.
 * @param {Island} island
 */
export function mount({ element }) {
    const root = part(element, ".map-place");
    panels.mapPreview = { show };
    /** @param {Shown | null} shown */
    function show(shown) {
        render(shown?.map || shown?.picture ? mapView(shown)
            : html`<p class="quiet">The control map appears here.</p>`, root);
    }
    show(null);
    panels.controls?.turned();
}
