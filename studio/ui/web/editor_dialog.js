// A dialog that fills the page, to place or draw something in: tools above, Cancel and Done at their right.
import { host, keepingFocus, make, part } from "./dom.js";
import { html, render } from "./vendor/lit.js";

/**
 * `tools`, `body` and `foot` draw its parts, `finish` applies what was made and returns what is wrong with it; `changed` says whether
 * leaving would lose something; `undo` and `redo` follow the keys.
 * @typedef {{ tools: () => Part, body: () => Part, foot: () => Part, changed: () => boolean, finish: () => Promise<string>, undo: () => void, redo: () => void }} Editor
 */

/**
 * Returns the dialog, what draws it anew, and what says something below.
 * @param {string} name
 * @param {Editor} editor
 */
export function openEditorDialog(name, { tools, body, foot, changed, finish, undo, redo }) {
    let line = { words: "", wrong: false };
    let ending = false;
    const dialog = make("dialog", { class: "desk", "aria-label": name, onkeydown: press, onclose: () => { dialog.remove(); } });

    function draw() {
        keepingFocus(() => render(html`<header><div class="desk-tools">${tools()}</div>
                <div class="desk-ends"><button type="button" class="plain" @click=${() => dialog.close()}>Cancel</button><button type="button" class="plain done" ?disabled=${ending} @click=${apply}>Done</button></div></header>
            <div class="desk-body">${body()}</div>
            <div class="desk-foot"><p class=${line.wrong ? "desk-line wrong" : "desk-line"} role="status">${line.words}</p>${foot()}</div>`, dialog));
    }

    /**
     * @param {string} words
     * @param {boolean} [wrong]
     */
    function say(words, wrong = false) {
        line = { words, wrong };
        draw();
    }

    async function apply() {
        ending = true;
        draw();
        const fault = await finish();
        ending = false;
        if (fault) say(fault, true);
        else dialog.close();
    }

    /** @param {KeyboardEvent} event */
    function press(event) {
        const key = event.key.toLowerCase();
        if (!(event.ctrlKey || event.metaKey) || !["z", "y"].includes(key)) return;
        event.preventDefault();
        if (key === "y" || event.shiftKey) redo();
        else undo();
    }

    // Escape loses nothing by accident.
    dialog.addEventListener("cancel", (event) => {
        if (!changed()) return;
        event.preventDefault();
        say("Done keeps what you made; Cancel discards it.");
        part(dialog, ".done").focus();
    });
    host().append(dialog);
    dialog.showModal();
    return { dialog, draw, say };
}

/**
 * The size of a canvas of that shape whose longer side is at most, or exactly, so long.
 * @param {{ width: number, height: number }} shape
 * @param {number} longest
 * @param {boolean} [exactly]
 */
export function canvasSize({ width, height }, longest, exactly = false) {
    const scale = longest / Math.max(width, height);
    const by = exactly ? scale : Math.min(1, scale);
    return { width: Math.round(width * by), height: Math.round(height * by) };
}
