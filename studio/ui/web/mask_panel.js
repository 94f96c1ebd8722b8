// The mask editor: its tools, what is painted with them, which is stored whenever the brush rests, and ready-made masks.
import { field, part, tab, target } from "./dom.js";
import { onValues, value } from "./form.js";
import { blame, forgive } from "./form_faults.js";
import { before } from "./generate.js";
import { icon } from "./icon.js";
import { ids } from "./ids.js";
import { maskCanvas } from "./mask_canvas.js";
import { paintWith } from "./mask_pointer.js";
import { TOOLS } from "./mask_tools.js";
import { outpaintHandles } from "./outpaint_handles.js";
import { panels } from "./panels.js";
import { html, live, nothing, render } from "./vendor/lit.js";

// How long the brush rests until its work is stored, and how long Generate waits for that, in milliseconds.
const REST = 1200;
const PATIENCE = 60000;
// By how many pixels of the picture the mask grows at a click.
const GROWTH = 8;
const ZOOM = 1.25;
const READS = { auto: "Changes: by its look", brightness: "Changes: what is bright", opaque: "Changes: what is opaque", transparent: "Changes: what is transparent" };
const NO_COLOUR = "At strength 1 nothing is left of the colours: set it to 0.5 to 0.8.";

/** @param {Island<MaskNews>} island */
export function mount({ element, props, watch, upload, tell }) {
    const pane = /** @type {HTMLElement} */ (element.closest(".editor-pane"));
    const owner = /** @type {HTMLElement} */ (element.closest("[role=tabpanel]")).id.slice(ids.tab.length);
    const root = part(element, ".masks");

    // The last stroke, the last one that was sent, and the last one that is stored, by numbers that go up.
    let painted = 0;
    let sent = 0;
    let stored = 0;
    /** @type {Timer} */
    let timer;
    /** @type {{ serial: number, resolve: () => void }[]} */
    let waiting = [];
    // The picture that is painted on; whether one is on its way that goes on under what was painted since.
    /** @type {StoredPicture | null} */
    let present = null;
    let adopting = false;
    let isPanning = false;
    // Whether keys led to what has the focus, and not the pointer.
    let isLed = false;

    // The mask picture that is read, how it is read, and whether the picture has something transparent.
    /** @type {string | null} */
    let brought = null;
    let reads = "auto";
    let transparent = false;
    /** @type {{ notes: string[], faults: string[] }} */
    let said = { notes: [], faults: [] };

    render(html`<div class="mask-tools" role="toolbar" aria-label="Mask tools"></div>
        <div class="mask-room" role="group" aria-label="Picture to paint on" tabindex="0"></div><div class="mask-foot"></div>`, root);
    const canvas = maskCanvas(part(root, ".mask-room"), { stroked: stroke, begun, left: leave, changed: draw });
    paintWith(canvas, { isPanning: () => isPanning });
    const outpaint = outpaintHandles(canvas, owner);

    /**
     * @param {import("./icon.js").IconName} name
     * @param {string} label
     * @param {() => unknown} act
     * @param {{ title?: string, pressed?: boolean, disabled?: boolean }} [more]
     */
    const button = (name, label, act, { title = label, pressed, disabled = false } = {}) => html`<button type="button" class="act" aria-label=${label} title=${title} aria-pressed=${pressed === undefined ? nothing : String(pressed)} ?disabled=${disabled} @click=${act}>${icon(name)}</button>`;

    function draw() {
        const { tool, width, paint, canUndo, canRedo, isEmpty, isShowing, layer } = canvas.state();
        const { sized, colours } = TOOLS[tool];
        const most = Math.max(16, Math.round(Math.max(layer.width, layer.height) / 2));
        render(html`<span class="mask-group" role="group" aria-label="Tool">${Object.entries(TOOLS).map(([name, one]) => button(one.icon, one.label, () => canvas.set({ tool: name }), { title: `${one.help} (${one.key.toUpperCase()})`, pressed: name === tool }))}</span>
            <span class="mask-group">${sized ? html`<label class="mask-size" title="Brush size ([ and ])"><input type="range" min="1" max=${most} .value=${live(String(width))} aria-label="Brush size" @input=${(event) => canvas.set({ width: Number(event.target.value) })}><output>${Math.round(width)} px</output></label>` : nothing}
                ${colours ? html`<input type="color" aria-label="Colour to paint with" .value=${live(paint)} @input=${(event) => canvas.set({ paint: event.target.value })}>` : nothing}</span>
            <span class="mask-group">${button("invert", "Invert", canvas.invert, { title: "Invert the mask (I)" })}
                ${button("grow", "Grow", () => canvas.grow(GROWTH), { title: `Grow the mask by ${GROWTH} pixels`, disabled: isEmpty })}
                ${button("shrink", "Shrink", () => canvas.grow(-GROWTH), { title: `Shrink the mask by ${GROWTH} pixels`, disabled: isEmpty })}</span>
            <span class="mask-group">${button("undo", "Undo", undo, { title: "Undo (Ctrl Z)", disabled: !canUndo && !isShowing })}${button("redo", "Redo", canvas.redo, { title: "Redo (Ctrl Y)", disabled: !canRedo })}</span>
            <span class="mask-group mask-zoom" role="group" aria-label="Zoom">${button("less", "Zoom out", () => canvas.view.zoom(1 / ZOOM))}<button type="button" class="plain" title="Fit (0)" aria-label="Fit the picture" aria-pressed=${String(canvas.view.isFitted())} @click=${canvas.view.fit}>${canvas.view.percent()} %</button>${button("add", "Zoom in", () => canvas.view.zoom(ZOOM))}</span>`, part(root, ".mask-tools"));
        render(html`<div class="ways">
                <button type="button" class="plain" title="Remove the mask. Undo restores it" ?disabled=${isEmpty} @click=${wipe}>Clear mask</button>
                <button type="button" class="plain" title="White is repainted, black stays" @click=${() => part(root, "[type=file]").click()}>Use a mask picture</button>
                <input type="file" accept="image/*,.heic,.heif,.avif" class="unseen" tabindex="-1" aria-label="Mask picture file" @change=${({ target: file }) => { bring(file.files[0]); file.value = ""; }}>
                <select aria-label="What changes" title="Which part of the mask picture is repainted" ?hidden=${!brought} @change=${(event) => { reads = event.target.value; forget(); read(); }}>${
                    Object.entries(READS).map(([value, words]) => html`<option value=${value} .selected=${live(value === reads)}>${words}</option>`)}</select>
                <button type="button" class="plain" title="What is transparent in the picture is repainted" ?hidden=${!transparent} @click=${() => { forget(); tell.holes({}); }}>Use what is transparent</button></div>
            <div class="mask-said" role="status">${[...said.notes, ...hints()].map((note) => html`<p class="note">${note}</p>`)}${said.faults.map((fault) => html`<p class="fault">${fault}</p>`)}</div>`, part(root, ".mask-foot"));
        Object.assign(pane.dataset, { stored: String(stored >= painted && !adopting), painted: String(!isEmpty) });
    }

    const hints = () => (canvas.state().isColoured && Number(value("strength")) >= 1 ? [NO_COLOUR] : []);

    // A stroke over a result makes that the picture that is painted on.
    function begun() {
        if (!canvas.state().isShowing || !panels.rounds?.adopt()) return;
        adopting = true;
        canvas.clear();
    }

    // The result that is shown makes way for the picture that it was made of.
    function leave() {
        return canvas.state().isShowing && Boolean(panels.rounds?.leave());
    }

    const undo = () => leave() || canvas.undo();

    function stroke() {
        painted += 1;
        clearTimeout(timer);
        timer = setTimeout(save, REST);
        said = { notes: [], faults: [] };
        forgive(field("mask_image"));
        draw();
    }

    async function save() {
        clearTimeout(timer);
        if (sent >= painted || adopting) return;
        const serial = sent = painted;
        const { layer, colours } = await canvas.layers();
        try {
            const [mask, sketch] = await Promise.all([canvas.state().isEmpty ? null : upload(layer), colours && upload(colours)]);
            tell.painted({ serial, layer: mask?.path ?? "", colours: sketch?.path ?? "" });
        } catch {
            lost();
        }
    }

    function lost() {
        sent = stored;
        blame({ code: "", field: "mask_image", part: null, message: "The mask did not reach the studio.", hint: "Check the connection and press Generate again." });
    }

    // Resolves once all that is painted is stored; Generate waits for it.
    function settled() {
        save();
        if (stored >= painted && !adopting) return Promise.resolve();
        const late = setTimeout(lost, PATIENCE);
        return /** @type {Promise<void>} */ (new Promise((resolve) => waiting.push({ serial: painted, resolve: () => { clearTimeout(late); resolve(); } })));
    }

    /**
     * Another picture is in the editor; its mask comes with what is told of masks.
     * @param {StoredPicture | null} picture
     * @param {boolean} holes
     */
    function turn(picture, holes) {
        const before = present;
        transparent = holes;
        if (picture?.id !== before?.id) keepNone();
        present = picture;
        if (picture) outpaint.show(picture);
        if (adopting && picture && picture.id !== before?.id) {
            adopting = false;
            canvas.relay(picture);
            save();
        } else if (picture && picture.id !== before?.id) take();
        draw();
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
        canvas.wipe();
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

    // What the studio has stored, or what the editor is to show.
    async function take() {
        const told = props.value;
        if (!told) return;
        if (told.serial) stored = Math.max(stored, told.serial);
        else if (present && !adopting) {
            forget();
            await canvas.open(present, told.mask ?? "", told.sketch ?? "");
            canvas.show(null);
        }
        if (told.notes?.length) forgive(field("mask_image"));
        say(told.notes ?? [], told.faults ?? []);
        arrive();
    }

    function arrive() {
        const due = adopting ? [] : waiting.filter((one) => stored >= one.serial);
        waiting = waiting.filter((one) => !due.includes(one));
        due.forEach((one) => one.resolve());
        draw();
    }

    /**
     * @param {string[]} notes
     * @param {string[]} faults
     */
    function say(notes, faults) {
        said = { notes, faults };
        draw();
    }

    /** @type {Record<string, () => unknown>} */
    const KEYS = {
        ...Object.fromEntries(Object.entries(TOOLS).map(([name, { key }]) => [key, () => canvas.set({ tool: name })])),
        "[": () => canvas.set({ width: canvas.state().width / ZOOM }), "]": () => canvas.set({ width: canvas.state().width * ZOOM }),
        i: canvas.invert, 0: canvas.view.fit, "+": () => canvas.view.zoom(ZOOM), "=": () => canvas.view.zoom(ZOOM), "-": () => canvas.view.zoom(1 / ZOOM),
    };

    /** @param {KeyboardEvent} event */
    function press(event) {
        const at = target(event);
        if (tab() !== owner || !present || at?.matches("textarea, select, input:not([type=range], [type=checkbox], [type=radio])") || document.querySelector("dialog[open]")) return;
        const key = event.key.toLowerCase();
        if (key === "tab") isLed = true;
        const act = event.ctrlKey || event.metaKey ? { z: event.shiftKey ? canvas.redo : undo, y: canvas.redo }[key] : event.altKey ? null : KEYS[key];
        // A button that was clicked has the focus still while the pointer is over the picture already.
        const isPressed = at?.matches("button, summary, input, a, [role=slider]") && (isLed || !canvas.room.matches(":hover"));
        if (key === " " && !isPressed) {
            event.preventDefault();
            isPanning = true;
            pane.classList.add("panning");
        } else if (act) {
            event.preventDefault();
            act();
        }
    }

    const rest = () => {
        isPanning = false;
        pane.classList.remove("panning");
    };
    document.addEventListener("keydown", press);
    document.addEventListener("pointerdown", () => { isLed = false; }, true);
    document.addEventListener("keyup", (event) => { if (event.key === " ") rest(); });
    window.addEventListener("blur", rest);
    document.addEventListener("visibilitychange", () => { if (document.hidden) save(); });
    onValues((values) => canvas.set({ keeps: values[`${owner}/inverse`] === true }));

    panels.mask = { settled, turn, show: canvas.show };
    panels.rounds?.draw();
    before(owner, settled);
    watch("value", take);
    draw();
}
