// Settings from elsewhere: a picture or text of this or another tool, dropped on the prompt, pasted or chosen, fills the form.
import { make, part, tab, target } from "./dom.js";
import { ids } from "./ids.js";
import { icon } from "./icon.js";

/** @param {Island} island */
export function mount({ element, props, watch, upload, tell: { bring } }) {
    // Here a picture is no source, so that one which is dropped anywhere tells its settings.
    const FREE = "text_to_image";
    const SETTINGS = /\bSteps: *\d+ *[,\n]|\bNegative prompt:|^\s*\{[^]*"(class_type|sui_image_params|base_model|positive_prompt|cfgScale)"/;

    const file = make("input", { type: "file", accept: "image/*,.avif,.jxl,.txt,.json", class: "unseen", tabindex: -1, "aria-label": "Picture or text with settings", onchange: () => { take(file.files?.[0]); file.value = ""; } });
    const note = make("div", { class: "imported-note", role: "status", hidden: true });
    part(element, ".imported").append(
        make("button", { type: "button", class: "presets-open", title: "From a picture of this studio, A1111, Forge, ComfyUI, Fooocus, InvokeAI or another tool; or drop it on the prompt, or paste its text there", onclick: () => { file.click(); } }, "Settings of a picture"),
        file, note);

    /** @param {any} given */
    async function take(given) {
        say(make("p", { class: "quiet" }, `Reading ${given.name}`));
        const sent = await upload(given).catch(() => null);
        if (sent) bring({ path: sent.path, name: given.name });
        else say(make("p", { class: "fault" }, `${given.name} did not arrive. Check the connection and try again.`));
    }

    /** @param {...Node} words */
    function say(...words) {
        note.hidden = false;
        note.replaceChildren(make("button", { type: "button", class: "tool", "aria-label": "Close", onclick: () => { note.hidden = true; } }, icon("remove")), ...words);
    }

    function draw() {
        const told = props.value;
        if (!told?.serial) return;
        if (told.fault) return say(make("p", { class: "fault" }, told.fault));
        say(make("p", {}, `The settings of ${told.name || "the text"} are in the form${told.left.length ? "; left out or changed:" : "."}`),
            ...(told.left.length ? [make("ul", {}, ...told.left.map((/** @type {string} */ words) => make("li", {}, words)))] : []));
    }

    /** @param {any} event */
    const inPrompt = (event) => Boolean(target(event)?.closest(`#${ids.field}prompt`));
    /**
     * A result that is dragged carries itself as a file, too.
     * @param {any} given
     */
    const carries = ({ dataTransfer }) => dataTransfer.types.includes("Files") && !dataTransfer.types.includes("application/x-studio");
    /** @param {any} event */
    const here = (event) => inPrompt(event) || (tab() === FREE && !document.querySelector("dialog[open]"));
    for (const type of ["dragover", "drop"]) {
        /**
         * On the prompt it is ours before any well of the tab; elsewhere after what stands there.
         * @param {any} event
         */
        const hear = (event) => {
            if (event.defaultPrevented || !carries(event) || !here(event)) return;
            event.preventDefault();
            if (type === "drop") take(event.dataTransfer?.files[0]);
        };
        document.addEventListener(type, (event) => { if (inPrompt(event)) hear(event); }, true);
        document.addEventListener(type, hear);
    }
    document.addEventListener("paste", (event) => {
        const [pasted] = event.clipboardData?.files ?? [];
        const text = event.clipboardData?.getData("text/plain") ?? "";
        if (event.defaultPrevented || !here(event)) return;
        if (pasted) take(pasted);
        else if (inPrompt(event) && SETTINGS.test(text)) bring({ text });
        else return;
        event.preventDefault();
    });

    watch("value", draw);
}
