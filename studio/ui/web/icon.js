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
    about: "M12 11v6M12 7.5h.01M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18",
};
/** @typedef {keyof typeof ICONS} IconName */

/** @param {IconName} name */
export const icon = (name) => html`<span class="icon" aria-hidden="true"><svg viewBox="0 0 24 24"><path d=${ICONS[name]}/></svg></span>`;
