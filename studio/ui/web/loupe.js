// A loupe over a picture and what it was made from: both magnified at the pointer, side by side in one circle.
import { html } from "./vendor/lit.js";

// Across, in pixels of the page; how much larger than the picture stands there, and one pixel of it on the screen, at least.
const ACROSS = 220;
const LARGER = 3;
const PIXEL = 2;

/**
 * What the loupe shows, and what moves it; it stands in an element that is as large as the picture.
 * @param {{ before: string, file: string, width: number }} picture
 */
export function loupe({ before, file, width }) {
    const half = (/** @type {string} */ address) => html`<span style=${`background-image: url("${address}")`}></span>`;
    return {
        glass: html`<div class="loupe" aria-hidden="true" hidden>${half(before)}${half(file)}</div>`,
        /** @param {any} event */
        move(event) {
            const frame = event.currentTarget;
            const glass = frame.querySelector(".loupe");
            const box = frame.getBoundingClientRect();
            const at = { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
            glass.hidden = at.x < 0 || at.y < 0 || at.x > 1 || at.y > 1;
            const by = Math.max(LARGER, (PIXEL * width) / box.width / devicePixelRatio);
            glass.style.transform = `translate(${event.clientX - box.left - ACROSS / 2}px, ${event.clientY - box.top - ACROSS / 2}px)`;
            // Both halves show the same place, in their middle.
            for (const side of glass.children) {
                side.style.backgroundSize = `${box.width * by}px ${box.height * by}px`;
                side.style.backgroundPosition = `${ACROSS / 4 - at.x * box.width * by}px ${ACROSS / 2 - at.y * box.height * by}px`;
            }
        },
        /** @param {any} event */
        leave({ currentTarget: frame }) {
            frame.querySelector(".loupe").hidden = true;
        },
    };
}
