// Stacks of LoRAs under a name: put on, save what is here, delete one's own.
import { host, make } from "./dom.js";
import { icon } from "./icon.js";

/** @param {any} panel */
export async function openLoraStacks(panel) {
    const { server, model, current, apply } = panel;
    const LOST = "The studio did not answer. Check the connection and try again.";

    const rows = make("div", { class: "stack-rows", role: "list", "aria-label": "Saved stacks" });
    const line = make("p", { class: "fault", role: "alert" });
    const name = make("input", { type: "text", maxlength: 60, placeholder: "Name", "aria-label": "Name of the stack", onkeydown: (event) => { if (event.key === "Enter") { event.preventDefault(); save(); } } });
    const keep = make("button", { type: "button", class: "plain", onclick: save }, "Save this stack");
    const dialog = make("dialog", { class: "sheet stacks", "aria-label": "Stacks of LoRAs", onclose: () => { dialog.remove(); } },
        make("h2", {}, "Stacks of LoRAs"), rows, line,
        make("div", { class: "stack-save" }, name, keep),
        make("form", { method: "dialog" }, make("button", { class: "plain" }, "Close")));
    name.disabled = keep.disabled = !current().length;
    host().append(dialog);
    dialog.showModal();
    take(await server.stacks({ model: model() }));

    /** @param {any} answer */
    function take(answer) {
        line.textContent = answer ? answer.fault ?? "" : LOST;
        if (!answer?.stacks) return false;
        rows.replaceChildren(...answer.stacks.map(row), ...(answer.stacks.length ? [] : [make("p", { class: "quiet" }, "There is none for this model yet.")]));
        return true;
    }

    /** @param {any} stack */
    function row(stack) {
        const said = stack.loras.map((/** @type {any} */ lora) => `${lora.name} ${lora.weight}`).join(", ");
        const pick = make("button", { type: "button", class: "stack-pick", "aria-label": `Put on ${stack.name}`, onclick: () => { apply(stack.loras); dialog.close(); } },
            make("span", { class: "lora-name" }, stack.name), make("span", { class: "quiet" }, stack.purpose ? `${stack.purpose} ` : "", said));
        const forget = stack.own
            ? [make("button", { type: "button", class: "drop", title: "Delete", "aria-label": `Delete ${stack.name}`, onclick: async () => take(await server.forget({ id: stack.id, model: model() })) }, icon("remove"))] : [];
        return make("div", { class: "stack-row", role: "listitem" }, pick, ...forget);
    }

    async function save() {
        if (!name.value.trim()) return name.focus();
        if (take(await server.save({ name: name.value, loras: current(), model: model() }))) name.value = "";
    }
}
