// People of a pose as 18 joints each, and how they are placed, turned and made larger.

/** @typedef {[number, number]} Point */
/** @typedef {(Point | null)[]} Person A joint that is hidden is null. */
/** @typedef {{ width: number, height: number }} Size */

/**
 * @param {Person} person
 * @param {(point: Point) => Point} act
 * @returns {Person}
 */
export const moved = (person, act) => person.map((point) => point && act(point));

/**
 * @param {Point} point
 * @param {Size} size
 * @returns {Point}
 */
export const clamped = ([x, y], { width, height }) => [Math.min(width, Math.max(0, x)), Math.min(height, Math.max(0, y))];

/**
 * OpenPose's JSON has x, y and confidence of each joint in turn.
 * @param {Pose} pose
 * @param {number} joints
 * @returns {Person[]}
 */
export const read = (pose, joints) => pose.people.map(({ pose_keypoints_2d: numbers }) => Array.from({ length: joints }, (_, joint) => (numbers[3 * joint + 2] > 0 ? /** @type {Point} */ ([numbers[3 * joint], numbers[3 * joint + 1]]) : null)));

/**
 * @param {Person[]} people
 * @param {Size} size
 * @returns {Pose}
 */
export const written = (people, { width, height }) => ({
    people: people.map((person) => ({ pose_keypoints_2d: person.flatMap((point) => (point ? [...point, 1] : [0, 0, 0])) })), canvas_width: width, canvas_height: height,
});

/**
 * The people of a pose, its whole canvas fitted into this one.
 * @param {Pose} pose
 * @param {Size} size
 * @param {number} joints
 */
export function placed(pose, size, joints) {
    const scale = Math.min(size.width / pose.canvas_width, size.height / pose.canvas_height);
    const [left, top] = [(size.width - pose.canvas_width * scale) / 2, (size.height - pose.canvas_height * scale) / 2];
    return read(pose, joints).map((person) => moved(person, ([x, y]) => [x * scale + left, y * scale + top]));
}

/**
 * The middle of what is seen of a person; not a number where nothing is.
 * @param {Person} person
 * @returns {Point}
 */
export function middle(person) {
    const points = person.filter((point) => point !== null);
    /** @param {0 | 1} axis */
    const ends = (axis) => (Math.min(...points.map((point) => point[axis])) + Math.max(...points.map((point) => point[axis]))) / 2;
    return [ends(0), ends(1)];
}

/**
 * @param {Person} person
 * @param {number[]} mirrored The joint of the other side for each.
 * @returns {Person}
 */
export function flipped(person, mirrored) {
    const [x] = middle(person);
    return moved(mirrored.map((joint) => person[joint]), ([left, y]) => [2 * x - left, y]);
}

/**
 * @param {Person} person
 * @param {number} scale
 */
export function scaled(person, scale) {
    const [x, y] = middle(person);
    return moved(person, ([left, top]) => [(left - x) * scale + x, (top - y) * scale + y]);
}

/**
 * One person in the place of another: hips on hips, as long from there to the neck; null where one of them shows too little.
 * @param {Person} person
 * @param {Person | undefined} before
 * @param {string[]} joints
 */
export function inPlaceOf(person, before, joints) {
    const [old, own] = [before && trunk(before, joints), trunk(person, joints)];
    if (!old || !own) return null;
    const scale = old.length / own.length;
    return moved(person, ([x, y]) => [(x - own.hips[0]) * scale + old.hips[0], (y - own.hips[1]) * scale + old.hips[1]]);
}

/**
 * @param {Person} person
 * @param {string[]} joints
 */
function trunk(person, joints) {
    const [neck, right, left] = ["neck", "right_hip", "left_hip"].map((name) => person[joints.indexOf(name)]);
    if (!neck || !right || !left) return null;
    const hips = [(right[0] + left[0]) / 2, (right[1] + left[1]) / 2];
    return { hips, length: Math.hypot(neck[0] - hips[0], neck[1] - hips[1]) };
}

/**
 * How far a point is from the line between two others.
 * @param {Point} point
 * @param {Point} from
 * @param {Point} to
 */
export function beside([x, y], [ax, ay], [bx, by]) {
    const long = (bx - ax) ** 2 + (by - ay) ** 2 || 1;
    const share = Math.min(1, Math.max(0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / long));
    return Math.hypot(ax + share * (bx - ax) - x, ay + share * (by - ay) - y);
}
