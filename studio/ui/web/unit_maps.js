// The maps of control units: made of their pictures by the server, anew where a setting is quick to follow.
import { facts } from "./form.js";

// How long a setting rests until its map is made anew, and how often is asked how far a slow one is, in milliseconds.
const REST = 150;
const ASK = 700;

/** @typedef {import("./control_units.js").Unit} Unit */

/**
 * What is known of a unit besides: what is wrong, the map as it was made last and what of, the one in the making and what is said of that,
 * what has to be downloaded first, and what the last one was asked for, made or not.
 * @typedef {{ fault: string, preview: { picture: StoredPicture, of: string } | null, token: string | null, said: string, wants: string, tried: string, timer?: Timer }} UnitState
 */

let serial = 0;

/**
 * @param {Server<{ preview: { picture: StoredPicture | null, wants: string }, people: { pose: Pose }, saying: Said }>} server
 * @param {Record<string, Kind>} kinds
 * @param {{ source: (unit: Unit) => string | null, draw: () => void, isHeld: (unit: Unit) => boolean, hold: (unit: Unit) => void }} units
 */
export function unitMaps(server, kinds, { source, draw, isHeld, hold }) {
    /** @type {Map<string, UnitState>} */
    const states = new Map();

    /** @param {Unit} unit */
    function state({ key }) {
        const found = states.get(key) ?? { fault: "", preview: null, token: null, said: "", wants: "", tried: "" };
        states.set(key, found);
        return found;
    }

    /** @param {Unit} unit What its map hangs on. */
    function basis(unit) {
        return JSON.stringify([unit.kind, source(unit), unit.options, unit.resize, facts()?.model.id]);
    }

    /** @param {Unit} unit */
    function isStale(unit) {
        const made = state(unit).preview;
        return made !== null && made.of !== basis(unit);
    }

    /**
     * Makes the map of a unit that has a picture and none yet; anew where its settings were changed and that is quick.
     * @param {Unit} unit
     */
    function renew(unit) {
        const { maps, ready, slow } = kinds[unit.kind] ?? { maps: false, ready: false, slow: true };
        const own = state(unit);
        const isFirst = own.preview === null && own.token === null && own.tried !== basis(unit);
        if (unit.map || !unit.on || !maps || ready || !source(unit) || !facts()?.controls.fitting[unit.kind]?.length || !(isFirst || (isStale(unit) && !slow))) return;
        clearTimeout(own.timer);
        own.timer = setTimeout(() => preview(unit, true), REST);
    }

    /**
     * The newest of several questions about a unit counts.
     * @template {"preview" | "people"} Name
     * @param {Unit} unit
     * @param {Name} name
     * @param {boolean} [unasked] whether the page makes it by itself, which downloads nothing
     */
    async function ask(unit, name, unasked = false) {
        const own = state(unit);
        const token = own.token = `${unit.key}-${serial++}`;
        own.fault = own.said = own.wants = "";
        draw();
        const poll = setInterval(async () => {
            const answer = await server.saying({ token });
            if (own.token !== token || answer.fault !== undefined || answer.said === own.said) return;
            own.said = answer.said;
            draw();
        }, ASK);
        const answer = await server[name]({ token, unit: { ...unit, map: null, image: source(unit) }, model: facts()?.model.id, unasked });
        clearInterval(poll);
        // Of another kind by now, or asked again.
        if (own.token !== token || state(unit) !== own) return null;
        own.token = null;
        own.fault = answer.fault ?? "";
        draw();
        return answer.fault === undefined ? answer : null;
    }

    /** @param {Unit} unit */
    function people(unit) {
        return ask(unit, "people");
    }

    /**
     * @param {Unit} unit
     * @param {boolean} [unasked]
     */
    async function preview(unit, unasked = false) {
        // It was removed while its settings rested.
        if (!isHeld(unit)) return;
        if (!source(unit)) {
            state(unit).fault = "There is no picture to make the map of. Drop one here, or choose a file.";
            return draw();
        }
        const of = state(unit).tried = basis(unit);
        const answer = await ask(unit, "preview", unasked);
        if (!answer) return;
        if (answer.picture) state(unit).preview = { picture: answer.picture, of };
        else state(unit).wants = answer.wants;
        if (!unasked) hold(unit);
        draw();
        if (!answer.picture) return;
        renew(unit);
    }

    return { state, states, isStale, renew, preview, people };
}
