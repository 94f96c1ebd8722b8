// Around the mask editor: what is painted is stored whenever the brush rests; ready-made masks; rounds and the way back.
import { field, make, part, tab, target } from "./dom.js";
import { blame } from "./form.js";
import { before } from "./generate.js";
import { ids } from "./ids.js";
import { panels } from "./panels.js";

/**
 * Called by Gradio with what it read from the editor.
 * @param {any} value
 */
export const send = (value) => panels.mask?.send(value);

/** @param {Island} island */
export function mount({ element, props, watch, upload, tell }) {
    // How long the brush rests until its work is stored, and how long Generate waits for that, in milliseconds.
    const REST = 1200;
    const PATIENCE = 60000;
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

    const file = make("input", {
        type: "file", accept: "image/*,.heic,.heif,.avif", class: "unseen", tabindex: -1, "aria-label": "Mask picture file",
        onchange: (event) => { bring(event.target.files[0]); event.target.value = ""; },
    });
    /**
     * @param {string} label
     * @param {string} title
     * @param {() => unknown} act
     */
    const button = (label, title, act) => make("button", { type: "button", class: "plain", title, onclick: act }, label);
    const clear = button("Clear mask", "Paint anew", wipe);
    const holes = button("Use what is transparent", "What is transparent in the picture is painted anew", () => { forget(); tell.holes({}); });
    holes.hidden = true;
    // The mask picture that is read, so that it can be read otherwise.
    /** @type {string | null} */
    let brought = null;
    const reads = make("select", { "aria-label": "What changes", title: "What of the mask picture is painted anew", hidden: true, onchange: () => { forget(); read(); } },
        ...Object.entries({ auto: "Changes: by its look", brightness: "Changes: what is bright", opaque: "Changes: what is opaque", transparent: "Changes: what is transparent" })
            .map(([value, words]) => make("option", { value }, words)));
    const line = make("div", { class: "mask-said", role: "status" });
    part(element, ".masks").append(
        make("div", { class: "ways" },
            clear, button("Use a mask picture", "White is painted anew, black stays", () => file.click()), file, reads, holes),
        line);

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
     * @param {any} value
     */
    function send(value) {
        tell.painted({ serial: reading.shift(), layers: value.layers.map((/** @type {any} */ layer) => layer.path) });
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
     * @param {boolean} transparent
     */
    function turn(picture, transparent) {
        if (picture !== present) keepNone();
        present = picture;
        holes.hidden = !transparent;
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
        reads.hidden = true;
        reads.value = "auto";
    }

    const read = () => { if (brought) tell.bring({ path: brought, reads: reads.value }); };

    function wipe() {
        keepNone();
        forget();
        tell.wipe({});
    }

    /** @param {any} chosen */
    async function bring(chosen) {
        if (!chosen) return;
        keepNone();
        forget();
        say(["Reading the mask"], []);
        try {
            brought = (await upload(chosen)).path;
            reads.hidden = false;
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
     * @param {any} notes
     * @param {any} faults
     */
    const say = (notes, faults) => line.replaceChildren(
        ...notes.map((/** @type {any} */ note) => make("p", { class: "note" }, note)), ...faults.map((/** @type {any} */ fault) => make("p", { class: "fault" }, fault)));
    const show = () => {
        pane.dataset.stored = String(stored >= painted);
        clear.disabled = stored >= painted && !props.value?.of?.[present ?? ""];
    };
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
