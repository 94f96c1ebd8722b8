// A map in large: over its picture, with a line between them, and beside the stage; and the place that a tab lends to the units.
import { beforeAfter } from "./before_after.js";
import { make, part } from "./dom.js";
import { panels } from "./panels.js";

/** @param {any} unit */
export function mapView(unit) {
    const { picture, map, fit, name } = unit;
    const shown = map ?? picture;
    const frame = make("div", { class: "mapped" }, make("img", { src: shown.file, alt: map ? `Map of ${name}` : "Picture", width: shown.width, height: shown.height }));
    frame.style.setProperty("--aspect", `${shown.width} / ${shown.height}`);
    frame.style.setProperty("--shape", String(shown.width / shown.height));
    frame.style.setProperty("--natural", `${Math.max(shown.width, 640)}px`);
    if (map && picture) frame.append(beforeAfter({ before: picture.file, fit, grown: [0, 0, 0, 0], width: shown.width, height: shown.height }, ["Picture", "Map"]));
    return frame;
}

/**
 * Beside the stage: the map in hand.
 * @param {Island} island
 */
export function mount({ element }) {
    const root = part(element, ".map-place");
    let drawn = "";
    panels.mapPreview = { show };
    /** @param {any} shown */
    function show(shown) {
        const now = JSON.stringify([shown?.picture?.id, shown?.map?.id, shown?.fit]);
        if (now === drawn) return;
        drawn = now;
        root.replaceChildren(shown?.map || shown?.picture
            ? mapView(shown)
            : make("p", { class: "quiet" }, "The map of the control in hand stands here, before anything is generated."));
    }
    show(null);
    panels.controls?.turned();
}
