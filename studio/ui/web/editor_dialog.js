// A dialog that fills the page, to place or draw something in: tools above, Cancel and Done at their right.
import { host, make } from "./dom.js";

/**
 * `finish` applies what was made and returns what is wrong with it; `changed` says whether leaving would lose something.
 * @param {string} name
 * @param {any} given
 */
export function openEditorDialog(name, { tools, body, foot, changed, finish, key }) {
    const line = make("p", { class: "desk-line", role: "status" });
    const shut = () => { dialog.close(); };
    const end = make("button", { type: "button", class: "plain done", onclick: apply }, "Done");
    const dialog = make("dialog", { class: "desk", "aria-label": name, onkeydown: key, onclose: () => { dialog.remove(); } },
        make("header", {}, make("div", { class: "desk-tools" }, ...tools), make("div", { class: "desk-ends" }, make("button", { type: "button", class: "plain", onclick: shut }, "Cancel"), end)),
        make("div", { class: "desk-body" }, ...body),
        make("div", { class: "desk-foot" }, line, ...foot));
    /** @param {string} words */
    const say = (words) => { line.className = "desk-line"; line.textContent = words; };
    /** @param {string} words */
    const wrong = (words) => { line.className = "desk-line wrong"; line.textContent = words; };

    async function apply() {
        end.disabled = true;
        const fault = await finish();
        end.disabled = false;
        if (fault) wrong(fault);
        else shut();
    }

    // Escape loses nothing by accident.
    dialog.addEventListener("cancel", (/** @type {any} */ event) => {
        if (!changed()) return;
        event.preventDefault();
        say("Done keeps what you made, Cancel drops it.");
        end.focus();
    });
    host().append(dialog);
    dialog.showModal();
    return { say, wrong };
}

/**
 * The size of a canvas of that shape whose longer side is at most, or exactly, so long.
 * @param {any} given
 * @param {number} longest
 * @param {boolean} [exactly]
 */
export function canvasSize({ width, height }, longest, exactly = false) {
    const scale = longest / Math.max(width, height);
    const by = exactly ? scale : Math.min(1, scale);
    return { width: Math.round(width * by), height: Math.round(height * by) };
}
