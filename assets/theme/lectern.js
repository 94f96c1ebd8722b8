// A map in large: over its picture, with a line between them, and beside the stage; and the place that a tab lends to the units.
window.studio.mapped = (unit) => {
    "use strict";
    const { picture, map, fit, name } = unit;
    const { make, compare } = window.studio;
    const shown = map ?? picture;
    const frame = make("div", { class: "mapped" }, make("img", { src: shown.file, alt: map ? `Map of ${name}` : "Picture", width: shown.width, height: shown.height }));
    frame.style.setProperty("--aspect", `${shown.width} / ${shown.height}`);
    frame.style.setProperty("--shape", shown.width / shown.height);
    frame.style.setProperty("--natural", `${Math.max(shown.width, 640)}px`);
    if (map && picture) frame.append(compare({ before: picture.file, fit, grown: [0, 0, 0, 0], width: shown.width, height: shown.height }, ["Picture", "Map"]));
    return frame;
};

// Beside the stage: the map in hand.
window.studio.lectern = (element) => {
    "use strict";
    const { make, mapped } = window.studio;
    const root = element.querySelector(".lectern");
    let drawn = "";
    window.studio.showMap = (shown) => {
        const now = JSON.stringify([shown?.picture?.id, shown?.map?.id, shown?.fit]);
        if (now === drawn) return;
        drawn = now;
        root.replaceChildren(shown?.map || shown?.picture
            ? mapped(shown)
            : make("p", { class: "quiet" }, "The map of the control in hand stands here, before anything is generated."));
    };
    window.studio.showMap(null);
    window.studio.steer?.turned();
};

// The place of the units in their own tab; pictures that are sent there come through it.
window.studio.slot = (element, props, watch) => {
    "use strict";
    let serial = 0;
    const take = () => {
        if (!props.value || props.value.serial === serial) return;
        serial = props.value.serial;
        window.studio.steer.receive(props.value.picture);
    };
    window.studio.steer?.turned();
    watch("value", take);
    take();
};
