// The pose editor: people as 18 joints each, dragged over a picture or a blank canvas, by pointer, finger or keys.
import { focused, make } from "./dom.js";
import { canvasSize, openEditorDialog } from "./editor_dialog.js";

/** @typedef {number[]} Point */
/** @typedef {(Point | null)[]} Person */

/** @param {any} given */
export async function openPoseEditor(given) {
    const { server, picture, find, fault, done } = given;
    // How near a joint or a limb has to be to be caught, in pixels of the screen.
    const NEAR = 24;
    const LIMB = 12;
    const FAR = 10;
    const STANDING = "standing";
    const size = canvasSize(given.size, 1024);
    const facts = await server.poses({});
    if (!facts) return;
    const { joints, limbs, colours, poses } = facts;
    const mirrored = joints.map((/** @type {string} */ name) => joints.indexOf(name.replace(/^(left|right)_/, (/** @type {any} */ side) => (side === "left_" ? "right_" : "left_"))));
    /** @param {number} joint */
    const worded = (joint) => joints[joint].replace("_", " ").replace(/^./, (/** @type {string} */ letter) => letter.toUpperCase());
    const at = Object.fromEntries(joints.map((/** @type {string} */ name, /** @type {number} */ index) => [name, index]));

    /**
     * @param {Person} person
     * @param {Handler} act
     */
    const moved = (person, act) => person.map((/** @type {any} */ point) => point && act(point));
    /** @param {any} given */
    const clamped = ([x, y]) => [Math.min(size.width, Math.max(0, x)), Math.min(size.height, Math.max(0, y))];

    // A person is 18 joints, each [x, y] or null where it is hidden.
    /** @type {Person[]} */
    let people = given.pose ? placed(given.pose) : [];
    let chosen = 0;
    /** @type {string[]} */
    let past = [];
    /** @type {string[]} */
    let future = [];
    let saved = JSON.stringify(people);

    /**
     * @param {string} tag
     * @param {Told} attributes
     * @param {...Node} children
     */
    const ns = (tag, attributes, ...children) => {
        const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
        for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
        node.append(...children);
        return node;
    };
    /**
     * @param {number[]} colour
     * @param {number} [light]
     */
    const rgb = (colour, light = 1) => `rgb(${colour.map((/** @type {number} */ level) => Math.round(level * light)).join()})`;
    const pixel = () => size.width / (svg.getBoundingClientRect().width || size.width);
    /**
     * @param {any} given
     * @param {number[]} colour
     * @param {string} kind
     * @param {number} radius
     */
    const dot = ([cx, cy], colour, kind, radius) => ns("circle", { cx, cy, r: radius * pixel(), class: kind, fill: rgb(colour) });
    /** @param {Person} person */
    const bones = (person) => limbs.flatMap((/** @type {any} */ [from, to], /** @type {number} */ index) => (person[from] && person[to]
        ? [ns("line", { x1: person[from][0], y1: person[from][1], x2: person[to][0], y2: person[to][1], class: "bone", stroke: rgb(colours[index], 0.6) })] : []));

    const svg = ns("svg", { viewBox: `0 0 ${size.width} ${size.height}`, class: "pose-canvas", role: "group", "aria-label": "Joints" });
    /**
     * The handle of a joint, by what its name is.
     * @param {string} what
     * @returns {SVGElement | null}
     */
    const handleOf = (what) => svg.querySelector(`[data-joint${what}]`);
    const who = make("div", { class: "who", role: "group", "aria-label": "People" });
    const hidden = make("div", { class: "hidden-joints", role: "group", "aria-label": "Hidden joints" });
    const tools = {
        Mirror: () => change(() => { people[chosen] = flipped(people[chosen]); }),
        Larger: () => change(() => { people[chosen] = scaled(people[chosen], 1.1); }),
        Smaller: () => change(() => { people[chosen] = scaled(people[chosen], 1 / 1.1); }),
        "Remove person": () => change(() => { people.splice(chosen, 1); chosen = Math.max(0, chosen - 1); }),
    };
    /**
     * @param {string} label
     * @param {Handler} act
     * @param {Attributes} [more]
     */
    const button = (label, act, more) => make("button", { type: "button", class: "plain", onclick: act, ...more }, label);
    const ofPerson = Object.entries(tools).map(([label, act]) => button(label, act));
    const undo = button("Undo", () => step(past, future), { title: "Undo (Ctrl Z)" });
    const redo = button("Redo", () => step(future, past), { title: "Redo (Ctrl Y)" });
    const file = make("input", { type: "file", accept: ".json,application/json", class: "unseen", tabindex: -1, "aria-label": "Pose file", onchange: () => { bring(file.files?.[0]); } });
    const shelf = make("div", { class: "shelf", role: "group", "aria-label": "Poses" }, ...poses.map((/** @type {any} */ one) => {
        const small = ns("svg", { viewBox: `0 0 ${one.pose.canvas_width} ${one.pose.canvas_height}`, "aria-hidden": "true" });
        for (const person of read(one.pose)) small.append(...bones(person));
        return make("button", { type: "button", class: "shelf-pose", title: one.name, "aria-label": one.name, onclick: () => place(one.pose) }, small);
    }));
    const desk = openEditorDialog("Pose", {
        tools: [who, make("span", { class: "apart" }), ...ofPerson, make("span", { class: "apart" }), undo, redo, make("span", { class: "apart" }),
            ...(find ? [button("From the picture", seek)] : []), button("Import", () => file.click()), button("Export", give), file],
        body: [shelf, make("div", { class: "pose-room" }, svg)],
        foot: [hidden],
        changed: () => JSON.stringify(people) !== saved,
        async finish() {
            const answer = (await server.pose({ pose: written() })) ?? { fault: "The studio did not answer. Try again." };
            if (answer.fault) return answer.fault;
            done(answer.picture);
            return "";
        },
        key(/** @type {any} */ event) {
            const key = event.key.toLowerCase();
            if (!(event.ctrlKey || event.metaKey) || !["z", "y"].includes(key)) return;
            event.preventDefault();
            if (key === "y" || event.shiftKey) step(future, past);
            else step(past, future);
        },
    });

    /** @param {() => unknown} act */
    function change(act) {
        past.push(JSON.stringify(people));
        future = [];
        act();
        draw();
    }

    /**
     * @param {string[]} from
     * @param {string[]} to
     */
    function step(from, to) {
        if (!from.length) return;
        to.push(JSON.stringify(people));
        people = JSON.parse(from.pop() ?? "[]");
        chosen = Math.min(chosen, Math.max(0, people.length - 1));
        draw();
    }

    /**
     * OpenPose's JSON has x, y and confidence of each joint in turn.
     * @param {any} pose
     */
    function read(pose) {
        return pose.people.map((/** @type {any} */ { pose_keypoints_2d: numbers }) => joints.map((/** @type {any} */ _, /** @type {number} */ joint) => (numbers[3 * joint + 2] > 0 ? [numbers[3 * joint], numbers[3 * joint + 1]] : null)));
    }

    function written() {
        /** @param {any} point */
        const triple = (point) => (point ? [...point, 1] : [0, 0, 0]);
        return { people: people.map((person) => ({ pose_keypoints_2d: person.flatMap(triple) })), canvas_width: size.width, canvas_height: size.height };
    }

    /**
     * The people of a pose, its whole canvas fitted into this one.
     * @param {any} pose
     */
    function placed(pose) {
        const scale = Math.min(size.width / pose.canvas_width, size.height / pose.canvas_height);
        const [left, top] = [(size.width - pose.canvas_width * scale) / 2, (size.height - pose.canvas_height * scale) / 2];
        return read(pose).map((/** @type {Person} */ person) => moved(person, (/** @type {any} */ [x, y]) => [x * scale + left, y * scale + top]));
    }

    /** @param {Person} person */
    const middle = (person) => {
        const points = person.filter(Boolean);
        /** @param {number} axis */
        const ends = (axis) => (Math.min(...points.map((/** @type {any} */ point) => point[axis])) + Math.max(...points.map((/** @type {any} */ point) => point[axis]))) / 2;
        return [ends(0), ends(1)];
    };

    /**
     * Hips and the length from there to the neck: by these one person takes the place of another.
     * @param {Person} person
     */
    function trunk(person) {
        const [neck, right, left] = [person[at.neck], person[at.right_hip], person[at.left_hip]];
        if (!neck || !right || !left) return null;
        const hips = [(right[0] + left[0]) / 2, (right[1] + left[1]) / 2];
        return { hips, length: Math.hypot(neck[0] - hips[0], neck[1] - hips[1]) };
    }

    /**
     * A ready-made pose takes the place of the person in hand; one of several people, that of all.
     * @param {any} pose
     */
    function place(pose) {
        const fitted = placed(pose);
        const [old, own] = [people[chosen] && trunk(people[chosen]), trunk(fitted[0])];
        change(() => {
            if (fitted.length > 1 || !people.length) people = fitted;
            else if (!old || !own) people[chosen] = fitted[0];
            else {
                const scale = old.length / own.length;
                people[chosen] = moved(fitted[0], (/** @type {any} */ [x, y]) => [(x - own.hips[0]) * scale + old.hips[0], (y - own.hips[1]) * scale + old.hips[1]]);
            }
            chosen = Math.min(chosen, people.length - 1);
        });
    }

    // Another one stands beside those who are there.
    function join() {
        const [person] = placed(poses.find((/** @type {any} */ { id }) => id === STANDING).pose);
        const aside = [0, 0.25, -0.25, 0.4, -0.4][people.length % 5] * size.width;
        change(() => {
            people.push(moved(person, (/** @type {any} */ [x, y]) => clamped([x + aside, y])));
            chosen = people.length - 1;
        });
    }

    /** @param {Person} person */
    function flipped(person) {
        const [x] = middle(person);
        return mirrored.map((/** @type {number} */ joint) => person[joint] && [2 * x - person[joint][0], person[joint][1]]);
    }

    /**
     * @param {Person} person
     * @param {number} scale
     */
    function scaled(person, scale) {
        const [x, y] = middle(person);
        return moved(person, (/** @type {any} */ point) => [(point[0] - x) * scale + x, (point[1] - y) * scale + y]);
    }

    async function seek() {
        desk.say("Looking for people");
        const found = await find();
        if (!found) return desk.wrong(fault());
        desk.say("");
        change(() => { people = placed(found.pose); chosen = 0; });
    }

    /** @param {any} chosenFile */
    async function bring(chosenFile) {
        file.value = "";
        try {
            const answer = (await server.read_pose({ text: await chosenFile.text(), width: size.width, height: size.height })) ?? { fault: "The studio did not answer. Try again." };
            if (answer.fault) return desk.wrong(answer.fault);
            change(() => { people = placed(answer.pose); chosen = 0; });
            desk.say(answer.said);
            const out = people.findIndex((person) => person.some((point) => point && clamped(point).some((value, axis) => value !== point[axis])));
            if (out >= 0) desk.say(`Person ${out + 1} reaches beyond the canvas.`);
        } catch {
            desk.wrong("The file cannot be read.");
        }
    }

    function give() {
        const link = make("a", { href: URL.createObjectURL(new Blob([JSON.stringify(written())], { type: "application/json" })), download: "pose.json" });
        link.click();
        URL.revokeObjectURL(link.href);
    }

    function draw() {
        const focus = focused()?.dataset.joint;
        svg.replaceChildren(...(picture ? [ns("image", { href: picture.file, width: size.width, height: size.height, preserveAspectRatio: "none", class: "under" })] : []));
        people.forEach((person, number) => svg.append(ns("g", { class: number === chosen ? "person chosen" : "person" }, ...bones(person),
            ...person.flatMap((point, joint) => (point ? [handle(point, joint, number)] : [])))));
        who.replaceChildren(...people.map((_, number) => button(`Person ${number + 1}`, () => { chosen = number; draw(); }, { "aria-pressed": String(number === chosen) })),
            button("Add person", join));
        for (const tool of ofPerson) tool.disabled = !people.length;
        undo.disabled = !past.length;
        redo.disabled = !future.length;
        const lost = (people[chosen] ?? []).flatMap((point, joint) => (point ? [] : [joint]));
        hidden.replaceChildren(...(lost.length ? [make("span", { class: "note" }, "Hidden:")] : []), ...lost.map((joint) => button(worded(joint), () => change(() => reveal(joint)))));
        desk.say("");
        if (focus) handleOf(`="${focus}"`)?.focus();
    }

    /** @param {number} joint */
    function reveal(joint) {
        const near = limbs.flatMap((/** @type {any} */ [from, to]) => (from === joint ? [to] : to === joint ? [from] : [])).find((/** @type {any} */ other) => people[chosen][other]);
        const [x, y] = near === undefined ? middle(people[chosen]) : /** @type {Point} */ (people[chosen][near]);
        people[chosen][joint] = Number.isFinite(x) ? clamped([x + size.width / 20, y - size.width / 20]) : [size.width / 2, size.height / 2];
    }

    /**
     * @param {any} point
     * @param {number} joint
     * @param {number} number
     */
    function handle(point, joint, number) {
        const [x, y] = point.map(Math.round);
        const name = people.length > 1 ? `Person ${number + 1}, ${joints[joint].replace("_", " ")}` : worded(joint);
        const node = ns("g", {
            tabindex: 0, role: "slider", class: "joint", "data-joint": `${number}-${joint}`, "aria-label": name,
            "aria-valuemin": 0, "aria-valuemax": size.width, "aria-valuenow": x, "aria-valuetext": `${x} across, ${y} down`,
        }, dot(point, [255, 255, 255], "ring", 11), dot(point, colours[joint], "dot", 7));
        node.addEventListener("keydown", (/** @type {any} */ event) => press(event, number, joint));
        node.addEventListener("focus", () => { if (chosen !== number) { chosen = number; draw(); } });
        return node;
    }

    /**
     * @param {KeyboardEvent} event
     * @param {number} number
     * @param {number} joint
     */
    function press(event, number, joint) {
        const along = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
        const hides = event.key === "Delete" || event.key === "Backspace";
        if (!along && !hides) return;
        event.preventDefault();
        event.stopPropagation();
        const by = Math.max(1, Math.round(size.width / 256)) * (event.shiftKey ? FAR : 1);
        const [x, y] = /** @type {Point} */ (people[number][joint]);
        const next = joint + 1 + people[number].slice(joint + 1).findIndex(Boolean);
        change(() => { people[number][joint] = along ? clamped([x + along[0] * by, y + along[1] * by]) : null; });
        if (hides) (handleOf(`="${number}-${next}"`) ?? handleOf(`^="${number}-"`))?.focus();
    }

    /**
     * What the pointer takes hold of: the nearest joint, of the person in hand first; else a limb, by which all of a person is moved.
     * @param {any} given
     */
    function caught([x, y]) {
        const reach = people.flatMap((person, number) => person.flatMap((point, joint) => (point
            ? [{ number, joint, away: Math.hypot(point[0] - x, point[1] - y) / pixel() + (number === chosen ? 0 : 6) }] : [])));
        const [joint] = reach.filter(({ away }) => away < NEAR).sort((a, b) => a.away - b.away);
        if (joint) return joint;
        const bodies = people.flatMap((person, number) => limbs.flatMap((/** @type {any} */ [from, to]) => (person[from] && person[to]
            ? [{ number, joint: null, away: beside([x, y], person[from], person[to]) / pixel() }] : [])));
        return bodies.filter(({ away }) => away < LIMB).sort((a, b) => a.away - b.away)[0];
    }

    /**
     * @param {any} given
     * @param {any} given
     * @param {any} given
     */
    function beside([x, y], [ax, ay], [bx, by]) {
        const long = (bx - ax) ** 2 + (by - ay) ** 2 || 1;
        const share = Math.min(1, Math.max(0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / long));
        return Math.hypot(ax + share * (bx - ax) - x, ay + share * (by - ay) - y);
    }

    /** @type {any} */
    let drag = null;
    /** @param {PointerEvent} event */
    const where = (event) => {
        const box = svg.getBoundingClientRect();
        return [((event.clientX - box.left) / box.width) * size.width, ((event.clientY - box.top) / box.height) * size.height];
    };
    svg.addEventListener("pointerdown", (/** @type {any} */ event) => {
        const point = where(event);
        const hit = caught(point);
        if (!hit || event.button) return;
        event.preventDefault();
        svg.setPointerCapture(event.pointerId);
        chosen = hit.number;
        drag = { ...hit, point, before: JSON.stringify(people) };
        draw();
        if (hit.joint !== null) handleOf(`="${hit.number}-${hit.joint}"`)?.focus();
    });
    svg.addEventListener("pointermove", (/** @type {any} */ event) => {
        if (!drag) return;
        const point = where(event);
        const person = people[drag.number];
        if (drag.joint === null) people[drag.number] = moved(person, (/** @type {any} */ [x, y]) => [x + point[0] - drag.point[0], y + point[1] - drag.point[1]]);
        else person[drag.joint] = clamped(point);
        drag.point = point;
        draw();
    });
    for (const end of ["pointerup", "pointercancel"]) {
        svg.addEventListener(end, () => {
            if (drag && drag.before !== JSON.stringify(people)) {
                past.push(drag.before);
                future = [];
            }
            drag = null;
            draw();
        });
    }
    svg.style.setProperty("--aspect", `${size.width} / ${size.height}`);
    svg.style.setProperty("--shape", String(size.width / size.height));
    if (!people.length) {
        join();
        past = [];
        saved = JSON.stringify(people);
    }
    new ResizeObserver(draw).observe(svg);
}
