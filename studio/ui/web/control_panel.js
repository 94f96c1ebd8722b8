// The control units as cards, in the form or in the place that their own tab lends them.
import { controlUnits } from "./control_units.js";
import { host, keepingFocus, make, part, parts, tab } from "./dom.js";
import { facts, value } from "./form.js";
import { icon } from "./icon.js";
import { ids } from "./ids.js";
import { panels } from "./panels.js";
import { html, nothing, render, repeat } from "./vendor/lit.js";

// The tab that lends its own place to the panel.
const OWN = "controlnet";

/** @typedef {import("./control_units.js").Unit} Unit */

/** @param {Island<import("./control_units.js").Held, Controls, import("./control_units.js").UnitServer>} island */
export function mount({ element, props, watch, upload, server, data: known }) {
    const { kinds } = known;
    let wrong = "";
    // What draws the cards, fetched with the first of them.
    /** @type {typeof import("./control_card.js") | null} */
    let cards = null;
    const home = part(element, ".units");
    const fold = make("details", { class: "fold steering" });
    home.append(fold);

    const stuck = () => facts()?.controls.cannot[tab()] ?? "";
    const held = controlUnits({ server, upload }, props, known, { draw, open: () => { fold.open = true; }, stuck });

    function draw() {
        const { units, gone } = held;
        if (!cards && units.length) import("./control_card.js").then((module) => { cards = module; draw(); });
        held.suit();
        const on = units.filter((unit) => unit.on && held.usable(unit)).length;
        const rows = repeat(units, ({ key }) => key, (unit, at) => html`${gone?.at === at ? undo(gone) : nothing}${held.usable(unit) ? card(unit) : nothing}`);
        keepingFocus(() => render(html`<summary>ControlNet<span class="count">${on ? `${on} on` : ""}</span></summary>
            <div class="fold-body"><p class="note">${stuck()}</p>
                <div class="cards">${rows}${gone && gone.at >= units.length ? undo(gone) : nothing}</div>
                <div class="chips" role="group" aria-label="Add a control">${held.offered().map((kind) => html`<button type="button" class="chip" title=${kinds[kind].help} @click=${() => add(kind)}>${icon("add")}${kinds[kind].label}</button>`)}</div>
                <p class="note">${stuck() ? "" : facts()?.controls.lacking}</p><div class="faults" role="alert">${wrong ? html`<p class="fault">${wrong}</p>` : nothing}</div></div>`, fold));
        show();
    }

    /** @param {{ at: number, unit: Unit }} gone */
    const undo = ({ at, unit }) => html`<p class="gone">${held.label(unit)} removed<button type="button" class="plain" @click=${() => held.grow(unit, at)}>Undo</button></p>`;

    /** @param {Unit} unit */
    function card(unit) {
        const { fault, token, said, wants } = held.state(unit);
        return cards?.controlCard(unit, known, {
            fault: fault || lacking(unit), busy: token ? said : null, wants, ...pictures(unit), stale: held.isStale(unit), fitting: held.fitting(unit.kind), offered: held.offered(),
            follows: Boolean(held.start()), weighs: facts()?.controls.modes ?? true, inHand: held.units.length > 1 && unit === inHand(),
        }, {
            changed: (values) => { wrong = ""; held.changed(unit, values); }, tried: (options) => held.renew(Object.assign(unit, { options })), turn: (kind) => turn(unit, kind),
            hold: () => hold(unit), remove: () => remove(unit), preview: () => held.preview(unit), look: () => look(unit), pose: () => pose(unit), draw: (side) => drawn(unit, side),
            bring: (side, file) => held.bring(unit, side, file), drop: (event, side) => held.dropped(event, unit, side), unset: (side) => unset(unit, side),
            pick: async () => (await import("./choose_result.js")).chooseResult((picture) => held.fetched(unit, "image", picture)),
        });
    }

    /** @param {Unit} unit */
    const pictures = (unit) => ({ image: held.seen[unit.image ?? ""], map: held.seen[unit.map ?? ""] ?? held.state(unit).preview?.picture });
    /** @param {Unit} unit */
    const lacking = ({ kind }) => (facts() && !held.fitting(kind).length
        ? `${facts()?.model.name} has no ${kinds[kind]?.maps === false ? "IP-Adapter" : `${known.fields.model.label} for ${(kinds[kind]?.label ?? kind).toLowerCase()}`}.` : "");
    const inHand = () => held.units.find(({ key }) => key === held.inHand) ?? held.units[0];
    /** @param {Unit} unit */
    const cardOf = ({ key }) => part(fold, `[data-key="${key}"]`);

    /** @param {Unit} unit */
    function hold(unit) {
        if (held.inHand === unit.key) return;
        held.inHand = unit.key;
        draw();
    }

    /** @param {string} kind */
    async function add(kind) {
        cards ??= await import("./control_card.js");
        const card = cardOf(held.add(kind));
        card.scrollIntoView({ block: "center" });
        part(card, ".tile").focus({ preventScroll: true });
    }

    /**
     * Another kind is another card.
     * @param {Unit} unit
     * @param {string} kind
     */
    function turn(unit, kind) {
        held.turn(unit, kind);
        part(cardOf(unit), ".unit-kind").focus();
    }

    /** @param {Unit} unit */
    function remove(unit) {
        held.remove(unit);
        parts(fold, ".gone button")[0]?.focus();
    }

    /**
     * @param {Unit} unit
     * @param {"image" | "map"} side
     */
    function unset(unit, side) {
        if (side === "image") held.state(unit).preview = null;
        held.changed(unit, { [side]: null });
    }

    /** @param {Unit} unit What a map that is made by hand is as large as. */
    const size = (unit) => held.seen[unit.image ?? ""] ?? held.start() ?? { width: value("width") ?? 512, height: value("height") ?? 512 };

    /** @param {Unit} unit */
    async function pose(unit) {
        const { openPoseEditor } = await import("./pose_editor.js");
        openPoseEditor({
            server, picture: pictures(unit).image, size: size(unit), pose: held.seen[unit.map ?? ""]?.pose ?? null,
            find: held.source(unit) ? () => held.people(unit) : null, fault: () => held.state(unit).fault, done: (picture) => held.receive(unit, "map", picture),
        });
    }

    /**
     * @param {Unit} unit
     * @param {"image" | "map"} side
     */
    async function drawn(unit, side) {
        const { openMapDrawing } = await import("./map_drawing.js");
        openMapDrawing({
            picture: side === "map" ? pictures(unit).image : null, size: size(unit), map: held.seen[unit[side] ?? ""],
            done: (/** @type {Blob} */ blob) => held.bring(unit, side, new File([blob], "drawn.png", { type: "image/png" })),
        });
    }

    /** @param {Unit} unit */
    const shownOf = (unit) => ({ picture: pictures(unit).image, map: pictures(unit).map, fit: unit.resize, name: held.label(unit) });

    /** @param {Unit} unit */
    async function look(unit) {
        const { mapView } = await import("./map_preview.js");
        const dialog = make("dialog", { class: "sheet map-look", "aria-label": `Map of ${held.label(unit)}`, onclose: () => { dialog.remove(); } });
        render(html`${mapView(shownOf(unit))}<form method="dialog"><button class="plain">Close</button></form>`, dialog);
        host().append(dialog);
        dialog.showModal();
    }

    // The map in hand, large, where the tab has room for it.
    function show() {
        const unit = inHand();
        panels.mapPreview?.show(unit ? shownOf(unit) : null);
    }

    // Another tab, or another model.
    function turned() {
        const slot = tab() === OWN ? document.querySelector(`#${ids.controlSlot} .slot`) : null;
        if ((slot ?? home) !== fold.parentElement) (slot ?? home).append(fold);
        if (slot) fold.open = true;
        draw();
        held.units.forEach(held.renew);
    }

    // Another picture is painted over.
    /** @type {string | undefined} */
    let begun;
    function sourced() {
        if (held.start()?.id === begun) return;
        begun = held.start()?.id;
        draw();
        held.units.filter((unit) => !unit.image).forEach(held.renew);
    }

    /** @param {StoredPicture} picture */
    function receive(picture) {
        const unit = held.waiting();
        if (unit) held.receive(unit, "image", picture);
    }

    /**
     * A fault of the studio stands at its unit.
     * @param {Fault} fault
     */
    function blame(fault) {
        if (element.closest("[hidden]")) return false;
        const words = `${fault.message} ${fault.hint}`.trim();
        const those = held.steering();
        const unit = those[fault.part ?? -1] ?? (those.length === 1 ? those[0] : null);
        if (unit) held.state(unit).fault = words;
        wrong = unit ? "" : words;
        fold.open = true;
        draw();
        requestAnimationFrame(() => {
            const at = unit ? cardOf(unit) : part(fold, ".faults");
            at.scrollIntoView({ block: "center" });
            parts(at, ".tile")[0]?.focus({ preventScroll: true });
        });
        return true;
    }

    function forgive() {
        held.states.forEach((state) => { state.fault = ""; });
        wrong = "";
        draw();
    }

    // Pasted or dropped beside a tile: where the tab has no other well, it is for the units.
    const free = () => tab() === OWN || fold.contains(document.activeElement);
    document.addEventListener("paste", (event) => {
        const [file] = event.clipboardData?.files ?? [];
        const unit = file && free() ? held.waiting() : null;
        if (!unit) return;
        event.preventDefault();
        held.bring(unit, "image", file);
    }, true);
    document.addEventListener("dragover", (event) => { if (tab() === OWN) event.preventDefault(); });
    document.addEventListener("drop", (event) => {
        if (tab() !== OWN || event.defaultPrevented) return;
        event.preventDefault();
        const unit = held.waiting();
        if (unit) held.dropped(event, unit, "image");
    });

    panels.controls = { blame, forgive, turned, sourced, receive, give: held.give };
    watch("value", held.take);
    held.take();
}
