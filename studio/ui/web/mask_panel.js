// Around the mask editor: what is painted is stored whenever the brush rests; ready-made masks; rounds and the way back.
import { field, part, tab, target } from "./dom.js";
import { blame } from "./form_faults.js";
import { before } from "./generate.js";
import { ids } from "./ids.js";
import { panels } from "./panels.js";
import { html, live, render } from "./vendor/lit.js";

// How long the brush rests until its work is stored, and how long Generate waits for that, in milliseconds.
const REST = 1200;
const PATIENCE = 60000;
const READS = { auto: "Changes: by its look", brightness: "Changes: what is bright", opaque: "Changes: what is opaque", transparent: "Changes: what is transparent" };

/**
 * Called by Gradio with what it read from the editor.
 * @param {EditorValue} value
 */
export const send = (value) => panels.mask?.send(value);

/** @param {Island<MaskNews>} island */
export function mount({ element, props, watch, upload, tell }) {
    const pane = /** @type {HTMLElement} */ (element.closest(".editor-pane"));
    const owner = /** @type {HTMLElement} */ (element.closest("[role=tabpanel]")).id.slice(ids.tab.length);

    // The last stroke, the last one that was sent, and the last one that is stored, by the time each was made.
    let painted = 0;
    let sent = 0;
    let stored = 0;
    // The strokes up to which the editor is being read.
    /** @type {number[]} */
    const reading = [];
    /** @type {Timer} */
    let timer;
    /** @type {{ serial: number, resolve: () => void }[]} */
    let waiting = [];
    // The picture that is painted on.
    /** @type {string | null} */
    let present = null;

    // The mask picture that is read, how it is read, and whether the picture has something transparent.
    /** @type {string | null} */
    let brought = null;
    let reads = "auto";
    let transparent = false;
    /** @type {{ notes: string[], faults: string[] }} */
    let said = { notes: [], faults: [] };
    const root = part(element, ".masks");

    function draw() {
        render(html`<div class="ways">
                <button type="button" class="plain" title="Paint anew" ?disabled=${stored >= painted && !props.value?.of?.[present ?? ""]} @click=${wipe}>Clear mask</button>
                <button type="button" class="plain" title="White is painted anew, black stays" @click=${() => part(root, "[type=file]").click()}>Use a mask picture</button>
                <input type="file" accept="image/*,.heic,.heif,.avif" class="unseen" tabindex="-1" aria-label="Mask picture file" @change=${({ target: file }) => { bring(file.files[0]); file.value = ""; }}>
                <select aria-label="What changes" title="What of the mask picture is painted anew" ?hidden=${!brought} @change=${(event) => { reads = event.target.value; forget(); read(); }}>${
                    Object.entries(READS).map(([value, words]) => html`<option value=${value} .selected=${live(value === reads)}>${words}</option>`)}</select>
                <button type="button" class="plain" title="What is transparent in the picture is painted anew" ?hidden=${!transparent} @click=${() => { forget(); tell.holes({}); }}>Use what is transparent</button></div>
            <div class="mask-said" role="status">${said.notes.map((note) => html`<p class="note">${note}</p>`)}${said.faults.map((fault) => html`<p class="fault">${fault}</p>`)}</div>`, root);
    }

    function stroke() {
        painted = Date.now();
        clearTimeout(timer);
        timer = setTimeout(save, REST);
        say([], []);
        forgive();
        show();
    }

    function save() {
        clearTimeout(timer);
        if (sent >= painted) return;
        sent = painted;
        reading.push(sent);
        tell.paint({});
    }

    /**
     * Called with what Gradio read from the editor; its pictures are on the server by now.
     * @param {EditorValue} value
     */
    function send(value) {
        tell.painted({ serial: reading.shift(), layers: value.layers.map(({ path }) => path) });
    }

    // Resolves once all that is painted is stored; Generate waits for it.
    function settled() {
        save();
        if (stored >= painted) return Promise.resolve();
        const late = setTimeout(() => {
            sent = 0;
            blame({ code: "", field: "mask_image", part: null, message: "The mask did not reach the studio.", hint: "Check the connection and press Generate again." });
        }, PATIENCE);
        return /** @type {Promise<void>} */ (new Promise((resolve) => waiting.push({ serial: painted, resolve: () => { clearTimeout(late); resolve(); } })));
    }

    /**
     * Another picture is in the editor.
     * @param {string | null} picture
     * @param {boolean} holes
     */
    function turn(picture, holes) {
        if (picture !== present) keepNone();
        present = picture;
        transparent = holes;
        const background = window.__PIXI_APP__?.renderer?.background;
        // The canvas is white or grey by what the browser prefers, and stays so; here it is the room's. Only looks hang on it.
        if (background) background.color = getComputedStyle(pane).backgroundColor;
        forget();
    }

    // What was painted so far does not count for what is in the editor now.
    function forget() {
        clearTimeout(timer);
        stored = sent = painted;
        arrive();
    }

    // No mask picture is read any more.
    function keepNone() {
        brought = null;
        reads = "auto";
    }

    const read = () => { if (brought) tell.bring({ path: brought, reads }); };

    function wipe() {
        keepNone();
        forget();
        tell.wipe({});
    }

    /** @param {File | undefined} chosen */
    async function bring(chosen) {
        if (!chosen) return;
        keepNone();
        forget();
        say(["Reading the mask"], []);
        try {
            brought = (await upload(chosen)).path;
            draw();
            read();
        } catch {
            say([], [`${chosen.name} did not arrive. Check the connection and try again.`]);
        }
    }

    function take() {
        stored = Math.max(stored, props.value?.serial ?? 0);
        if (props.value) say(props.value.notes ?? [], props.value.faults ?? []);
        if (props.value?.notes?.length) forgive();
        arrive();
    }

    function arrive() {
        const due = waiting.filter((one) => stored >= one.serial);
        waiting = waiting.filter((one) => stored < one.serial);
        due.forEach((one) => one.resolve());
        show();
    }

    /**
     * @param {string[]} notes
     * @param {string[]} faults
     */
    function say(notes, faults) {
        said = { notes, faults };
        draw();
    }

    function show() {
        pane.dataset.stored = String(stored >= painted);
        draw();
    }

    const forgive = () => field("mask_image")?.querySelector(":scope > .fault")?.remove();

    let drawing = false;
    pane.addEventListener("pointerdown", (/** @type {any} */ event) => { drawing = Boolean(target(event)?.matches("canvas")); }, true);
    for (const end of ["pointerup", "pointercancel"]) {
        window.addEventListener(end, () => { if (drawing) stroke(); drawing = false; });
    }
    /** @param {string} name */
    const step = (name) => /** @type {HTMLElement | null} */ (pane.querySelector(`button[aria-label="${name}"]`));
    pane.addEventListener("click", (/** @type {any} */ event) => {
        const label = target(event)?.closest(`#${ids.maskEditor} button`)?.getAttribute("aria-label");
        if (label === "Undo" || label === "Redo") stroke();
        // Gradio opens a slider without a name.
        if (label?.endsWith("Size")) requestAnimationFrame(() => pane.querySelector(`#${ids.maskEditor} input[type=range]`)?.setAttribute("aria-label", label));
    });
    document.addEventListener("visibilitychange", () => { if (document.hidden) save(); });
    document.addEventListener("keydown", (event) => {
        if (tab() !== owner || !(event.ctrlKey || event.metaKey) || target(event)?.matches("textarea, input:not([type=range], [type=checkbox], [type=radio])")) return;
        const key = event.key.toLowerCase();
        const name = key === "y" || (key === "z" && event.shiftKey) ? "Redo" : key === "z" ? "Undo" : null;
        if (!name) return;
        event.preventDefault();
        step(name)?.click();
    });

    panels.mask = { send, settled, turn };
    panels.rounds?.draw();
    before(owner, settled);
    watch("value", take);
    take();
}
