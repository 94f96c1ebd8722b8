// The wall of thumbnails: only those that are seen are there, however many the library has. Keys, mouse and fingers choose them.
import { make, parts, target } from "./dom.js";
import { icon } from "./icon.js";
import { html, nothing, render, repeat } from "./vendor/lit.js";

const GAP = 8;
// Rows that are there already behind what is seen, and screens of them the way that one scrolls.
const BEHIND = 3;
const [AHEAD, AHEAD_FAST] = [1.5, 0.5];
// Where more of a screen than this goes by within a frame, colours alone are shown until it rests so long, in milliseconds.
const FAST = 0.6;
const REST = 60;
// How long a finger rests until it selects, in milliseconds.
const LONG = 450;
const STILL = 10;
// What is carried when pictures are dragged.
export const CARRIED = "application/x-image-studio-picture";

/**
 * Where pictures come from, which of them are selected, and what is done with them.
 * @typedef {{ count: () => number, at: (place: number) => LibraryPicture | undefined, tint: (place: number) => string, want: (first: number, last: number) => unknown, near: (first: number) => unknown, size: () => number,
 *     isSelected: (id: string) => boolean, selecting: () => boolean, open: (place: number) => unknown, choose: (place: number, how: "one" | "range" | "toggle") => unknown,
 *     moved: (first: LibraryPicture | undefined) => unknown, keys: (event: KeyboardEvent) => boolean }} Wall
 */

/** @param {Wall} wall */
export function libraryGrid({ count, at, tint, want, near, size, isSelected, selecting, open, choose, moved, keys }) {
    const space = make("div", { role: "presentation", class: "library-space" });
    const element = make("div", { class: "library-wall", role: "listbox", tabindex: "0", "aria-label": "Pictures", "aria-multiselectable": "true" }, space);
    let cursor = 0;
    let [columns, side] = [1, 100];
    let frame = 0;
    let [top, way] = [0, 1];
    let isFast = false;
    /** @type {Timer} */
    let resting;
    let pressed = { timer: /** @type {Timer} */ (undefined), long: false, x: 0, y: 0 };

    function measure() {
        const across = element.clientWidth - 2 * GAP;
        columns = Math.max(2, Math.floor((across + GAP) / (size() + GAP)));
        side = (across - GAP * (columns - 1)) / columns;
    }

    const row = () => side + GAP;

    /**
     * The places that are seen, and some above and below.
     * @returns {[number, number]}
     */
    function bounds() {
        // Of what one only passes little more is made ready than what one sees: a frame has no time for more.
        const ahead = Math.ceil(((isFast ? AHEAD_FAST : AHEAD) * element.clientHeight) / row());
        const behind = isFast ? 0 : BEHIND;
        const first = Math.max(0, Math.floor((element.scrollTop - GAP) / row()) - (way < 0 ? ahead : behind)) * columns;
        const last = Math.min(count(), (Math.ceil((element.scrollTop + element.clientHeight) / row()) + (way > 0 ? ahead : behind)) * columns) - 1;
        return [first, last];
    }

    function scroll() {
        const by = element.scrollTop - top;
        top = element.scrollTop;
        if (by) way = Math.sign(by);
        isFast = Math.abs(by) > FAST * element.clientHeight;
        clearTimeout(resting);
        if (isFast) resting = setTimeout(scroll, REST);
        draw();
    }

    function draw() {
        cancelAnimationFrame(frame);
        frame = 0;
        if (!element.clientWidth) return;
        const [first, last] = bounds();
        cursor = Math.max(0, Math.min(cursor, count() - 1));
        space.style.height = `${Math.ceil(count() / columns) * row() + GAP}px`;
        element.classList.toggle("selecting", selecting());
        if (count()) element.setAttribute("aria-activedescendant", `library-${cursor}`);
        else element.removeAttribute("aria-activedescendant");
        const places = Array.from({ length: Math.max(0, last - first + 1) }, (_, number) => first + number);
        if (!places.includes(cursor) && count()) places.push(cursor);
        render(html`${repeat(places, (place) => place, cell)}`, space);
        if (last >= first) (isFast ? near : want)(first, last);
        moved(at(Math.floor(Math.max(0, element.scrollTop) / row()) * columns));
    }

    /** @param {number} place */
    function cell(place) {
        const picture = at(place);
        const [x, y] = [GAP + (place % columns) * row(), GAP + Math.floor(place / columns) * row()];
        const chosen = picture ? isSelected(picture.id) : false;
        const words = picture ? [picture.star ? "Star" : "", picture.prompt || picture.name].filter(Boolean).join(", ") : "Loading";
        const tinted = picture?.tint || tint(place);
        const isAhead = y + row() < element.scrollTop || y > element.scrollTop + element.clientHeight;
        return html`<div role="option" id=${`library-${place}`} class=${place === cursor ? "library-cell pointed" : "library-cell"} data-place=${place} aria-selected=${String(chosen)} aria-label=${words}
            aria-setsize=${count()} aria-posinset=${place + 1} style=${`width: ${side}px; height: ${side}px; transform: translate(${x}px, ${y}px)${picture || !tinted ? "" : `; background: ${tinted}`}`}>${picture ? html`${repeat([picture], ({ shown }) => shown, (one) => thumbnail(one, tinted, isAhead))}
            <span class="library-check" aria-hidden="true">${icon("keep")}</span>${picture.star ? html`<span class="library-star" aria-hidden="true">${icon("star")}</span>` : nothing}` : nothing}</div>`;
    }

    /**
     * Until the small copy is there, the colour of the picture stands where it will.
     * @param {LibraryPicture} picture
     * @param {string} tinted
     * @param {boolean} isAhead
     */
    function thumbnail({ shown, width, height }, tinted, isAhead) {
        const share = (/** @type {number} */ of) => `${(100 * of) / Math.max(width, height, 1)}%`;
        const style = `width: ${share(width)}; height: ${share(height)}${tinted ? `; background: ${tinted}` : ""}`;
        if (isFast) return html`<span class="library-tint" style=${style}></span>`;
        return html`<img fetchpriority=${isAhead ? "low" : "high"} src=${shown} alt="" draggable="false" width=${width} height=${height} style=${style} @load=${(event) => event.target.classList.add("there")}>`;
    }

    /**
     * Makes a place the one that keys mean, and brings it into sight.
     * @param {number} place
     */
    function point(place) {
        cursor = Math.max(0, Math.min(place, count() - 1));
        const top = GAP + Math.floor(cursor / columns) * row();
        if (top - GAP < element.scrollTop) element.scrollTop = top - GAP;
        else if (top + row() > element.scrollTop + element.clientHeight) element.scrollTop = top + row() - element.clientHeight;
        draw();
    }

    /** @param {Event} event */
    const placeOf = (event) => {
        const found = /** @type {HTMLElement | null | undefined} */ (target(event)?.closest(".library-cell"));
        return found ? Number(found.dataset.place) : null;
    };

    /** @param {MouseEvent} event */
    function click(event) {
        const place = placeOf(event);
        if (place === null || !at(place) || pressed.long) return;
        cursor = place;
        if (event.shiftKey) choose(place, "range");
        else if (event.ctrlKey || event.metaKey || selecting() || target(event)?.closest(".library-check")) choose(place, "toggle");
        else open(place);
        draw();
    }

    /** @param {PointerEvent} event A finger that rests selects. */
    function press(event) {
        clearTimeout(pressed.timer);
        pressed = { timer: undefined, long: false, x: event.clientX, y: event.clientY };
        const place = placeOf(event);
        const cell = /** @type {HTMLElement | null | undefined} */ (target(event)?.closest(".library-cell"));
        // A finger that rests selects, and drags nothing.
        if (cell) cell.draggable = event.pointerType === "mouse";
        if (event.pointerType !== "touch" || place === null) return;
        pressed.timer = setTimeout(() => {
            pressed.long = true;
            cursor = place;
            choose(place, "toggle");
            draw();
        }, LONG);
    }

    /** @param {PointerEvent} event */
    function drag(event) {
        if (Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > STILL) clearTimeout(pressed.timer);
    }

    /** @param {DragEvent} event */
    function carry(event) {
        const picture = at(placeOf(event) ?? -1);
        if (!picture || !event.dataTransfer) return event.preventDefault();
        event.dataTransfer.setData(CARRIED, picture.id);
        event.dataTransfer.effectAllowed = "copy";
    }

    /** @param {KeyboardEvent} event */
    function key(event) {
        const leap = Math.max(1, Math.floor(element.clientHeight / row())) * columns;
        /** @type {Record<string, number>} */
        const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, PageUp: -leap, PageDown: leap, Home: -cursor, End: count() - 1 - cursor };
        const by = moves[event.key];
        if (!count()) return;
        if (by !== undefined && !event.altKey) {
            if (cursor + by >= 0 && cursor + by < count()) {
                if (event.shiftKey && !selecting()) choose(cursor, "one");
                point(cursor + by);
                if (event.shiftKey) choose(cursor, "range");
            }
        } else if (event.key === "Enter") open(cursor);
        else if (event.key === " ") choose(cursor, "toggle");
        else if (!keys(event)) return;
        event.preventDefault();
        event.stopPropagation();
        draw();
    }

    element.addEventListener("scroll", () => { frame ||= requestAnimationFrame(scroll); }, { passive: true });
    element.addEventListener("click", click);
    element.addEventListener("pointerdown", press);
    element.addEventListener("pointermove", drag);
    element.addEventListener("dragstart", carry);
    for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, () => clearTimeout(pressed.timer));
    element.addEventListener("contextmenu", (event) => { if (pressed.long) event.preventDefault(); });
    element.addEventListener("keydown", key);
    new ResizeObserver(() => { measure(); draw(); }).observe(element);

    return {
        element,
        draw,
        point,
        bounds,
        cursor: () => cursor,
        /** Another size of the thumbnails, or another search, which begins at its top. */
        arrange(top = false) {
            const seen = cursor;
            measure();
            if (top) [cursor, element.scrollTop] = [0, 0];
            else point(seen);
            draw();
        },
        focus: () => element.focus({ preventScroll: true }),
        cells: () => parts(space, ".library-cell"),
    };
}
