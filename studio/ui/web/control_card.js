// One control unit on the page: its tiles, what makes its map, and how that is followed.
import { focused, make } from "./dom.js";
import { icon } from "./icon.js";
import { slider } from "./slider.js";

/**
 * @param {any} unit
 * @param {any} panel
 */
export function controlCard(unit, panel) {
    const { fields, kinds, fitting, offered, changed } = panel;
    /** @type {Record<string, string[]>} */
    const CHOICES = { resize: ["crop", "pad", "stretch"], mode: ["balanced", "prompt", "control"] };
    const kind = kinds[unit.kind] ?? { label: unit.kind, help: "", options: [], maps: true };
    const weights = kind.maps ? fields.model.label : "IP-Adapter";
    // What the panel knows of it besides: what is wrong, the map as it was made last, and the one in the making.
    /** @type {Told} */
    const state = { fault: "", preview: null, token: null, said: "", draw };

    /**
     * @param {string} name
     * @param {Handler} act
     */
    const button = (name, act) => make("button", { type: "button", class: "plain", "data-name": name, onclick: act }, name);
    /**
     * @param {string} side
     * @param {string} words
     */
    const entry = (side, words) => make("input", {
        type: "file", accept: "image/*,.heic,.heif,.avif", class: "unseen", tabindex: -1, "aria-label": words,
        onchange: ({ target }) => { if (target.files[0]) panel.bring(unit, side, target.files[0]); target.value = ""; },
    });
    const on = make("input", { type: "checkbox", "aria-label": `${kind.label} on`, onchange: () => { changed(unit, { on: on.checked }); } });
    const choose = make("select", { class: "unit-kind", "aria-label": "Kind", title: kind.help, onchange: () => { panel.turn(unit, choose.value); } });
    const files = { image: entry("image", "Picture file"), map: entry("map", "Map file") };
    const tiles = make("div", { class: "tiles" });
    const ways = make("div", { class: "ways" });
    const line = make("p", { class: "note", role: "status" });
    const fault = make("p", { class: "fault", role: "alert" });
    const own = make("div", { class: "dials" }, ...kind.options.map(optional));
    const network = make("select", { "aria-label": weights, onchange: () => { changed(unit, { model: network.value || null }); } });
    const place = make("p", { class: "note" });
    const mode = picker("mode");
    const fine = make("div", { class: "dials" }, make("div", { class: "pair" }, dial("start"), dial("end")));
    if (kind.maps) fine.append(make("div", { class: "pair" }, picker("resize"), mode));
    if (kind.maps && !kind.ready) fine.append(button("Use a ready-made map", () => files.map.click()));
    state.root = make("article", { class: "card unit", "aria-label": kind.label, onfocusin: () => panel.hold(unit), onpointerdown: () => panel.hold(unit) },
        make("header", {}, choose, make("label", { class: "switch", title: "On or off" }, on),
            make("button", { type: "button", class: "drop", "aria-label": `Remove ${kind.label}`, title: "Remove", onclick: () => panel.remove(unit) }, icon("remove"))),
        make("div", { class: "card-body" }, tiles, files.image, files.map, ways, line, fault, own, dial("weight"), network, place,
            make("details", { class: "fine" }, make("summary", {}, "More"), fine)));
    return state;

    function draw() {
        const fit = fitting(unit.kind);
        on.checked = unit.on;
        state.root.classList.toggle("off", !unit.on);
        const known = [...new Set([unit.kind, ...offered()])];
        choose.replaceChildren(...known.map((id) => make("option", { value: id, selected: id === unit.kind }, kinds[id]?.label ?? id)));
        network.hidden = fit.length < 2;
        network.replaceChildren(...fit.map((/** @type {any} */ { id, name }, /** @type {number} */ at) => make("option", { value: at || kind.ready ? id : "", selected: id === unit.model }, `${weights}: ${name}`)));
        place.textContent = (fit.find((/** @type {any} */ { id }) => id === unit.model) ?? fit[0])?.place ?? "";
        mode.hidden = !panel.weighs();
        own.hidden = Boolean(unit.map) || !kind.options.length;
        fault.textContent = state.fault || panel.lacking(unit, weights);
        const picture = panel.seen(unit.image);
        line.textContent = state.token ? state.said || "Making the map" : picture ? [`${picture.width} × ${picture.height}`, picture.name, ...picture.notes].filter(Boolean).join(" · ") : "";
        const focus = focused()?.dataset.name;
        const held = focus && (tiles.contains(document.activeElement) || ways.contains(document.activeElement));
        drawTiles();
        if (held) state.root.querySelector(`[data-name="${focus}"]`)?.focus({ preventScroll: true });
    }

    function drawTiles() {
        const map = panel.seen(unit.map) ?? state.preview?.picture;
        const hasMap = kind.maps && !kind.ready;
        tiles.replaceChildren(
            tile("image", panel.seen(unit.image), panel.follows() ? "The picture itself" : "Picture", () => files.image.click()),
            ...(hasMap ? [tile("map", map, state.token ? "" : "Map", () => (map ? panel.look(unit) : panel.preview(unit)))] : []));
        tiles.classList.toggle("busy", Boolean(state.token));
        tiles.classList.toggle("stale", !unit.map && panel.isStale(unit, state.preview));
        ways.replaceChildren(
            button("From results", async () => (await import("./choose_result.js")).chooseResult((/** @type {any} */ picture) => panel.fetched(unit, "image", picture))),
            ...(kind.posed ? [button("Edit pose", () => panel.pose(unit))] : []),
            ...(kind.drawn ? [button("Draw", () => panel.drawn(unit, kind.ready ? "image" : "map"))] : []),
            ...(hasMap && !unit.map ? [button("Preview", () => panel.preview(unit))] : []));
    }

    /**
     * Where the picture or the map stands, is dropped, and is chosen.
     * @param {string} side
     * @param {any} picture
     * @param {string} words
     * @param {Handler} act
     */
    function tile(side, picture, words, act) {
        const [thing, empty] = side === "map" ? ["Map", "Make the map"] : ["Picture", "Choose a picture"];
        const face = make("button", { type: "button", class: "tile", "data-name": side, "data-side": side, "aria-label": picture ? `${thing} of ${kind.label} ${picture.name}`.trim() : empty, onclick: act },
            ...(picture ? [make("img", { src: picture.shown, alt: "", draggable: "false" })] : [make("span", { class: "invite" }, ...(side === "image" ? [icon("picture")] : []), words)]));
        const holder = make("div", { class: "holder", "data-side": side }, face);
        if (unit[side]) {
            const remove = () => { if (side === "image") state.preview = null; changed(unit, { [side]: null }); };
            holder.append(make("button", { type: "button", class: "remove", "data-name": side, title: "Remove", "aria-label": `Remove this ${thing.toLowerCase()}`, onclick: remove }, icon("remove")));
        }
        holder.addEventListener("dragover", (event) => { event.preventDefault(); holder.classList.add("over"); });
        holder.addEventListener("dragleave", () => holder.classList.remove("over"));
        holder.addEventListener("drop", (event) => {
            event.preventDefault();
            holder.classList.remove("over");
            panel.dropped(event, unit, side);
        });
        return holder;
    }

    /** @param {string} name */
    function dial(name) {
        const whole = slider(fields[name], unit[name], (/** @type {any} */ value, /** @type {boolean} */ going) => {
            if (going) return;
            const within = name === "start" ? Math.min(value, unit.end) : name === "end" ? Math.max(value, unit.start) : value;
            whole.say(within);
            changed(unit, { [name]: within });
        });
        return whole;
    }

    /**
     * A setting of what makes the map, which follows while it is being moved.
     * @param {Told} option
     */
    function optional(option) {
        /**
         * @param {any} value
         * @param {boolean} going
         */
        const set = (value, going) => {
            const options = { ...unit.options, [option.name]: value };
            if (going) panel.renew(Object.assign(unit, { options }));
            else changed(unit, { options });
        };
        const value = unit.options[option.name] ?? option.default;
        return option.choices.length ? choice(option, option.choices, value, set) : slider(option, value, set);
    }

    /** @param {string} name */
    function picker(name) {
        return choice(fields[name], CHOICES[name], unit[name], (/** @type {any} */ value) => changed(unit, { [name]: value }));
    }

    /**
     * @param {any} given
     * @param {any} choices
     * @param {any} value
     * @param {any} set
     */
    function choice({ label, help }, choices, value, set) {
        /** @param {any} one */
        const worded = (one) => one.replaceAll("_", " ").replace(/^./, (/** @type {string} */ letter) => letter.toUpperCase());
        return make("label", { class: "dial choice", title: help }, make("span", {}, label),
            make("select", { onchange: ({ target }) => set(target.value, false) },
                ...choices.map((/** @type {any} */ one) => make("option", { value: one, selected: one === value }, worded(one)))));
    }
}
