// A fault stands at its field until the field changes, or until something is made.
import { field, input, make, part } from "./dom.js";
import { ids } from "./ids.js";
import { panels } from "./panels.js";

/**
 * Whether a fault could be shown at its field.
 * @param {Fault} fault
 */
export function blame(fault) {
    if (fault.code === "download_not_agreed") return panels.picker?.consent(fault) ?? false;
    if (fault.field === "controls") return panels.controls?.blame(fault) ?? false;
    if (fault.field === "loras") return panels.loras?.blame(fault) ?? false;
    const block = fault.field && field(fault.field);
    if (!block || block.hidden) return false;
    forgive(block);
    const more = block.closest(`#${ids.more}`);
    if (more && !block.offsetParent) part(more, "button").click();
    block.classList.add("at-fault");
    const id = `fault-${block.id}`;
    block.append(make("p", { class: "fault", id, role: "alert" }, `${fault.message} ${fault.hint}`.trim()));
    const entry = input(fault.field ?? "") ?? block.querySelector("button");
    entry?.setAttribute("aria-invalid", "true");
    entry?.setAttribute("aria-describedby", id);
    requestAnimationFrame(() => {
        block.scrollIntoView({ block: "center" });
        entry?.focus({ preventScroll: true });
    });
    return true;
}

/**
 * What is said of a fault where its field is not to be seen.
 * @param {FieldFault} fault
 */
export const sentence = ({ label, message, hint }) => `${label ? `${label}: ` : ""}${message} ${hint}`.trim();

/** @param {Element | null} block */
export function forgive(block) {
    block?.classList.remove("at-fault");
    block?.querySelector(":scope > .fault")?.remove();
    const entry = block?.querySelector("[aria-invalid]");
    entry?.removeAttribute("aria-invalid");
    entry?.removeAttribute("aria-describedby");
}

/** What is made shows that nothing stands in its way any more. */
export function forgiveAll() {
    document.querySelectorAll(".at-fault[id]").forEach(forgive);
    panels.controls?.forgive();
    panels.loras?.forgive();
}
