// The picker of models: a button that says which is chosen, and a panel of all with what each needs.
import { part } from "./dom.js";
import { facts, onFacts } from "./form.js";
import { panels } from "./panels.js";
import { html, render } from "./vendor/lit.js";

/** @typedef {{ models: PickerModels, favour: {}, fetch: {}, agree: {} }} PickerActs */

/** @param {Island<null, null, PickerActs>} island */
export function mount({ element, server, tell }) {
    const home = part(element, ".model-place");
    /** @type {((now: string) => void) | null} */
    let arrived = null;

    /**
     * Returns when the form has heard of it.
     * @param {string} id
     */
    const pick = (id) => /** @type {Promise<void>} */ (new Promise((resolve) => {
        if (facts()?.model.id === id) return resolve();
        arrived = (now) => { if (now === id) resolve(); };
        tell.pick({ id });
    }));

    const open = async () => (await import("./model_panel.js")).openModelPanel({ server, chosen: facts()?.model.id ?? "", pick });

    function draw() {
        const model = facts()?.model;
        render(html`<button type="button" class="model-open" aria-haspopup="dialog" aria-label=${`Model: ${model?.name ?? ""}`} title="Choose a model" @click=${open}><span>${model?.name ?? "Model"}</span></button>`, home);
    }

    panels.picker = { consent: (fault) => { import("./consent_dialog.js").then(({ askConsent }) => askConsent(fault, server)); return true; } };
    draw();
    onFacts(({ model }) => { draw(); arrived?.(model.id); });
}
