// Live: each change of the form is drawn at once, in few steps; what it said before is not drawn any more.
import { input, part, tab, target } from "./dom.js";
import { facts, onValues } from "./form.js";
import { go } from "./generate.js";

// How long the form has to say the same before it is drawn, in milliseconds.
const SETTLED = 60;

/** @param {Island<null, string[]>} island */
export function mount({ element, data: tabs }) {
    const button = part(element, ".live-switch");
    let waiting = 0;
    let going = false;
    let again = false;

    const isOn = () => button.getAttribute("aria-pressed") === "true";

    function changed() {
        clearTimeout(waiting);
        if (isOn() && tabs.includes(tab())) waiting = window.setTimeout(draw, SETTLED);
    }

    /** What is read from the form takes a moment; what changes meanwhile is read again. */
    async function draw() {
        if (going) {
            again = true;
            return;
        }
        going = true;
        if (input("prompt")?.value.trim() && !facts()?.tabs[tab()]?.cannot) await go({ serial: Date.now() });
        going = false;
        if (again) {
            again = false;
            changed();
        }
    }

    button.addEventListener("click", () => {
        button.setAttribute("aria-pressed", String(!isOn()));
        changed();
    });
    onValues(changed);
    // A stroke of the brush changes no field until what it painted is read.
    document.addEventListener("pointerup", (event) => { if (target(event)?.matches(".bench canvas")) changed(); });
}
