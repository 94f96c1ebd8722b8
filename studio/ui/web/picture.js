// What can be said of a picture and done with it, in small below it and in words in the full view.
import { icon } from "./icon.js";
import { menu } from "./menu.js";
import { panels } from "./panels.js";
import { WORK } from "./picture_work.js";
import { html, nothing } from "./vendor/lit.js";

/** @param {number} s */
const seconds = (s) => (s < 9.95 ? `${s.toFixed(1)} s` : s < 90 ? `${Math.round(s)} s` : `${Math.round(s / 60)} min`);

/**
 * What is said of a picture quietly, below it; some say it themselves.
 * @param {PictureFacts & { said?: string[] }} picture
 */
export const pictureFacts = ({ check, seed, seconds: took, width, height, model, said }) => html`<p class="said">
    ${check.length ? html`<span class="checked" title=${check[1]}>${check[0]}</span>` : nothing}
    ${(said ?? [seed === null ? "" : `seed ${seed}`, seconds(took), `${width} × ${height}`, model]).filter(Boolean).map((words) => html`<span>${words}</span>`)}</p>`;

/**
 * A picture's address at its own size among others: of one that the safety layer flagged, that of its blurred copy; opened it is whole.
 * @param {{ check: readonly string[], shown: string, file: string }} picture
 */
export const sharpAddress = ({ check, shown, file }) => (check.length ? shown : file);

const RARER = ["compare", "another", "again"];

/**
 * Where the acts of a picture lead: `tell` hands one on to the server, `takers` are the tabs that it can be sent to, `shut` leaves the
 * full view. What no form can say has no task, what is not in the library no `which`; `away` is where nothing that draws is seen.
 * @typedef {Deeds & { shut: () => void, compare?: () => unknown, comparing?: boolean, away?: boolean }} Ways
 */

/**
 * What can be done with a picture, as signs, or in words; `more` comes first.
 * @param {{ which?: Which | null, task?: string, seed?: number | null, before?: string, file?: string, name?: string, prompt?: string }} picture
 * @param {boolean} worded
 * @param {Ways} ways
 * @param {Part} [more]
 */
export function pictureActions(picture, worded, { tell, takers, shut, compare, comparing = false, away }, more = nothing) {
    const { which, task, seed = null, file = "", name: saved = "" } = picture;
    /** @param {string} name */
    const look = (name) => ["act", worded ? "plain" : "", RARER.includes(name) ? "rarer" : ""].filter(Boolean).join(" ");
    /**
     * @param {import("./icon.js").IconName} name
     * @param {string} label
     */
    const face = (name, label) => html`${icon(name)}${worded ? html`<span class="act-word">${label}</span>` : nothing}`;
    /** @param {string} label */
    const title = (label) => (worded ? nothing : label);
    /**
     * @param {import("./icon.js").IconName} name
     * @param {string} label
     * @param {() => unknown} [act]
     */
    const button = (name, label, act = () => { shut(); tell[name](which ?? {}); }) => html`<button type="button" class=${look(name)} aria-label=${label} title=${title(label)}
        aria-pressed=${name === "compare" ? String(comparing) : nothing} @click=${act}>${face(name, label)}</button>`;
    return html`<div class="acts">
        ${more}
        ${picture.before && compare ? button("compare", "Compare with the original", compare) : nothing}
        ${task ? button("use", "Use these settings") : nothing}
        ${away || seed === null ? nothing : button("another", "Another like it")}
        ${!away && task === "img2img" ? button("again", "Again from this result") : nothing}
        ${which ? menu({ face: face("send", "Send to"), look: look("send"), label: "Send to", title: worded ? undefined : "Send to" }, Object.entries(takers), (tab) => { shut(); tell.send({ ...which, tab }); }) : nothing}
        ${worded && which && task ? menu({ face: face("grip", "More"), look: look("more"), label: "More" }, WORK, (what) => panels.work?.(what, picture)) : nothing}
        <a class=${look("save")} aria-label="Download" title=${title("Download")} href=${file} download=${saved}>${face("save", "Download")}</a>
    </div>`;
}

/**
 * How large a picture stands in its frame, as the style sheet reckons with it.
 * @param {{ width: number, height: number }} size
 * @param {number} magnify
 */
export const framed = ({ width, height }, magnify) => `--natural: ${width * magnify}px; --aspect: ${width} / ${height}; --shape: ${width / height}`;
