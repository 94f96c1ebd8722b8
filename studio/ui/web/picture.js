// What can be said of a picture and done with it, in small below it and in words in the full view.
import { make } from "./dom.js";
import { icon } from "./icon.js";
import { menu } from "./menu.js";

/** @param {number} s */
const seconds = (s) => (s < 9.95 ? `${s.toFixed(1)} s` : s < 90 ? `${Math.round(s)} s` : `${Math.round(s / 60)} min`);

/** @param {any} picture */
export const pictureFacts = (picture) => make("p", { class: "said" },
    ...(picture.check?.length ? [make("span", { class: "checked", title: picture.check[1] }, picture.check[0])] : []),
    ...(picture.seed === null ? [] : [make("span", {}, `seed ${picture.seed}`)]),
    make("span", {}, seconds(picture.seconds)),
    make("span", {}, `${picture.width} × ${picture.height}`),
    make("span", {}, picture.model));

const RARER = ["compare", "another", "again"];

/**
 * Where the acts of a picture lead: `tell` hands one on to the server, `takers` are the tabs that it can be sent to, `shut` leaves the
 * full view. What no form can say has no task, what is not in the library no `which`; `away` is where nothing that draws is seen.
 * @typedef {Deeds & { shut: () => void, compare?: Handler, comparing?: () => boolean, away?: boolean }} Ways
 */

/**
 * What can be done with a picture, as signs, or in words.
 * @param {any} picture
 * @param {boolean} worded
 * @param {Ways} ways
 */
export function pictureActions(picture, worded, { tell, takers, shut, compare, comparing, away }) {
    const which = picture.which;
    /**
     * @param {import("./icon.js").IconName} name
     * @param {string} label
     * @param {Attributes} attributes
     * @param {"a" | "button"} [tag]
     */
    const act = (name, label, attributes, tag = /** @type {"button" | "a"} */ ("button")) => make(tag, {
        class: ["act", worded ? "plain" : "", RARER.includes(name) ? "rarer" : ""].join(" ").trim(), "aria-label": label, title: worded ? null : label,
        ...(tag === "button" ? { type: "button" } : {}), ...attributes,
    }, icon(name), ...(worded ? [make("span", { class: "act-word" }, label)] : []));
    /** @param {string} name */
    const asks = (name) => ({ onclick: () => { shut(); tell[name](which); } });
    return make("div", { class: "acts" },
        ...(picture.before ? [act("compare", "Compare with the original", { "aria-pressed": String(Boolean(comparing?.())), onclick: compare })] : []),
        ...(picture.task ? [act("use", "Use these settings", asks("use"))] : []),
        ...(away || picture.seed === null ? [] : [act("another", "Another like it", asks("another"))]),
        ...(!away && picture.task === "img2img" ? [act("again", "Again from this result", asks("again"))] : []),
        ...(which ? [menu(act("send", "Send to", {}), Object.entries(takers), (/** @type {any} */ tab) => { shut(); tell.send({ ...which, tab }); })] : []),
        act("save", "Download", { href: picture.file, download: picture.name }, "a"));
}
