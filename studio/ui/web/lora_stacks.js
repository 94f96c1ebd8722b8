// Stacks of LoRAs under a name: put on, save what is here, delete one's own.
import { host, make, part } from "./dom.js";
import { icon } from "./icon.js";
import { html, nothing, render } from "./vendor/lit.js";

/** @typedef {{ stacks: LoraStacks, save: LoraStacks, forget: LoraStacks }} LoraStacksActs */

/** @param {{ server: Server<LoraStacksActs>, model: () => string | undefined, current: () => object[], apply: (loras: LoraStack["loras"]) => void }} panel */
export async function openLoraStacks({ server, model, current, apply }) {
    /** @type {LoraStack[] | null} */
    let stacks = null;
    let fault = "";
    const dialog = make("dialog", { class: "sheet stacks", "aria-label": "Stacks of LoRAs", onclose: () => { dialog.remove(); } });
    draw();
    host().append(dialog);
    dialog.showModal();
    take(await server.stacks({ model: model() }));

    /** @param {Answer<LoraStacks>} answer */
    function take(answer) {
        fault = answer.fault ?? "";
        if (answer.fault === undefined) ({ stacks } = answer);
        draw();
        return !fault;
    }

    function draw() {
        const none = !current().length;
        render(html`<h2>Stacks of LoRAs</h2>
            <div class="stack-rows" role="list" aria-label="Saved stacks">${stacks?.map(row)}${stacks && !stacks.length ? html`<p class="quiet">There are none for this model yet.</p>` : nothing}</div>
            <p class="fault" role="alert">${fault}</p>
            <div class="stack-save"><input type="text" maxlength="60" placeholder="Name" aria-label="Name of the stack" ?disabled=${none} @keydown=${(event) => { if (event.key === "Enter") { event.preventDefault(); save(); } }}>
                <button type="button" class="plain" ?disabled=${none} @click=${save}>Save this stack</button></div>
            <form method="dialog"><button class="plain">Close</button></form>`, dialog);
    }

    /** @param {LoraStack} stack */
    function row({ id, name, purpose, loras, own }) {
        const said = loras.map((lora) => `${lora.name} ${lora.weight}`).join(", ");
        return html`<div class="stack-row" role="listitem">
            <button type="button" class="stack-pick" aria-label=${`Use ${name}`} @click=${() => { apply(loras); dialog.close(); }}><span class="lora-name">${name}</span><span class="quiet">${purpose ? `${purpose} ` : ""}${said}</span></button>
            ${own ? html`<button type="button" class="drop" title="Delete" aria-label=${`Delete ${name}`} @click=${async () => take(await server.forget({ id, model: model() }))}>${icon("remove")}</button>` : nothing}</div>`;
    }

    async function save() {
        const name = /** @type {HTMLInputElement} */ (part(dialog, ".stack-save input"));
        if (!name.value.trim()) return name.focus();
        if (take(await server.save({ name: name.value, loras: current(), model: model() }))) name.value = "";
    }
}
