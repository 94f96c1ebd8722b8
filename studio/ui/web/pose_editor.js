// The pose editor: people over a picture or a blank canvas, from ready-made poses, from a picture or from a file.
import { make, part } from "./dom.js";
import { canvasSize, openEditorDialog } from "./editor_dialog.js";
import { bones, poseCanvas, worded } from "./pose_canvas.js";
import { clamped, flipped, inPlaceOf, middle, moved, placed, read, scaled, written } from "./pose_people.js";
import { html, nothing, svg } from "./vendor/lit.js";

const LONGEST = 1024;
const STANDING = "standing";
// Where each next person stands beside the first, as a share of the width.
const ASIDE = [0, 0.25, -0.25, 0.4, -0.4];

/** @typedef {{ poses: PoseFacts, pose: { picture: StoredPicture }, read_pose: { pose: Pose, said: string } }} PoseActs */
/** @typedef {import("./pose_people.js").Person} Person */

/**
 * `find` looks for people in the picture, `fault` says why none came; `done` takes the map of the pose.
 * @param {{ server: Server<PoseActs>, picture: StoredPicture | undefined, size: { width: number, height: number }, pose: Pose | null, find: (() => Promise<{ pose: Pose } | null>) | null, fault: () => string, done: (map: StoredPicture) => void }} given
 */
export async function openPoseEditor({ server, picture, size: shape, pose, find, fault, done }) {
    const size = canvasSize(shape, LONGEST);
    const answer = await server.poses();
    if (answer.fault !== undefined) return;
    /** @type {PoseFacts} */
    const facts = answer;
    const { joints, limbs, poses } = facts;
    const mirrored = joints.map((name) => joints.indexOf(name.replace(/^(left|right)_/, (side) => (side === "left_" ? "right_" : "left_"))));
    /** @param {Pose} given */
    const people = (given) => placed(given, size, joints.length);

    const scene = { /** @type {Person[]} */ people: pose ? people(pose) : [], chosen: 0, draw, hold };
    const chosen = () => scene.people[scene.chosen];
    /** @type {string[]} */
    let past = [];
    /** @type {string[]} */
    let future = [];
    if (!scene.people.length) join();
    past = [];
    const begun = JSON.stringify(scene.people);

    const canvas = poseCanvas(facts, size, scene, () => desk.dialog);
    /** @type {Record<string, () => void>} */
    const tools = {
        Mirror: () => put(flipped(chosen(), mirrored)),
        Larger: () => put(scaled(chosen(), 1.1)),
        Smaller: () => put(scaled(chosen(), 1 / 1.1)),
        "Remove person": () => change(() => { scene.people.splice(scene.chosen, 1); scene.chosen = Math.max(0, scene.chosen - 1); }),
    };
    const desk = openEditorDialog("Pose", {
        tools: toolbar, foot, body: () => html`<div class="shelf" role="group" aria-label="Poses">${poses.map(small)}</div><div class="pose-room">${canvas(picture)}</div>`,
        changed: () => JSON.stringify(scene.people) !== begun, undo: () => step(past, future), redo: () => step(future, past),
        async finish() {
            const answer = await server.pose({ pose: written(scene.people, size) });
            if (answer.fault !== undefined) return answer.fault;
            done(answer.picture);
            return "";
        },
    });
    function draw() {
        desk.draw();
    }

    /** @param {string} before */
    function hold(before) {
        past.push(before);
        future = [];
    }

    /** @param {() => unknown} act */
    function change(act) {
        hold(JSON.stringify(scene.people));
        act();
        draw();
    }

    /** @param {Person} person */
    const put = (person) => change(() => { scene.people[scene.chosen] = person; });

    /**
     * @param {string[]} from
     * @param {string[]} to
     */
    function step(from, to) {
        if (!from.length) return;
        to.push(JSON.stringify(scene.people));
        scene.people = JSON.parse(from.pop() ?? "[]");
        scene.chosen = Math.min(scene.chosen, Math.max(0, scene.people.length - 1));
        draw();
    }

    /**
     * @param {string} words
     * @param {() => unknown} act
     * @param {{ disabled?: boolean, pressed?: boolean, title?: string }} [more]
     */
    function button(words, act, { disabled = false, pressed, title } = {}) {
        return html`<button type="button" class="plain" title=${title ?? nothing} aria-pressed=${pressed === undefined ? nothing : String(pressed)} ?disabled=${disabled} @click=${act}>${words}</button>`;
    }

    function toolbar() {
        const apart = html`<span class="apart"></span>`;
        return html`<div class="who" role="group" aria-label="People">${scene.people.map((_, at) => button(`Person ${at + 1}`, () => { scene.chosen = at; draw(); }, { pressed: at === scene.chosen }))}${button("Add person", () => change(join))}</div>
            ${apart}${Object.entries(tools).map(([words, act]) => button(words, act, { disabled: !scene.people.length }))}
            ${apart}${button("Undo", () => step(past, future), { title: "Undo (Ctrl Z)", disabled: !past.length })}${button("Redo", () => step(future, past), { title: "Redo (Ctrl Y)", disabled: !future.length })}
            ${apart}${find ? button("From the picture", seek) : nothing}${button("Import", () => part(desk.dialog, "[type=file]").click())}${button("Export", give)}
            <input type="file" accept=".json,application/json" class="unseen" tabindex="-1" aria-label="Pose file" @change=${({ target: file }) => { bring(file.files[0]); file.value = ""; }}>`;
    }

    function foot() {
        const lost = (chosen() ?? []).flatMap((point, joint) => (point ? [] : [joint]));
        return html`<div class="hidden-joints" role="group" aria-label="Hidden joints">${lost.length ? html`<span class="note">Hidden:</span>` : nothing}${lost.map((joint) => button(worded(joints[joint]), () => change(() => reveal(joint))))}</div>`;
    }

    /** @param {{ name: string, pose: Pose }} ready */
    function small({ name, pose: ready }) {
        return html`<button type="button" class="shelf-pose" title=${name} aria-label=${name} @click=${() => place(ready)}><svg viewBox=${`0 0 ${ready.canvas_width} ${ready.canvas_height}`} aria-hidden="true">${read(ready, joints.length).map((person) => svg`<g>${bones(person, facts)}</g>`)}</svg></button>`;
    }

    /**
     * A ready-made pose takes the place of the person in hand; one of several people, that of all.
     * @param {Pose} ready
     */
    function place(ready) {
        const fitted = people(ready);
        change(() => {
            if (fitted.length > 1 || !scene.people.length) scene.people = fitted;
            else scene.people[scene.chosen] = inPlaceOf(fitted[0], chosen(), joints) ?? fitted[0];
            scene.chosen = Math.min(scene.chosen, scene.people.length - 1);
        });
    }

    // Another one stands beside those who are there.
    function join() {
        const standing = poses.find(({ id }) => id === STANDING);
        if (!standing) return;
        const aside = ASIDE[scene.people.length % ASIDE.length] * size.width;
        scene.people.push(moved(people(standing.pose)[0], ([x, y]) => clamped([x + aside, y], size)));
        scene.chosen = scene.people.length - 1;
    }

    /** @param {number} joint A joint that was hidden is near one that it hangs on. */
    function reveal(joint) {
        const person = chosen();
        const near = limbs.flatMap(([from, to]) => (from === joint ? [to] : to === joint ? [from] : [])).find((other) => person[other]);
        const [x, y] = (near === undefined ? null : person[near]) ?? middle(person);
        person[joint] = Number.isFinite(x) ? clamped([x + size.width / 20, y - size.width / 20], size) : [size.width / 2, size.height / 2];
    }

    async function seek() {
        desk.say("Looking for people");
        const found = await find?.();
        if (!found) return desk.say(fault(), true);
        change(() => { scene.people = people(found.pose); scene.chosen = 0; });
        desk.say("");
    }

    /** @param {File} file */
    async function bring(file) {
        const text = await file.text().catch(() => null);
        if (text === null) return desk.say("The file cannot be read.", true);
        const answer = await server.read_pose({ text, ...size });
        if (answer.fault !== undefined) return desk.say(answer.fault, true);
        change(() => { scene.people = people(answer.pose); scene.chosen = 0; });
        const out = scene.people.findIndex((person) => person.some((point) => point && clamped(point, size).some((value, axis) => value !== point[axis])));
        desk.say(out >= 0 ? `Person ${out + 1} reaches beyond the canvas.` : answer.said);
    }

    function give() {
        const link = make("a", { href: URL.createObjectURL(new Blob([JSON.stringify(written(scene.people, size))], { type: "application/json" })), download: "pose.json" });
        link.click();
        URL.revokeObjectURL(link.href);
    }

    draw();
    new ResizeObserver(draw).observe(part(desk.dialog, ".pose-room"));
}
