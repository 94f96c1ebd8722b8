// What the studio is at, in the header: asked for now and then, often while something is made, and at once when one's own jobs move.
import { panels } from "./panels.js";

// Milliseconds between two looks, while something runs or waits, and while nothing does.
const BUSY = 3000;
const IDLE = 10_000;

/**
 * @param {HTMLElement} element
 * @param {Island<string>["watch"]} watch
 * @param {Tell} tell
 */
export function keepLooking(element, watch, { again }) {
    /** @type {Timer} */
    let resting;

    function rest() {
        clearTimeout(resting);
        resting = setTimeout(ask, element.querySelector(".line-of-jobs") ? BUSY : IDLE);
    }

    function ask() {
        if (!document.hidden) again();
        rest();
    }

    panels.status = { ask };
    watch("value", rest);
    rest();
}
