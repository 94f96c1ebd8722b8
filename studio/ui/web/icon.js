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
    about: "M12 11v6M12 7.5h.01M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18",
};
/** @typedef {keyof typeof ICONS} IconName */

/** @param {IconName} name */
export const icon = (name) => html`<span class="icon" aria-hidden="true"><svg viewBox="0 0 24 24"><path d=${ICONS[name]}/></svg></span>`;
