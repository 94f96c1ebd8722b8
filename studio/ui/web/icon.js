// Drawn signs, in the colour of the words beside them.
import { html } from "./vendor/lit.js";

/** What is drawn, as the path of an SVG of 24 by 24. */
export const ICONS = {
    use: "M4 7h10M18 7h2M4 17h2M10 17h10M14 4v6M10 14v6",
    another: "M20 12a8 8 0 1 1-2.4-5.7M20 3v5h-5",
    again: "M4 12a8 8 0 0 1 13.7-5.6L20 9M20 4v5h-5M20 12a8 8 0 0 1-13.7 5.6L4 15M4 20v-5h5",
    compare: "M12 4v16M4 6h5v12H4zM15 6h5v12h-5z",
    send: "M4 12h14M13 6l6 6-6 6",
    save: "M12 4v11M7 11l5 5 5-5M5 20h14",
    back: "M15 5l-7 7 7 7",
    next: "M9 5l7 7-7 7",
    picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.5h.01",
    remove: "M6 6l12 12M18 6L6 18",
    add: "M12 6v12M6 12h12",
    keep: "M5 12.5l5 5 9-10",
    grip: "M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01",
    star: "M12 4l2.4 5 5.6.8-4 3.9 1 5.5-5-2.6-5 2.6 1-5.5-4-3.9 5.6-.8z",
    copy: "M9 9h11v11H9zM15 9V4H4v11h5",
    bin: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5",
    undo: "M8 5L4 9l4 4M4 9h10a5 5 0 0 1 0 10h-3",
    tag: "M4 4h8l8 8-8 8-8-8zM8 8h.01",
    board: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
    pen: "M5 19l1-4L16 5l3 3L9 18zM14 7l3 3",
    less: "M6 12h12",
    redo: "M16 5l4 4-4 4M20 9H10a5 5 0 0 0 0 10h3",
    brush: "M20 4l-9 9M11 13a3 3 0 0 0-3 3c0 2-1 3-4 4 4 1 9 0 9-5",
    eraser: "M5 15l9-10 6 6-8 9H8zM9 11l6 6M12 20h8",
    lasso: "M12 5c5 0 8 2.2 8 5s-3 5-8 5-8-2.2-8-5 3-5 8-5M8 14.5c-2 1-1.5 3.5.5 3.5 2 .5 1 2.5-.5 3",
    rectangle: "M4 6h16v12H4z",
    fill: "M5 11l7-7 7 7-7 7zM5 11h14M20 16c1 1.5 1.5 2.3 1.5 3a1.5 1.5 0 0 1-3 0c0-.7.5-1.5 1.5-3",
    colour: "M12 4a8 8 0 1 0 0 16c1.5 0 2-1 1.5-2-.6-1.3.2-2.500 1.7-2.500H17a3 3 0 0 0 3-3.500c-.6-4.500-4-8-8-8M8 11h.01M12 8h.01M16 11h.01",
    invert: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16M12 8h5M12 12h8M12 16h5",
    grow: "M8 8h8v8H8zM4 9V4h5M20 15v5h-5",
    shrink: "M4 4h16v16H4zM9 9l-2-2M15 15l2 2M15 9l2-2M9 15l-2 2M10 10h4v4h-4z",
    about: "M12 11v6M12 7.5h.01M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18",
};
/** @typedef {keyof typeof ICONS} IconName */

/** @param {IconName} name */
export const icon = (name) => html`<span class="icon" aria-hidden="true"><svg viewBox="0 0 24 24"><path d=${ICONS[name]}/></svg></span>`;
