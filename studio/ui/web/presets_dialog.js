// The presets: recipes under a name, put on the form whole or in part; styles and negative prompts of one's own.
import { host, make, part, tab } from "./dom.js";
import { value } from "./form.js";
import { icon } from "./icon.js";
import { html, live, nothing, render, repeat } from "./vendor/lit.js";

/** @type {Record<string, string>} */
const PARTS = { words: "Words", model: "Model", size: "Size", sampling: "Sampling", seed: "Seed", edit: "Edit", loras: "LoRAs", control: "Control" };
const FOLDERS = { recipes: "Everything on the form", styles: "A style", negative: "A negative prompt" };
const LONGEST = 60;

/**
 * Opens the dialog; what comes back takes what the server tells while it is open.
 * @param {{ upload: Upload, tell: Tell, now: PresetNews | null, closed: () => void }} panel
 */
export function openPresets({ upload, tell, now, closed }) {
    let told = now;
    // What is to be saved; the name that would be replaced; what is asked to be deleted.
    const draft = { folder: "recipes", name: "", prompt: "", negative: value("negative_prompt") ?? "" };
    let taken = "";
    let doomed = "";
    let said = "";
    let fault = "";
    // The parts that are left out of each recipe.
    /** @type {Record<string, Set<string>>} */
    const left = {};
    const dialog = make("dialog", { class: "sheet preset-sheet", "aria-label": "Presets", onclose: () => { dialog.remove(); closed(); } });
    draw();
    host().append(dialog);
    dialog.showModal();
    tell.look({});
    return take;

    /** @param {PresetNews} news */
    function take(news) {
        if (!news.recipes) return;
        told = news;
        // What is there is looked at whenever the dialog opens, and must not take away what is said meanwhile.
        if (news.act !== "look" || news.fault) {
            said = news.said ?? "";
            fault = news.fault ?? "";
            taken = news.replace ?? "";
            if (news.done && news.act === "save") draft.name = "";
        }
        draw();
        if (news.done && news.act === "use" && !news.said) dialog.close();
    }

    function draw() {
        const { recipes = [], negative = [], shares = [], faults = [] } = told ?? {};
        render(html`<h2>Presets</h2><h3>Saved recipes</h3>
            <div role="list" class="preset-rows">${repeat(recipes, ({ id }) => id, recipe)}${recipes.length ? nothing : html`<p class="quiet">There is none yet.</p>`}</div>
            <h3>Save</h3>
            <div class="preset-save"><select aria-label="What is saved" @change=${(event) => write({ folder: event.target.value })}>${Object.entries(FOLDERS).map(([id, words]) => html`<option value=${id}>${words}</option>`)}</select>
                <input type="text" maxlength=${LONGEST} aria-label="Name" placeholder="Name" .value=${live(draft.name)} @input=${(event) => write({ name: event.target.value })} @keydown=${(event) => { if (event.key === "Enter") { event.preventDefault(); save(); } }}>
                <button type="button" class="plain" @click=${save}>${taken ? "Replace" : "Save"}</button></div>
            <label class="preset-field" ?hidden=${draft.folder !== "styles"}><span>Words; {prompt} is where those of the prompt go</span><textarea rows="2" placeholder="oil painting of {prompt}, rich colours" @input=${(event) => { draft.prompt = event.target.value; }}></textarea></label>
            <label class="preset-field" ?hidden=${draft.folder === "recipes"}><span>Keeps out</span><textarea rows="2" placeholder="photograph, flat colours" .value=${draft.negative} @input=${(event) => { draft.negative = event.target.value; }}></textarea></label>
            <h3 ?hidden=${!negative.length}>Saved negative prompts</h3>
            <div role="list" class="preset-rows" ?hidden=${!negative.length}>${repeat(negative, ({ id }) => id, row)}</div>
            ${shares.length ? html`<h3>Share with everybody</h3><div role="list" class="preset-rows">${repeat(shares, ({ folder, id }) => `${folder}/${id}`, share)}</div>` : nothing}
            <div><button type="button" class="plain" title="A styles.csv of A1111, or a .json of Fooocus" @click=${() => part(dialog, "[type=file]").click()}>Import styles</button>
                <input type="file" accept=".csv,.json" class="unseen" tabindex="-1" aria-label="File of styles" @change=${bring}></div>
            <p class="note" role="status">${said}</p><p class="fault" role="alert">${fault}</p>
            <div class="faults">${faults.map((words) => html`<p class="fault">${words}</p>`)}</div>
            <form method="dialog"><button class="plain">Close</button></form>`, dialog);
    }

    /** @param {Partial<typeof draft>} change */
    function write(change) {
        Object.assign(draft, change);
        taken = "";
        draw();
    }

    /**
     * @param {string} name
     * @param {object} data
     */
    function act(name, data) {
        doomed = "";
        draw();
        tell[name](data);
    }

    /** @param {PresetRow} preset */
    function recipe({ id, name, words, parts, own }) {
        const without = (left[id] ??= new Set());
        const chosen = parts.filter((one) => !without.has(one));
        /** @param {any} event */
        const tick = ({ target: { value: one, checked } }) => {
            if (checked) without.delete(one);
            else without.add(one);
            draw();
        };
        return html`<div role="listitem" class="preset-row"><details class="preset-recipe" name="preset-recipe"><summary><span class="preset-name">${name}</span><span class="quiet">${words}</span></summary>
                <div class="preset-parts" role="group" aria-label=${`Parts of ${name}`}>${parts.map((one) => html`<label class="preset-part"><input type="checkbox" value=${one} .checked=${live(!without.has(one))} @change=${tick}>${PARTS[one]}</label>`)}
                    <button type="button" class="plain" ?disabled=${!chosen.length} @click=${() => act("use", { id, parts: chosen, tab: tab() })}>Use</button></div></details>${own ? drop("recipes", id, name) : nothing}</div>`;
    }

    /** @param {PresetRow} preset */
    function row({ id, name, words, own }) {
        return html`<div role="listitem" class="preset-row"><div class="preset-words"><span class="preset-name">${name}</span><span class="quiet">${words}</span></div>${own ? drop("negative", id, name) : nothing}</div>`;
    }

    /** @param {PresetShare} preset */
    function share({ folder, id, name }) {
        return html`<div role="listitem" class="preset-row"><span class="preset-name">${name}</span><button type="button" class="plain" aria-label=${`Share ${name} with everybody`} @click=${() => act("share", { folder, id })}>Share</button></div>`;
    }

    /**
     * Deleting is asked for twice.
     * @param {string} folder
     * @param {string} id
     * @param {string} name
     */
    function drop(folder, id, name) {
        const key = `${folder}/${id}`;
        if (doomed === key) return html`<button type="button" class="plain sure" title="Delete" @click=${() => act("remove", { folder, id })}>Delete</button>`;
        return html`<button type="button" class="drop" title="Delete" aria-label=${`Delete ${name}`} @click=${() => { doomed = key; draw(); part(dialog, ".sure").focus(); }}>${icon("remove")}</button>`;
    }

    function save() {
        if (!draft.name.trim()) return part(dialog, ".preset-save input").focus();
        act("save", { ...draft, replace: taken === draft.name.trim(), tab: tab() });
    }

    /** @param {any} event */
    async function bring({ target: file }) {
        const chosen = file.files?.[0];
        file.value = "";
        const arrived = chosen && await upload(chosen).catch(() => null);
        if (arrived) return act("bring", { path: arrived.path, name: chosen.name });
        if (chosen) fault = "The file did not arrive. Check the connection and try again.";
        draw();
    }
}
