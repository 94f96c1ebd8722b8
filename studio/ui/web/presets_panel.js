// Presets: recipes under a name, put on the form whole or in part; styles and negative prompts of one's own.
import { host, make, part, tab } from "./dom.js";
import { value } from "./form.js";
import { icon } from "./icon.js";
import { styleNotes } from "./style_notes.js";

/** @param {Island} island */
export function mount({ element, props, watch, upload, server, tell }) {
    /** @type {Record<string, string>} */
    const PARTS = { words: "Words", model: "Model", size: "Size", sampling: "Sampling", seed: "Seed", edit: "Edit", loras: "LoRAs", control: "Control" };
    const FOLDERS = { recipes: "All that is on the form", styles: "A style", negative: "A negative prompt" };
    const LONGEST = 60;

    // The open dialog; the recipe that is looked at; the name that would be replaced; what is asked to be deleted.
    /** @type {HTMLDialogElement} */
    let dialog = /** @type {any} */ (null);
    let shown = false;
    /** @type {string | null} */
    let open = null;
    let taken = "";
    let doomed = "";
    // What the rows show; they are left alone while that is the same, with what was ticked in them.
    let drawn = "";

    /**
     * @param {string} words
     * @param {Handler} act
     */
    const opener = (words, act) => make("button", { type: "button", class: "presets-open", onclick: act }, words);
    part(element, ".presets").append(opener("Presets", show), opener("Browse styles", browse));
    styleNotes(server);
    watch("value", take);

    /**
     * @param {string} name
     * @param {any} data
     */
    const act = (name, data) => { doomed = ""; tell[name](data); };
    /**
     * @param {string} label
     * @param {Entry} entry
     */
    const field = (label, entry) => make("label", { class: "preset-field" }, make("span", {}, label), entry);

    const rows = make("div", { role: "list", class: "preset-rows" });
    const own = make("div", { role: "list", class: "preset-rows" });
    const ownTitle = make("h3", {}, "Own negative prompts");
    const said = make("p", { class: "note", role: "status" });
    const fault = make("p", { class: "fault", role: "alert" });
    // Files that cannot be read, and why.
    const faults = make("div", { class: "faults" });
    const name = make("input", { type: "text", maxlength: LONGEST, "aria-label": "Name", placeholder: "Name", oninput: () => ask(""), onkeydown: (event) => { if (event.key === "Enter") { event.preventDefault(); save(); } } });
    const folder = make("select", { "aria-label": "What is saved", onchange: () => ask("") }, ...Object.entries(FOLDERS).map(([id, words]) => make("option", { value: id }, words)));
    const prompt = make("textarea", { rows: 2, placeholder: "oil painting of {prompt}, rich colours" });
    const negative = make("textarea", { rows: 2, placeholder: "photograph, flat colours" });
    const words = field("Words; {prompt} is where those of the prompt go", prompt);
    const kept = field("Keeps out", negative);
    const button = make("button", { type: "button", class: "plain", onclick: save }, "Save");
    const file = make("input", { type: "file", accept: ".csv,.json", class: "unseen", tabindex: -1, "aria-label": "File of styles", onchange: bring });

    async function browse() {
        const { openStyleBrowser } = await import("./style_browser.js");
        openStyleBrowser(server);
    }

    function show() {
        ask("");
        dialog = make("dialog", { class: "sheet preset-sheet", "aria-label": "Presets", onclose: () => { dialog.remove(); shown = false; } },
            make("h2", {}, "Presets"), make("h3", {}, "Saved recipes"), rows,
            make("h3", {}, "Save"), make("div", { class: "preset-save" }, folder, name, button), words, kept,
            ownTitle, own,
            make("div", {}, make("button", { type: "button", class: "plain", title: "A styles.csv of A1111, or a .json of Fooocus", onclick: () => { file.click(); } }, "Import styles"), file),
            said, fault, faults,
            make("form", { method: "dialog" }, make("button", { class: "plain" }, "Close")));
        said.textContent = fault.textContent = "";
        negative.value = value("negative_prompt") ?? "";
        drawn = doomed = "";
        draw();
        host().append(dialog);
        dialog.showModal();
        shown = true;
        tell.look({});
    }

    /**
     * What the form of saving asks for; `name` is one that is taken.
     * @param {string} name
     */
    function ask(name) {
        taken = name;
        button.textContent = name ? "Replace" : "Save";
        words.hidden = folder.value !== "styles";
        kept.hidden = folder.value === "recipes";
    }

    function take() {
        const told = props.value;
        if (!shown || !told?.recipes) return;
        draw();
        // What is there is looked at whenever the dialog opens, and must not take away what is said meanwhile.
        if (told.act === "look" && !told.fault) return;
        said.textContent = told.said ?? "";
        fault.textContent = told.fault ?? "";
        ask(told.replace ?? "");
        if (told.done && told.act === "use" && !told.said) dialog.close();
        if (told.done && told.act === "save") name.value = "";
    }

    function draw() {
        const { recipes = [], negative = [], faults: left = [] } = props.value ?? {};
        faults.replaceChildren(...left.map((/** @type {string} */ words) => make("p", { class: "fault" }, words)));
        const now = JSON.stringify([recipes, negative, doomed]);
        if (now === drawn) return;
        drawn = now;
        rows.replaceChildren(...recipes.map(recipe), ...(recipes.length ? [] : [make("p", { class: "quiet" }, "There is none yet.")]));
        own.replaceChildren(...negative.map((/** @type {any} */ preset) => row("negative", preset)));
        own.hidden = ownTitle.hidden = !own.childElementCount;
    }

    /** @param {any} preset */
    function recipe(preset) {
        const parts = preset.parts.map((/** @type {any} */ part) => make("label", { class: "preset-part" }, make("input", { type: "checkbox", value: part, checked: true }), PARTS[part]));
        const chosen = () => parts.map((/** @type {any} */ part) => part.firstChild).filter((/** @type {any} */ { checked }) => checked).map((/** @type {HTMLInputElement} */ box) => box.value);
        const use = make("button", { type: "button", class: "plain", onclick: () => act("use", { id: preset.id, parts: chosen(), tab: tab() }) }, "Use");
        const all = make("details", { class: "preset-recipe", open: open === preset.id, ontoggle: () => { if (all.open) open = preset.id; else if (open === preset.id) open = null; } },
            make("summary", {}, make("span", { class: "preset-name" }, preset.name), make("span", { class: "quiet" }, preset.words)),
            make("div", { class: "preset-parts", role: "group", "aria-label": `Parts of ${preset.name}` }, ...parts, use));
        parts.forEach((/** @type {any} */ part) => part.addEventListener("change", () => { use.disabled = !chosen().length; }));
        return make("div", { role: "listitem", class: "preset-row" }, all, drop("recipes", preset));
    }

    /**
     * @param {string} place
     * @param {any} preset
     */
    const row = (place, preset) => make("div", { role: "listitem", class: "preset-row" },
        make("div", { class: "preset-words" }, make("span", { class: "preset-name" }, preset.name), make("span", { class: "quiet" }, preset.words)), drop(place, preset));

    /**
     * Deleting is asked for twice.
     * @param {string} place
     * @param {any} given
     */
    function drop(place, { id, name }) {
        const key = `${place}/${id}`;
        const sure = doomed === key;
        const remove = () => {
            if (sure) return act("remove", { folder: place, id });
            doomed = key;
            draw();
            part(dialog, ".sure").focus();
        };
        return make("button", { type: "button", class: sure ? "plain sure" : "drop", title: "Delete", "aria-label": sure ? null : `Delete ${name}`, onclick: remove }, ...(sure ? ["Delete"] : [icon("remove")]));
    }

    function save() {
        if (!name.value.trim()) return name.focus();
        act("save", { folder: folder.value, name: name.value, prompt: prompt.value, negative: negative.value, replace: taken === name.value.trim(), tab: tab() });
    }

    async function bring() {
        const chosen = file.files?.[0];
        file.value = "";
        const arrived = chosen && await upload(chosen).catch(() => null);
        if (arrived) act("bring", { path: arrived.path, name: chosen.name });
        else if (chosen) fault.textContent = "The file did not arrive. Check the connection and try again.";
    }
}
