// The people of a pose on a canvas: drawn, and dragged by pointer, finger or keys.
import { beside, clamped, moved } from "./pose_people.js";
import { html, nothing, svg } from "./vendor/lit.js";

// How near a joint or a limb has to be to be caught, in pixels of the screen; how far the chosen person is preferred.
const NEAR = 24;
const LIMB = 12;
const FIRST = 6;
const FAR = 10;

/** @typedef {import("./pose_people.js").Point} Point */
/** @typedef {import("./pose_people.js").Person} Person */

/**
 * What the canvas shows and changes: `hold` keeps what was there before a change, to come back to.
 * @typedef {{ people: Person[], chosen: number, draw: () => void, hold: (before: string) => void }} Scene
 */

/**
 * @param {number[]} colour
 * @param {number} [level]
 */
const rgb = (colour, level = 1) => `rgb(${colour.map((one) => Math.round(one * level)).join()})`;

/**
 * The bones of a person.
 * @param {Person} person
 * @param {PoseFacts} facts
 */
export const bones = (person, { limbs, colours }) => limbs.map(([from, to], at) => {
    const [start, end] = [person[from], person[to]];
    return start && end ? svg`<line x1=${start[0]} y1=${start[1]} x2=${end[0]} y2=${end[1]} class="bone" stroke=${rgb(colours[at], 0.6)}></line>` : nothing;
});

/**
 * @param {PoseFacts} facts
 * @param {{ width: number, height: number }} size
 * @param {Scene} scene
 * @param {() => HTMLElement} room
 */
export function poseCanvas(facts, size, scene, room) {
    const { joints, limbs, colours } = facts;
    /** @type {{ number: number, joint: number | null, point: Point, before: string } | null} */
    let drag = null;
    const canvas = () => room().querySelector(".pose-canvas");
    /** How many of its own units a pixel of the screen is. */
    const pixel = () => size.width / (canvas()?.getBoundingClientRect().width || size.width);
    /** @param {string} what */
    const handleOf = (what) => /** @type {SVGElement | null} */ (room().querySelector(`[data-joint${what}]`));

    /** @param {StoredPicture | undefined} picture */
    const draw = (picture) => html`<svg viewBox=${`0 0 ${size.width} ${size.height}`} class="pose-canvas" role="group" aria-label="Joints" style=${`--aspect: ${size.width} / ${size.height}; --shape: ${size.width / size.height}`}
            @pointerdown=${take} @pointermove=${follow} @pointerup=${drop} @pointercancel=${drop}>
        ${picture ? svg`<image href=${picture.file} width=${size.width} height=${size.height} preserveAspectRatio="none" class="under"></image>` : nothing}
        ${scene.people.map((person, number) => svg`<g class=${number === scene.chosen ? "person chosen" : "person"}>${bones(person, facts)}${person.map((point, joint) => (point ? handle(point, joint, number) : nothing))}</g>`)}</svg>`;

    /**
     * @param {Point} point
     * @param {number} joint
     * @param {number} number
     */
    function handle(point, joint, number) {
        const [x, y] = point.map(Math.round);
        const name = scene.people.length > 1 ? `Person ${number + 1}, ${joints[joint].replace("_", " ")}` : worded(joints[joint]);
        return svg`<g tabindex="0" role="slider" class="joint" data-joint=${`${number}-${joint}`} aria-label=${name} aria-valuemin="0" aria-valuemax=${size.width} aria-valuenow=${x} aria-valuetext=${`${x} across, ${y} down`}
            @keydown=${(event) => press(event, number, joint)} @focus=${() => { if (scene.chosen !== number) { scene.chosen = number; scene.draw(); } }}>
            <circle cx=${point[0]} cy=${point[1]} r=${11 * pixel()} class="ring" fill="rgb(255,255,255)"></circle><circle cx=${point[0]} cy=${point[1]} r=${7 * pixel()} class="dot" fill=${rgb(colours[joint])}></circle></g>`;
    }

    /**
     * @param {KeyboardEvent} event
     * @param {number} number
     * @param {number} joint
     */
    function press(event, number, joint) {
        const along = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
        const hides = event.key === "Delete" || event.key === "Backspace";
        const person = scene.people[number];
        const at = person[joint];
        if (!at || (!along && !hides)) return;
        event.preventDefault();
        event.stopPropagation();
        const by = Math.max(1, Math.round(size.width / 256)) * (event.shiftKey ? FAR : 1);
        const next = joint + 1 + person.slice(joint + 1).findIndex(Boolean);
        scene.hold(JSON.stringify(scene.people));
        person[joint] = along ? clamped([at[0] + along[0] * by, at[1] + along[1] * by], size) : null;
        scene.draw();
        if (hides) (handleOf(`="${number}-${next}"`) ?? handleOf(`^="${number}-"`))?.focus();
    }

    /**
     * What the pointer takes hold of: the nearest joint, of the person in hand first; else a limb, by which all of a person is moved.
     * @param {Point} at
     * @returns {{ number: number, joint: number | null, away: number } | undefined}
     */
    function caught(at) {
        const near = scene.people.flatMap((person, number) => person.flatMap((point, joint) => (point
            ? [{ number, joint, away: Math.hypot(point[0] - at[0], point[1] - at[1]) / pixel() + (number === scene.chosen ? 0 : FIRST) }] : [])));
        const [joint] = near.filter(({ away }) => away < NEAR).sort((a, b) => a.away - b.away);
        if (joint) return joint;
        const bodies = scene.people.flatMap((person, number) => limbs.flatMap(([from, to]) => {
            const [start, end] = [person[from], person[to]];
            return start && end ? [{ number, joint: null, away: beside(at, start, end) / pixel() }] : [];
        }));
        return bodies.filter(({ away }) => away < LIMB).sort((a, b) => a.away - b.away)[0];
    }

    /**
     * @param {PointerEvent} event
     * @returns {Point}
     */
    function where({ clientX, clientY }) {
        const box = /** @type {SVGElement} */ (canvas()).getBoundingClientRect();
        return [((clientX - box.left) / box.width) * size.width, ((clientY - box.top) / box.height) * size.height];
    }

    /** @param {PointerEvent} event */
    function take(event) {
        const point = where(event);
        const hit = caught(point);
        if (!hit || event.button) return;
        event.preventDefault();
        canvas()?.setPointerCapture(event.pointerId);
        scene.chosen = hit.number;
        drag = { ...hit, point, before: JSON.stringify(scene.people) };
        scene.draw();
        if (hit.joint !== null) handleOf(`="${hit.number}-${hit.joint}"`)?.focus();
    }

    /** @param {PointerEvent} event */
    function follow(event) {
        if (!drag) return;
        const point = where(event);
        const [right, down] = [point[0] - drag.point[0], point[1] - drag.point[1]];
        if (drag.joint === null) scene.people[drag.number] = moved(scene.people[drag.number], ([x, y]) => [x + right, y + down]);
        else scene.people[drag.number][drag.joint] = clamped(point, size);
        drag.point = point;
        scene.draw();
    }

    function drop() {
        if (drag && drag.before !== JSON.stringify(scene.people)) scene.hold(drag.before);
        drag = null;
        scene.draw();
    }

    return draw;
}

/** @param {string} joint */
export const worded = (joint) => joint.replace("_", " ").replace(/^./, (letter) => letter.toUpperCase());
