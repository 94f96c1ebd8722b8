// The control units: any number of cards, each with a picture, the map that is made of it, and how it is followed.
import { ids } from "./ids.js";
import { controlCard } from "./control_card.js";
import { host, make, part, tab } from "./dom.js";
import { facts, value } from "./form.js";
import { mapView } from "./map_preview.js";
import { panels } from "./panels.js";
import { icon } from "./icon.js";

/** @param {Island<Told, Controls>} island */
export function mount({ element, props, watch, upload, server, data: known }) {
    const { kinds } = known;
    // The tab that lends its own place to the panel.
    const OWN = "controlnet";
    // How long a setting rests until its map is made anew, and how often is asked how far a slow one is, in milliseconds.
    const REST = 150;
    const ASK = 700;
    const LOST = "The studio did not answer. Check the connection and try again.";
    const FRESH = { image: null, map: null, model: null, weight: 1, start: 0, end: 1, resize: "crop", mode: "balanced", options: {} };

    /** @type {Told[]} */
    let units = [];
    /** @type {Record<string, StoredPicture>} */
    let seen = {};
    // Cards by the key of their unit; the key of the one in hand; the row that stands in the place of one removed.
    /** @type {Map<string, any>} */
    let cards = new Map();
    /** @type {string | null} */
    let inHand = null;
    /** @type {Gone | null} */
    let gone = null;
    let serial = 0;

    const home = part(element, ".units");
    const list = make("div", { class: "cards" });
    const add = make("div", { class: "chips", role: "group", "aria-label": "Add a control" });
    const cannot = make("p", { class: "note" });
    const lacking = make("p", { class: "note" });
    const wrong = make("div", { class: "faults", role: "alert" });
    const count = make("span", { class: "count" });
    const fold = make("details", { class: "fold steering" },
        make("summary", {}, "ControlNet", count), make("div", { class: "fold-body" }, cannot, list, add, lacking, wrong));
    home.append(fold);

    const told = () => facts()?.controls ?? { fitting: {}, cannot: {}, lacking: "", modes: true };
    const stuck = () => told().cannot[tab()] ?? "";
    /** @param {string} kind */
    const fitting = (kind) => told().fitting[kind] ?? [];
    const offered = () => Object.keys(kinds).filter((kind) => fitting(kind).length && !(stuck() && kinds[kind].maps));
    /** @param {any} unit */
    const usable = (unit) => !(stuck() && kinds[unit.kind]?.maps);
    // Those that reach the studio, in the order in which it counts them.
    const steering = () => units.filter((unit) => unit.on && unit.weight > 0 && unit.start < unit.end && usable(unit));
    /** @param {any} unit */
    const label = (unit) => kinds[unit.kind]?.label ?? unit.kind;
    // A unit without a picture of its own follows the one that is painted over.
    const start = () => value("init_image")?.pictures?.[0];
    /** @param {any} unit */
    const source = (unit) => unit.image ?? start()?.id ?? null;

    /** @param {string} kind */
    const fresh = (kind) => ({ ...FRESH, names: {}, key: `u${Date.now()}-${serial++}`, on: true, kind });

    /**
     * Weights that do not fit the chosen model are left; returns whether some were. Nobody can tell what follows a map
     * of any kind: there, one of them is always chosen.
     * @param {any} unit
     */
    function suit(unit) {
        const fit = fitting(unit.kind).map(({ id }) => id);
        const before = unit.model;
        if (before && fit.length && !fit.includes(before)) unit.model = null;
        if (kinds[unit.kind]?.ready) unit.model ??= fit[0] ?? null;
        return unit.model !== before;
    }

    // What came from the server: kept, or of a picture whose settings are used.
    function take() {
        units = (props.value?.units ?? []).map((/** @type {any} */ unit) => ({ ...fresh(unit.kind), ...unit }));
        seen = { ...props.value?.seen };
        gone = null;
        cards = new Map();
        if (units.length) fold.open = true;
        draw();
    }

    function commit() {
        for (const unit of units) unit.names = { image: seen[unit.image]?.name ?? "", map: seen[unit.map]?.name ?? "" };
        const named = new Set(units.flatMap(({ image, map }) => [image, map]));
        props.value = structuredClone({ units, seen: Object.fromEntries(Object.entries(seen).filter(([id]) => named.has(id))) });
        head();
    }

    /**
     * A unit was changed: what is said against it is over, and its map made anew where that is quick.
     * @param {any} unit
     * @param {Values} values
     */
    function changed(unit, values) {
        Object.assign(unit, values);
        const card = cards.get(unit.key);
        card.fault = "";
        wrong.replaceChildren();
        hold(unit);
        commit();
        card.draw();
        renew(unit);
    }

    /**
     * Another kind is another card.
     * @param {any} unit
     * @param {string} kind
     */
    function turn(unit, kind) {
        Object.assign(unit, { kind, options: {}, model: null });
        cards.delete(unit.key);
        commit();
        draw();
        cards.get(unit.key).root.querySelector(".unit-kind").focus();
    }

    /** @param {any} unit */
    function hold(unit) {
        inHand = unit.key;
        show();
    }

    /**
     * @param {any} unit
     * @param {number} [at]
     */
    function grow(unit, at = units.length) {
        units.splice(at, 0, unit);
        gone = null;
        fold.open = true;
        inHand = unit.key;
        commit();
        draw();
        return unit;
    }

    /** @param {any} unit */
    function remove(unit) {
        const at = units.indexOf(unit);
        units.splice(at, 1);
        gone = { at, row: make("p", { class: "gone" }, `${label(unit)} removed`,
            make("button", { type: "button", class: "plain", onclick: () => grow(unit, at) }, "Undo")) };
        commit();
        draw();
        part(list, ".gone button").focus();
    }

    function head() {
        const on = units.filter((unit) => unit.on && usable(unit)).length;
        count.textContent = on ? `${on} on` : "";
        show();
    }

    function draw() {
        for (const key of cards.keys()) if (!units.some((unit) => unit.key === key)) cards.delete(key);
        if (units.filter(suit).length) commit();
        const drawn = units.filter(usable).map((unit) => {
            if (!cards.has(unit.key)) cards.set(unit.key, controlCard(unit, panel));
            cards.get(unit.key).draw();
            return cards.get(unit.key).root;
        });
        if (gone) drawn.splice(gone.at, 0, gone.row);
        // What is put in anew loses the focus.
        if (drawn.length !== list.children.length || drawn.some((one, at) => one !== list.children[at])) list.replaceChildren(...drawn);
        cannot.textContent = stuck();
        add.replaceChildren(...offered().map((kind) => make("button", {
            type: "button", class: "chip", title: kinds[kind].help,
            onclick: () => { const unit = grow(fresh(kind)); cards.get(unit.key).root.querySelector(".tile").focus(); },
        }, icon("add"), kinds[kind].label)));
        lacking.textContent = stuck() ? "" : told().lacking;
        head();
    }

    /**
     * What the map hangs on.
     * @param {any} unit
     */
    const basis = (unit) => JSON.stringify([unit.kind, source(unit), unit.options, unit.resize, facts()?.model.id]);
    /**
     * @param {any} unit
     * @param {any} made
     */
    const isStale = (unit, made) => Boolean(made) && made.of !== basis(unit);

    /** @param {any} unit */
    function renew(unit) {
        const card = cards.get(unit.key);
        if (unit.map || kinds[unit.kind].slow || !isStale(unit, card.preview)) return;
        clearTimeout(card.timer);
        card.timer = setTimeout(() => preview(unit), REST);
    }

    /**
     * The newest of several questions about a unit counts.
     * @param {any} unit
     * @param {string} name
     * @param {Attributes} more
     */
    async function ask(unit, name, more) {
        const card = cards.get(unit.key);
        const token = (card.token = `${unit.key}-${serial++}`);
        card.fault = card.said = "";
        card.draw();
        const poll = setInterval(async () => {
            const { said } = (await server.saying({ token })) ?? {};
            if (card.token !== token || said === undefined || said === card.said) return;
            card.said = said;
            card.draw();
        }, ASK);
        const answer = (await server[name]({ token, ...more })) ?? { fault: LOST };
        clearInterval(poll);
        if (card.token !== token) return null;
        card.token = null;
        if (answer.fault) card.fault = answer.fault;
        card.draw();
        show();
        return answer.fault ? null : answer;
    }

    /** @param {any} unit */
    const asked = (unit) => ({ unit: { ...unit, map: null, image: source(unit) }, model: facts().model.id });

    /** @param {any} unit */
    async function preview(unit) {
        const card = cards.get(unit.key);
        // It was removed while its settings rested.
        if (!card) return;
        if (!source(unit)) {
            card.fault = "There is no picture to make the map of. Drop one here, or choose a file.";
            card.draw();
            return;
        }
        const of = basis(unit);
        const answer = await ask(unit, "preview", asked(unit));
        if (!answer) return;
        card.preview = { picture: answer.picture, of };
        card.draw();
        hold(unit);
        renew(unit);
    }

    /**
     * @param {any} unit
     * @param {string} side
     * @param {File} file
     */
    async function bring(unit, side, file) {
        const card = cards.get(unit.key);
        const arrived = await upload(file).catch(() => null);
        const answer = arrived ? await server.bring({ path: arrived.path, name: file.name }) : null;
        if (answer?.picture) set(unit, side, answer.picture);
        else {
            card.fault = answer?.fault ?? `${file.name} did not arrive. Check the connection and try again.`;
            card.draw();
        }
    }

    /**
     * @param {any} unit
     * @param {string} side
     * @param {StoredPicture} picture
     */
    function set(unit, side, picture) {
        if (!cards.has(unit.key)) return;
        seen[picture.id] = picture;
        if (side === "image") cards.get(unit.key).preview = null;
        changed(unit, { [side]: picture.id });
    }

    /**
     * @param {any} unit
     * @param {string} side
     * @param {any} given
     */
    async function fetched(unit, side, { file, name }) {
        const blob = await (await fetch(file)).blob();
        bring(unit, side, new File([blob], name, { type: blob.type }));
    }

    /**
     * @param {DragEvent} event
     * @param {any} unit
     * @param {string} side
     */
    function dropped(event, unit, side) {
        const result = event.dataTransfer?.getData("application/x-studio");
        const [file] = event.dataTransfer?.files ?? [];
        if (result) {
            const { job, image } = JSON.parse(result);
            const picture = panels.gallery?.results().find(({ which }) => which.job === job && which.image === image);
            if (picture) fetched(unit, side, picture);
        } else if (file) bring(unit, side, file);
    }

    // The unit that a picture is for which came without one: in hand, or the first that waits for one, or a new one.
    function waiting() {
        const open = units.filter((unit) => usable(unit) && !unit.image && !unit.map);
        const found = open.find(({ key }) => key === inHand) ?? open[0];
        return found ?? (offered().length ? grow(fresh(offered()[0])) : null);
    }

    /** @param {StoredPicture} picture */
    function receive(picture) {
        const unit = waiting();
        if (unit) set(unit, "image", picture);
    }

    /**
     * What a map that is made by hand is as large as.
     * @param {any} unit
     */
    const size = (unit) => seen[unit.image] ?? start() ?? { width: value("width") ?? 512, height: value("height") ?? 512 };

    /** @param {any} unit */
    async function pose(unit) {
        const { openPoseEditor } = await import("./pose_editor.js");
        openPoseEditor({
            server, picture: seen[unit.image], size: size(unit), pose: seen[unit.map]?.pose ?? null,
            find: source(unit) ? () => ask(unit, "people", asked(unit)) : null,
            fault: () => cards.get(unit.key).fault,
            done: (/** @type {any} */ drawn) => set(unit, "map", drawn),
        });
    }

    /**
     * @param {any} unit
     * @param {string} side
     */
    async function drawn(unit, side) {
        const { openMapDrawing } = await import("./map_drawing.js");
        openMapDrawing({
            picture: side === "map" ? seen[unit.image] : null, size: size(unit), map: seen[unit[side]],
            done: (/** @type {any} */ blob) => bring(unit, side, new File([blob], "drawn.png", { type: "image/png" })),
        });
    }

    /** @param {any} unit */
    const shownOf = (unit) => ({ picture: seen[unit.image], map: seen[unit.map] ?? cards.get(unit.key)?.preview?.picture, fit: unit.resize, name: label(unit) });

    /** @param {any} unit */
    function look(unit) {
        const dialog = make("dialog", { class: "sheet map-look", "aria-label": `Map of ${label(unit)}`, onclose: () => { dialog.remove(); } },
            mapView(shownOf(unit)),
            make("form", { method: "dialog" }, make("button", { class: "plain" }, "Close")));
        host().append(dialog);
        dialog.showModal();
    }

    // The map in hand, large, where the tab has room for it.
    function show() {
        const unit = units.find(({ key }) => key === inHand) ?? units[0];
        for (const [key, { root }] of cards) root.classList.toggle("in-hand", units.length > 1 && key === unit?.key);
        panels.mapPreview?.show(unit ? shownOf(unit) : null);
    }

    // Another tab, or another model.
    function turned() {
        const slot = tab() === OWN ? document.querySelector(`#${ids.controlSlot} .slot`) : null;
        if ((slot ?? home) !== fold.parentElement) (slot ?? home).append(fold);
        if (slot) fold.open = true;
        draw();
    }

    // Another picture is painted over.
    /** @type {string | undefined} */
    let begun;
    function sourced() {
        if (start()?.id === begun) return;
        begun = start()?.id;
        cards.forEach((card) => card.draw());
    }

    /**
     * A fault of the studio stands at its unit.
     * @param {Fault} fault
     */
    function blame(fault) {
        if (element.closest("[hidden]")) return false;
        const words = `${fault.message} ${fault.hint}`.trim();
        const those = steering();
        const unit = those[fault.part ?? -1] ?? (those.length === 1 ? those[0] : null);
        fold.open = true;
        if (unit) Object.assign(cards.get(unit.key), { fault: words }).draw();
        wrong.replaceChildren(...(unit ? [] : [make("p", { class: "fault" }, words)]));
        const at = unit ? cards.get(unit.key).root : wrong;
        requestAnimationFrame(() => {
            at.scrollIntoView({ block: "center" });
            at.querySelector(".tile")?.focus({ preventScroll: true });
        });
        return true;
    }

    // Pasted or dropped beside a tile: where the tab has no other well, it is for the units.
    const free = () => tab() === OWN || fold.contains(document.activeElement);
    document.addEventListener("paste", (event) => {
        const [file] = event.clipboardData?.files ?? [];
        const unit = file && free() ? waiting() : null;
        if (!unit) return;
        event.preventDefault();
        bring(unit, "image", file);
    }, true);
    document.addEventListener("dragover", (event) => { if (tab() === OWN) event.preventDefault(); });
    document.addEventListener("drop", (event) => {
        if (tab() !== OWN || event.defaultPrevented) return;
        event.preventDefault();
        const unit = waiting();
        if (unit) dropped(event, unit, "image");
    });

    // What a card asks of the panel.
    const panel = {
        ...known, fitting, offered, changed, turn, hold, remove, renew, isStale, preview, bring, fetched, dropped, pose, drawn, look,
        seen: (/** @type {string} */ id) => seen[id],
        follows: () => Boolean(start()),
        weighs: () => told().modes,
        lacking: (/** @type {any} */ unit, /** @type {any} */ weights) => (facts() && !fitting(unit.kind).length
            ? `${facts().model.name} has no ${weights}${kinds[unit.kind]?.maps ? ` for ${label(unit).toLowerCase()}` : ""}.` : ""),
    };
    panels.controls = { blame, turned, sourced, receive };
    watch("value", take);
    take();
}
