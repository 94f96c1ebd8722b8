// Settings from elsewhere: a picture or text of this or another tool, dropped on the prompt, pasted or chosen, fills the form.
import { part, tab, target } from "./dom.js";
import { icon } from "./icon.js";
import { ids } from "./ids.js";
import { html, nothing, render } from "./vendor/lit.js";

/** @param {Island<ImportNews>} island */
export function mount({ element, props, watch, upload, tell: { bring } }) {
    // Here a picture is no source, so that one which is dropped anywhere tells its settings.
    const FREE = "text_to_image";
    const SETTINGS = /\bSteps: *\d+ *[,\n]|\bNegative prompt:|^\s*\{[^]*"(class_type|sui_image_params|base_model|positive_prompt|cfgScale)"/;

    const root = part(element, ".imported");
    /** @type {Part} */
    let note = nothing;

    function draw() {
        render(html`<button type="button" class="presets-open" title="From a picture of this studio, A1111, Forge, ComfyUI, Fooocus, InvokeAI or another tool; or drop it on the prompt, or paste its text there"
                @click=${() => part(root, "[type=file]").click()}>Import settings</button>
            <input type="file" accept="image/*,.avif,.jxl,.txt,.json" class="unseen" tabindex="-1" aria-label="Picture or text with settings" @change=${({ target: file }) => { take(file.files[0]); file.value = ""; }}>
            <div class="imported-note" role="status" ?hidden=${note === nothing}><button type="button" class="tool" aria-label="Close" @click=${() => say(nothing)}>${icon("remove")}</button>${note}</div>`, root);
    }

    /** @param {Part} words */
    function say(words) {
        note = words;
        draw();
    }

    /** @param {string} words */
    const wrong = (words) => say(html`<p class="fault">${words}</p>`);

    /** @param {File | undefined} given */
    async function take(given) {
        if (!given) return;
        say(html`<p class="quiet">Reading ${given.name}</p>`);
        const sent = await upload(given).catch(() => null);
        if (sent) bring({ path: sent.path, name: given.name });
        else wrong(`${given.name} did not arrive. Check the connection and try again.`);
    }

    function hear() {
        const told = props.value;
        if (!told?.serial) return;
        if (told.fault) return wrong(told.fault);
        const { left = [], origin = [] } = told;
        say(html`<p>The settings of ${told.name || "the text"} are in the form${left.length ? "; left out or changed:" : "."}</p>${left.length ? html`<ul>${left.map((words) => html`<li>${words}</li>`)}</ul>` : nothing}${origin.map((words) => html`<p class="quiet">${words}</p>`)}`);
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
        const land = (event) => {
            if (event.defaultPrevented || !carries(event) || !here(event)) return;
            event.preventDefault();
            if (type === "drop") take(event.dataTransfer?.files[0]);
        };
        document.addEventListener(type, (event) => { if (inPrompt(event)) land(event); }, true);
        document.addEventListener(type, land);
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

    draw();
    watch("value", hear);
}
