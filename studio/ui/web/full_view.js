// The full view: one picture as large as the screen lets it, zoomed and moved; its settings beside it; arrows through all; one way back.
import { beforeAfter } from "./before_after.js";
import { copyPicture, copyText } from "./clipboard.js";
import { host, make, narrow, part, target } from "./dom.js";
import { icon } from "./icon.js";
import { panels } from "./panels.js";
import { pictureActions, pictureFacts } from "./picture.js";
import { pictureDetails } from "./picture_details.js";
import { pictureMarks } from "./picture_marks.js";
import { sheet } from "./shell.js";
import { html, nothing, render } from "./vendor/lit.js";
import { zooming } from "./zoom.js";
import { tellZoom, zoomKeys, zoomTools } from "./zoom_tools.js";

const KEPT = "image-studio-details";
// How many pixels one key moves.
const MOVE = 80;

/**
 * What a full view goes through: so many pictures, of which each is there or is brought.
 * @typedef {{ count: () => number, at: (place: number) => Picture | undefined, place: (key: string) => number, bring?: (place: number) => Promise<unknown> }} Reel
 */

/**
 * Pictures that are all there.
 * @param {() => Picture[]} all
 * @returns {Reel}
 */
export const reelOf = (all) => ({ count: () => all().length, at: (place) => all()[place], place: (key) => all().findIndex((picture) => picture.key === key) });

/**
 * What is seen in full. `back` says where it leads back to, `shown` is told each picture, `closed` the last, `changed` what became of one;
 * `tools` are the place's own, `about` is what else it knows of a picture, `ways` what its acts are besides; `beside` leads up and down.
 * @typedef {{ reel: Reel, back: string, closed: (key: string) => unknown, shown?: (picture: Picture) => unknown, changed?: (picture: Picture, change: import("./picture_marks.js").Marked) => unknown,
 *     tools?: (picture: Picture) => Part, about?: (picture: Picture) => Part, ways?: object, beside?: (picture: Picture, by: number) => string | undefined }} Seen
 */

/** @param {Seen} seen */
export function fullView({ reel, back, closed, shown, changed = () => {}, tools, about, ways, beside }) {
    let key = "";
    // The picture that is shown, also where it has left the others since, and its last place among them.
    /** @type {Picture | undefined} */
    let held;
    let last = 0;
    // Where one came from to a picture that need not be among the others.
    let origin = "";
    let comparing = false;
    let note = "";
    /** @type {Picture | null} */
    let gone = null;
    let isAbout = localStorage.getItem(KEPT) !== "no" && !narrow();
    /** @type {ReturnType<typeof zooming> | null} */
    let zoom = null;
    const marks = pictureMarks((picture, change) => changed(picture, change));

    const dialog = make("dialog", { class: "full", "aria-label": "Full view", tabindex: "-1", onclose: () => closed(key), onkeydown: press });
    dialog.addEventListener("cancel", (event) => {
        if (!comparing) return;
        event.preventDefault();
        comparing = false;
        draw();
    });
    host().append(dialog);

    function current() {
        const place = reel.place(key);
        if (place >= 0) [last, held] = [place, reel.at(place)];
        return held?.key === key ? held : undefined;
    }

    function draw() {
        const picture = current();
        if (!picture) return shut();
        comparing &&= Boolean(picture.before);
        const count = reel.count();
        dialog.classList.toggle("with-details", isAbout);
        render(html`<header>
                <button type="button" class="plain back" aria-label=${`Back ${back}`} @click=${shut}>${icon("back")}Back<span class="act-word">${back}</span></button>
                <span class="full-count quiet" role="status">${origin ? "Related" : count > 1 ? `${(last + 1).toLocaleString()} of ${count.toLocaleString()}` : ""}</span>
                ${tools?.(picture) ?? nothing}
                ${zoomTools(() => zoom)}
                <span class="full-acts">${signs(picture)}</span>
            </header>
            <div class="full-body">
                <div class="full-stage">
                    <div class="zoom-room"><div class="zoom-cell"><div class="zoom-sheet">
                        <img src=${picture.view || picture.file} alt=${picture.prompt} draggable="false" style=${`background-image: url("${picture.shown}")`}>${comparing ? beforeAfter(picture) : nothing}</div></div></div>
                    ${arrow(-1, "back", "Previous picture", last > 0 || Boolean(origin))}${arrow(1, "next", "Next picture", last < count - 1 || Boolean(origin))}
                    <p class="full-note" role="status" ?hidden=${!note}>${note}${gone ? html`<button type="button" class="plain" @click=${undo}>Undo</button>` : nothing}</p>
                </div>
                <aside class="full-details" aria-label="Details" ?hidden=${!isAbout}>${isAbout ? pictureDetails(picture, marks.of(picture), say, about?.(picture)) : nothing}</aside>
            </div>
            <div class="full-foot">
                <div class="full-said"><p class="full-prompt" title=${picture.prompt}>${picture.prompt}</p>${pictureFacts(picture)}</div>
                ${pictureActions(picture, true, { .../** @type {Deeds} */ (panels.gallery), shut, comparing, compare: () => { comparing = !comparing; draw(); }, ...ways })}
            </div>`, dialog);
        zoom?.show(picture);
        // Keys are heard where the focus is; what had it may be gone.
        if (dialog.open && !dialog.contains(document.activeElement)) dialog.focus();
    }

    /** @param {Picture} picture */
    const signs = (picture) => html`${marks.can(picture) ? html`${sign("star", "Star", "S", star, marks.isStarred(picture))}${sign("bin", "Delete", "Delete", bin)}` : nothing}
        ${sign("copy", "Copy picture", "C", copied)}${sign("about", "Details", "I", () => show(!isAbout), isAbout)}`;

    /**
     * @param {import("./icon.js").IconName} name
     * @param {string} label
     * @param {string} keys
     * @param {() => unknown} act
     * @param {boolean} [pressed]
     */
    const sign = (name, label, keys, act, pressed) => html`<button type="button" class=${`act sign-${name}`} aria-label=${label} title=${`${label} (${keys})`} aria-pressed=${pressed === undefined ? nothing : String(pressed)} @click=${act}>${icon(name)}</button>`;

    /**
     * @param {number} by
     * @param {import("./icon.js").IconName} name
     * @param {string} label
     * @param {boolean} there
     */
    const arrow = (by, name, label, there) => html`<button type="button" class=${by < 0 ? "turn before" : "turn"} aria-label=${label} aria-disabled=${String(!there)} @click=${() => turn(by)}>${icon(name)}</button>`;

    /** @param {string} words */
    function say(words) {
        note = words;
        gone = null;
        draw();
    }

    const copied = async () => say(await copyPicture(current()?.view || current()?.file || ""));

    async function star() {
        const picture = current();
        if (!picture || !marks.can(picture)) return;
        const starring = marks.star(picture);
        draw();
        const fault = await starring;
        if (fault) say(fault);
    }

    /** The picture goes to the bin, and the next one is shown, or the one before. */
    async function bin() {
        const picture = current();
        if (!picture || !marks.can(picture)) return;
        const place = reel.place(key);
        const next = [place + 1, place - 1].map(reel.at).find((one) => one && one !== picture);
        const fault = await marks.bin(picture, true);
        if (fault) return say(fault);
        if (!next) return shut();
        see(next.key);
        [note, gone] = ["Moved to the bin.", picture];
        draw();
    }

    async function undo() {
        const picture = gone;
        if (!picture) return;
        say(await marks.bin(picture, false));
        visit(picture);
        origin = "";
        draw();
    }

    /** @param {boolean} on */
    function show(on) {
        isAbout = on;
        localStorage.setItem(KEPT, on ? "yes" : "no");
        draw();
    }

    /** @param {number} by What left the others has made the next take its place. */
    function turn(by) {
        if (origin) return see(origin);
        const place = reel.place(key);
        return go(place >= 0 ? place + by : by > 0 ? last : last - 1);
    }

    /** @param {number} to */
    async function go(to) {
        if (to < 0 || to >= reel.count()) return;
        if (!reel.at(to)) await reel.bring?.(to);
        const picture = reel.at(to);
        if (picture) see(picture.key);
    }

    /** @param {string} next */
    function see(next) {
        if (next !== key) [note, gone, origin] = ["", null, ""];
        key = next;
        draw();
        const picture = current();
        if (!picture) return;
        shown?.(picture);
        for (const by of [1, -1]) ahead(last + by);
        marks.learn(picture).then(() => { if (picture.key === key && dialog.open) draw(); });
    }

    /** @param {Picture} picture */
    function visit(picture) {
        const from = origin || key;
        held = picture;
        see(picture.key);
        if (reel.place(key) < 0) origin = from;
        draw();
    }

    /**
     * Fetches what comes next, so that it is there when one turns to it.
     * @param {number} to
     */
    function ahead(to) {
        const picture = reel.at(to);
        if (picture) new Image().src = picture.view || picture.file;
        else if (to >= 0 && to < reel.count()) reel.bring?.(to);
    }

    /** @type {Record<string, () => unknown>} */
    const keys = {
        arrowleft: () => turn(-1), arrowright: () => turn(1), home: () => go(0), end: () => go(reel.count() - 1), ...zoomKeys(() => zoom),
        c: copied, p: async () => say(await copyText(current()?.prompt ?? "", "Prompt")), i: () => show(!isAbout), s: star, delete: bin, z: undo, "?": () => sheet(),
    };
    /** @type {Record<string, [number, number]>} */
    const moves = { arrowleft: [MOVE, 0], arrowright: [-MOVE, 0], arrowup: [0, MOVE], arrowdown: [0, -MOVE] };

    /** @param {KeyboardEvent} event */
    function press(event) {
        const name = event.key.toLowerCase();
        if (event.ctrlKey || event.metaKey || event.altKey || target(event)?.closest("[popover], input, textarea, select")) return;
        const [picture, up] = [current(), { arrowup: -1, arrowdown: 1 }[name]];
        if (event.shiftKey && moves[name]) zoom?.move(...moves[name]);
        else if (up && beside && picture) see(beside(picture, up) ?? key);
        else if (keys[name]) keys[name]();
        else return;
        event.preventDefault();
    }

    /** @param {string} wanted */
    function open(wanted) {
        see(wanted);
        if (!current() || dialog.open) return;
        dialog.showModal();
        zoom ??= zooming(part(dialog, ".zoom-room"), { changed: () => tellZoom(dialog, zoom), swiped: turn, beside: shut });
        zoom.show(/** @type {Picture} */ (current()));
    }

    function shut() {
        if (dialog.open) dialog.close();
    }

    return { open, visit, shut, draw: () => { if (dialog.open) draw(); } };
}
