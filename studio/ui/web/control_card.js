// One control unit on the page: its tiles, what makes its map, and how that is followed.
import { icon } from "./icon.js";
import { choice, slider } from "./slider.js";
import { html, live, nothing } from "./vendor/lit.js";

const CHOICES = { resize: ["crop", "pad", "stretch"], mode: ["balanced", "prompt", "control"] };
const UNKNOWN = { help: "", options: [], slow: false, maps: true, ready: false, drawn: false, posed: false };

/** @typedef {import("./control_units.js").Unit} Unit */
/** @typedef {"image" | "map"} Side */

/**
 * What a card shows besides its unit.
 * @typedef {{ fault: string, busy: string | null, wants: string, image?: StoredPicture, map?: StoredPicture, stale: boolean, fitting: Fitting[], offered: string[], follows: boolean, weighs: boolean, inHand: boolean }} UnitShows
 */

/**
 * What a card asks of the panel.
 * @typedef {{ changed: (values: Partial<Unit>) => void, tried: (options: Unit["options"]) => void, turn: (kind: string) => void, hold: () => void, remove: () => void, preview: () => void, look: () => void,
 *     pose: () => void, draw: (side: Side) => void, bring: (side: Side, file: File) => void, pick: () => void, drop: (event: DragEvent, side: Side) => void, unset: (side: Side) => void }} UnitActs
 */

/**
 * @param {Unit} unit
 * @param {Controls} known
 * @param {UnitShows} shows
 * @param {UnitActs} acts
 */
export function controlCard(unit, { fields, kinds }, shows, acts) {
    const { changed } = acts;
    const kind = kinds[unit.kind] ?? { ...UNKNOWN, label: unit.kind };
    const { label, maps, ready, options } = kind;
    const hasMap = maps && !ready;
    const weights = maps ? fields.model.label : "IP-Adapter";
    const { image, map, fitting, busy } = shows;
    const line = busy !== null ? busy || "Making the map" : shows.wants ? shows.wants : image ? [`${image.width} × ${image.height}`, image.name, ...image.notes].filter(Boolean).join(" · ") : "";
    /**
     * @param {string} words
     * @param {(event: any) => void} act
     */
    const button = (words, act) => html`<button type="button" class="plain" @click=${act}>${words}</button>`;
    /** @param {Side} side */
    const entry = (side) => html`<input type="file" accept="image/*,.heic,.heif,.avif" class="unseen" tabindex="-1" data-file=${side} aria-label=${side === "map" ? "Map file" : "Picture file"}
        @change=${({ target }) => { if (target.files[0]) acts.bring(side, target.files[0]); target.value = ""; }}>`;
    return html`<article class=${["card unit", unit.on ? "" : "off", shows.inHand ? "in-hand" : ""].filter(Boolean).join(" ")} aria-label=${label} data-key=${unit.key} @focusin=${acts.hold} @pointerdown=${acts.hold}>
        <header><select class="unit-kind" aria-label="Kind" title=${kind.help} @change=${(event) => acts.turn(event.target.value)}>${[...new Set([unit.kind, ...shows.offered])].map((id) => html`<option value=${id} .selected=${live(id === unit.kind)}>${kinds[id]?.label ?? id}</option>`)}</select>
            <label class="switch" title="On or off"><input type="checkbox" aria-label=${`${label} on`} .checked=${live(unit.on)} @change=${(event) => changed({ on: event.target.checked })}></label>
            <button type="button" class="drop" aria-label=${`Remove ${label}`} title="Remove" @click=${acts.remove}>${icon("remove")}</button></header>
        <div class="card-body">
            <div class=${["tiles", busy !== null ? "busy" : "", !unit.map && shows.stale ? "stale" : ""].filter(Boolean).join(" ")}>
                ${tile("image", image, shows.follows ? "The picture itself" : "Picture", choose("image"))}
                ${hasMap ? tile("map", map, busy !== null ? "" : "Map", () => (map ? acts.look() : acts.preview())) : nothing}</div>
            ${entry("image")}${entry("map")}
            <div class="ways">${button("From results", acts.pick)}${kind.posed ? button("Edit pose", acts.pose) : nothing}${
                kind.drawn ? button("Draw", () => acts.draw(ready ? "image" : "map")) : nothing}${hasMap && !unit.map ? button("Preview", acts.preview) : nothing}</div>
            <p class="note" role="status">${line}</p><p class="fault" role="alert">${shows.fault}</p>
            <div class="dials" ?hidden=${Boolean(unit.map) || !options.length}>${options.map(optional)}</div>
            ${dial("weight", (value) => value)}
            <select aria-label=${weights} ?hidden=${fitting.length < 2} @change=${(event) => changed({ model: event.target.value || null })}>${fitting.map(({ id, name }, at) => html`<option value=${at || ready ? id : ""} .selected=${live(id === unit.model || (!unit.model && !at))}>${weights}: ${name}</option>`)}</select>
            <p class="note">${(fitting.find(({ id }) => id === unit.model) ?? fitting[0])?.place ?? ""}</p>
            <details class="fine"><summary>More</summary><div class="dials">
                <div class="pair">${dial("start", (value) => Math.min(value, unit.end))}${dial("end", (value) => Math.max(value, unit.start))}</div>
                ${maps ? html`<div class="pair">${picker("resize")}${shows.weighs ? picker("mode") : nothing}</div>` : nothing}
                ${hasMap ? button("Use a ready-made map", choose("map")) : nothing}</div></details>
        </div></article>`;

    /** @param {Side} side */
    function choose(side) {
        return (/** @type {any} */ event) => event.currentTarget.closest(".card").querySelector(`[data-file=${side}]`).click();
    }

    /**
     * Where the picture or the map stands, is dropped, and is chosen.
     * @param {Side} side
     * @param {StoredPicture | undefined} picture
     * @param {string} words
     * @param {(event: any) => void} act
     */
    function tile(side, picture, words, act) {
        const [thing, empty] = side === "map" ? ["Map", "Make the map"] : ["Picture", "Choose a picture"];
        /**
         * @param {any} event
         * @param {boolean} over
         */
        const mark = (event, over) => event.currentTarget.classList.toggle("over", over);
        return html`<div class="holder" data-side=${side} @dragover=${(event) => { event.preventDefault(); mark(event, true); }} @dragleave=${(event) => mark(event, false)}
            @drop=${(event) => { event.preventDefault(); mark(event, false); acts.drop(event, side); }}>
            <button type="button" class="tile" data-side=${side} aria-label=${picture ? `${thing} of ${label} ${picture.name}`.trim() : empty} @click=${act}>${picture
                ? html`<img src=${picture.shown} alt="" draggable="false">` : html`<span class="invite">${side === "image" ? icon("picture") : nothing}${words}</span>`}</button>
            ${unit[side] ? html`<button type="button" class="remove" title="Remove" aria-label=${`Remove this ${thing.toLowerCase()}`} @click=${() => acts.unset(side)}>${icon("remove")}</button>` : nothing}</div>`;
    }

    /**
     * @param {"weight" | "start" | "end"} name
     * @param {(value: number) => number} within
     */
    function dial(name, within) {
        return slider(fields[name], unit[name], (value, going) => {
            if (going) return value;
            const taken = within(value);
            changed({ [name]: taken });
            return taken;
        });
    }

    /**
     * A setting of what makes the map, which follows while it is being moved.
     * @param {Option} option
     */
    function optional(option) {
        const value = unit.options[option.name] ?? option.default;
        /** @param {number | string} given */
        const set = (given) => ({ ...unit.options, [option.name]: given });
        if (option.choices.length) return choice(option, option.choices, String(value), (given) => changed({ options: set(given) }), option.words);
        return slider(option, Number(value), (given, going) => { if (going) acts.tried(set(given)); else changed({ options: set(given) }); });
    }

    /** @param {"resize" | "mode"} name */
    function picker(name) {
        return choice(fields[name], CHOICES[name], unit[name], (value) => changed({ [name]: value }));
    }
}
