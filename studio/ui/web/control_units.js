// The control units of the form: each with a picture, the map that is made of it, and what is wrong with it.
import { facts, value } from "./form.js";
import { panels } from "./panels.js";
import { unitMaps } from "./unit_maps.js";

const FRESH = { image: null, map: null, model: null, weight: 1, start: 0, end: 1, resize: "crop", mode: "balanced", options: {} };

/**
 * A unit as the panel has it: what a recipe says of it, whether it counts, its name here, and what its pictures are called.
 * @typedef {{ kind: string, image: string | null, map: string | null, model: string | null, weight: number, start: number, end: number, resize: string, mode: string,
 *     options: Record<string, number | string>, on: boolean, key: string, names: { image?: string, map?: string } }} Unit
 * @typedef {{ preview: { picture: StoredPicture | null, wants: string }, people: { pose: any }, bring: { picture: StoredPicture }, saying: Said } & import("./pose_editor.js").PoseActs} UnitServer
 * @typedef {{ units: Unit[], seen: Record<string, StoredPicture> }} Held
 */

let serial = 0;
/**
 * @param {string} kind
 * @returns {Unit}
 */
const fresh = (kind) => ({ ...FRESH, names: {}, key: `u${Date.now()}-${serial++}`, on: true, kind });

/**
 * `kept` holds the units for the form; `draw` follows each change, `open` one that has to be seen.
 * @param {Pick<Island<Held, Controls, UnitServer>, "server" | "upload">} island
 * @param {{ value: Held | null }} kept
 * @param {Controls} known
 * @param {{ draw: () => void, open: () => void, stuck: () => string }} panel
 */
export function controlUnits({ server, upload }, kept, { kinds }, { draw, open, stuck }) {
    const held = {
        /** @type {Unit[]} */
        units: [],
        /** @type {Record<string, StoredPicture>} */
        seen: {},
        // The key of the one in hand; the one that was removed, and where it stood.
        /** @type {string | null} */
        inHand: null,
        /** @type {{ at: number, unit: Unit } | null} */
        gone: null,
        take, suit, changed, turn, grow, remove, bring, give, fetched, dropped, receive, waiting, fitting, offered, usable, source, steering,
        add: (/** @type {string} */ kind) => grow(fresh(kind)),
        label: (/** @type {Unit} */ unit) => kinds[unit.kind]?.label ?? unit.kind,
        start: () => /** @type {StoredPicture | undefined} */ (value("init_image")?.pictures?.[0]),
    };
    const maps = unitMaps(server, kinds, { source, draw, isHeld: (unit) => held.units.includes(unit), hold: (unit) => { held.inHand = unit.key; } });
    const { state, states, renew } = maps;

    /** @param {string} kind */
    function fitting(kind) {
        return facts()?.controls.fitting[kind] ?? [];
    }

    function offered() {
        return Object.keys(kinds).filter((kind) => fitting(kind).length && !(stuck() && kinds[kind].maps));
    }

    /** @param {Unit} unit */
    function usable(unit) {
        return !(stuck() && kinds[unit.kind]?.maps);
    }

    // Those that reach the studio, in the order in which it counts them.
    function steering() {
        return held.units.filter((unit) => unit.on && unit.weight > 0 && unit.start < unit.end && usable(unit));
    }

    /** @param {Unit} unit A unit without a picture of its own follows the one that is painted over. */
    function source(unit) {
        return unit.image ?? held.start()?.id ?? null;
    }

    /**
     * Weights that do not fit the chosen model are left. Nobody can tell what follows a map of any kind: there, one of them is always chosen.
     */
    function suit() {
        const before = JSON.stringify(held.units);
        for (const unit of held.units) {
            const fit = fitting(unit.kind).map(({ id }) => id);
            if (unit.model && fit.length && !fit.includes(unit.model)) unit.model = null;
            if (kinds[unit.kind]?.ready) unit.model ??= fit[0] ?? null;
        }
        if (JSON.stringify(held.units) !== before) commit();
    }

    // What came from the server: kept, or of a picture whose settings are used.
    function take() {
        held.units = (kept.value?.units ?? []).map((unit) => ({ ...fresh(unit.kind), ...unit }));
        held.seen = { ...kept.value?.seen };
        held.gone = null;
        states.clear();
        if (held.units.length) open();
        draw();
        held.units.forEach(renew);
    }

    function commit() {
        const { units, seen } = held;
        for (const unit of units) unit.names = { image: seen[unit.image ?? ""]?.name ?? "", map: seen[unit.map ?? ""]?.name ?? "" };
        const named = new Set(units.flatMap(({ image, map }) => [image, map]));
        kept.value = structuredClone({ units, seen: Object.fromEntries(Object.entries(seen).filter(([id]) => named.has(id))) });
    }

    /**
     * A unit was changed: what is said against it is over, and its map made anew where that is quick.
     * @param {Unit} unit
     * @param {Partial<Unit>} values
     */
    function changed(unit, values) {
        Object.assign(unit, values);
        state(unit).fault = "";
        held.inHand = unit.key;
        commit();
        draw();
        renew(unit);
    }

    /**
     * @param {Unit} unit
     * @param {string} kind
     */
    function turn(unit, kind) {
        // What was placed by hand is a map of that kind alone.
        const map = held.seen[unit.map ?? ""]?.pose ? null : unit.map;
        Object.assign(unit, { kind, map, options: {}, model: null });
        clearTimeout(state(unit).timer);
        states.delete(unit.key);
        commit();
        draw();
        renew(unit);
    }

    /**
     * @param {Unit} unit
     * @param {number} [at]
     */
    function grow(unit, at = held.units.length) {
        held.units.splice(at, 0, unit);
        Object.assign(held, { gone: null, inHand: unit.key });
        open();
        commit();
        draw();
        return unit;
    }

    /** @param {Unit} unit */
    function remove(unit) {
        const at = held.units.indexOf(unit);
        held.units.splice(at, 1);
        held.gone = { at, unit };
        commit();
        draw();
    }

    /**
     * @param {Unit} unit
     * @param {string} words
     */
    function complain(unit, words) {
        state(unit).fault = words;
        draw();
    }

    /**
     * @param {Unit} unit
     * @param {"image" | "map"} side
     * @param {File} file
     */
    async function bring(unit, side, file) {
        const arrived = await upload(file).catch(() => null);
        const answer = arrived ? await server.bring({ path: arrived.path, name: file.name }) : { fault: `${file.name} did not arrive. Check the connection and try again.` };
        if (!held.units.includes(unit)) return;
        if (answer.fault !== undefined) complain(unit, answer.fault);
        else receive(unit, side, answer.picture);
    }

    /**
     * A control of this kind with this picture: the one that is there already, else a new one.
     * @param {string} kind
     * @param {File} file
     */
    function give(kind, file) {
        return bring(held.units.find((unit) => unit.kind === kind) ?? grow(fresh(kind)), "image", file);
    }

    /**
     * @param {Unit} unit
     * @param {"image" | "map"} side
     * @param {StoredPicture} picture
     */
    function receive(unit, side, picture) {
        held.seen[picture.id] = picture;
        if (side === "image") state(unit).preview = null;
        changed(unit, { [side]: picture.id });
    }

    /**
     * @param {Unit} unit
     * @param {"image" | "map"} side
     * @param {{ file: string, name: string }} picture
     */
    async function fetched(unit, side, { file, name }) {
        const blob = await (await fetch(file)).blob();
        bring(unit, side, new File([blob], name, { type: blob.type }));
    }

    /**
     * @param {DragEvent} event
     * @param {Unit} unit
     * @param {"image" | "map"} side
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
        const free = held.units.filter((unit) => usable(unit) && !unit.image && !unit.map);
        const found = free.find(({ key }) => key === held.inHand) ?? free[0];
        return found ?? (offered().length ? held.add(offered()[0]) : null);
    }

    return Object.assign(held, maps);
}
