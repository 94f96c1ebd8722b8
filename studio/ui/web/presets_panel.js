// Presets: the buttons below the prompt, and what the chosen styles and negative prompts say below their fields.
import { field, part } from "./dom.js";
import { onValues, value } from "./form.js";
import { note } from "./form_marks.js";
import { html, render } from "./vendor/lit.js";

const WORDS = ["styles", "negative_presets"];

/** @param {Island<PresetNews, null, { styles: StylePage, words: Record<string, string>, forget: {} }>} island */
export function mount({ element, props, watch, upload, server, tell }) {
    /** @type {((told: PresetNews) => void) | null} */
    let take = null;
    let told = JSON.stringify(WORDS.map(() => []));

    async function show() {
        const { openPresets } = await import("./presets_dialog.js");
        take = openPresets({ upload, tell, now: props.value, closed: () => { take = null; } });
    }

    const browse = async () => (await import("./style_browser.js")).openStyleBrowser(server);

    onValues(async () => {
        const names = WORDS.map((name) => value(name) ?? []);
        const now = JSON.stringify(names);
        if (now === told) return;
        told = now;
        const words = names.flat().length ? await server.words(Object.fromEntries(WORDS.map((name, at) => [name, names[at]]))) : {};
        if (now === told && words.fault === undefined) WORDS.forEach((name) => note(field(name), /** @type {Record<string, string>} */ (words)[name] ?? ""));
    });

    render(html`<button type="button" class="presets-open" @click=${show}>Presets</button><button type="button" class="presets-open" @click=${browse}>Browse styles</button>`, part(element, ".presets"));
    watch("value", () => { if (props.value) take?.(props.value); });
}
