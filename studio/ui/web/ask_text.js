// A small question that is answered by a few words.
import { host, make } from "./dom.js";

/**
 * What was written; null where it was closed without.
 * @param {{ title: string, label: string, value?: string, act: string, choices?: string[], help?: string }} question
 * @returns {Promise<string | null>}
 */
export function askText({ title, label, value = "", act, choices = [], help = "" }) {
    return new Promise((resolve) => {
        const entry = make("input", { type: "text", "aria-label": label, list: choices.length ? "asked-choices" : null, maxlength: "200" });
        entry.value = value;
        /** @type {string | null} */
        let answer = null;
        const dialog = make("dialog", { class: "sheet", "aria-label": title });
        dialog.append(make("form", { method: "dialog", class: "asked", onsubmit: () => { answer = entry.value.trim(); } },
            make("h2", {}, title), entry, help ? make("p", { class: "quiet" }, help) : null,
            make("datalist", { id: "asked-choices" }, ...choices.map((choice) => make("option", { value: choice }))),
            make("div", { class: "asked-acts" }, make("button", { type: "button", class: "plain", onclick: () => { dialog.close(); } }, "Cancel"), make("button", { class: "plain first" }, act))));
        dialog.addEventListener("close", () => { dialog.remove(); resolve(answer); });
        host().append(dialog);
        dialog.showModal();
        entry.select();
    });
}
