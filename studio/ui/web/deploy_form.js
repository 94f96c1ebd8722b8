// What is deployed: whose token, which Space on which hardware, which models and LoRAs, which secrets and variables.
import { icon } from "./icon.js";
import { html, live, nothing } from "./vendor/lit.js";

const TOKENS = "https://huggingface.co/settings/tokens/new?tokenType=write";
const SECRETS = "Only the Space can read them. HF_TOKEN downloads models whose licence you accepted. OPENAI_API_KEY pays for visitors if the variable STUDIO_SHARE_KEYS is true, up to STUDIO_DAY_BUDGET_USD a day.";
/** @type {Record<string, [string, string]>} */
const VISIBILITY = {
    public: ["Public", "Everybody can open it and see its files."],
    protected: ["Protected", "Everybody can open it; only you see its files."],
    private: ["Private", "Only you can open it."],
};
const VARIABLES = "Everybody can read them. Names that begin with STUDIO_ are settings of the studio.";

/** @typedef {{ key: number, name: string, value: string }} Pair */

/**
 * @param {DeployFacts} facts
 * @param {() => void} changed
 */
export function deployForm(facts, changed) {
    // Never in a value that the browser keeps: it is gone with the page.
    let token = "";
    let [owner, name] = ["", "image-studio"];
    const asked = { hardware: Object.keys(facts.hardware)[0], visibility: "public", keeps: true };
    const chosen = { models: /** @type {Set<string>} */ (new Set()), loras: /** @type {Set<string>} */ (new Set()) };
    /** @type {{ secrets: Pair[], variables: Pair[] }} */
    const pairs = { secrets: [], variables: [] };
    let serial = 0;

    /** @param {keyof typeof pairs} kind */
    const values = (kind) => pairs[kind].map((pair) => [pair.name.trim(), pair.value.trim()]).filter(([one, other]) => one || other);

    const order = () => ({
        token, space: `${owner.trim()}/${name.trim()}`, ...asked, models: [...chosen.models], loras: [...chosen.loras], secrets: values("secrets"), variables: values("variables"),
    });

    /**
     * @param {Part} check
     * @param {string} who
     * @param {string[]} owners
     * @param {Part} ends
     */
    const draw = (check, who, owners, ends) => html`<form class="deploy-form" @submit=${(event) => event.preventDefault()}>
        <h2>Deploy to a Hugging Face Space</h2><p class="note">Uploads this studio with its embedded model, so that others can use it in their browser. Your pictures, settings and keys stay here.</p>
        <h3>Account</h3>
        <div class="deploy-field"><span class="deploy-label">Token</span><span class="deploy-row"><input type="password" aria-label="Token" autocomplete="off" spellcheck="false" placeholder=${facts.login ? "This machine’s login" : "hf_…"} data-1p-ignore
                @input=${(event) => { token = event.target.value; }}>${check}</span>
            <span class="note">${facts.login ? "Leave it empty to use this machine’s login. A token is never stored." : html`Never stored. <a href=${TOKENS} target="_blank" rel="noopener">Create one with write access</a>`}</span></div>
        <p class="note deploy-who" role="status">${who}</p>
        <h3>Space</h3>
        <div class="deploy-field"><span class="deploy-label">Name</span><span class="deploy-row deploy-name"><input type="text" aria-label="Account" autocomplete="off" spellcheck="false" placeholder="account" list="deploy-owners" .value=${live(owner)} @input=${(event) => { owner = event.target.value; }}><span>/</span><input
            type="text" aria-label="Name" autocomplete="off" spellcheck="false" .value=${live(name)} @input=${(event) => { name = event.target.value; }}></span></div>
        <datalist id="deploy-owners">${owners.map((value) => html`<option value=${value}></option>`)}</datalist>
        <div class="deploy-field"><span class="deploy-label">Hardware</span><select aria-label="Hardware" @change=${(event) => { asked.hardware = event.target.value; }}>${Object.entries(facts.hardware).map(([id, words]) => html`<option value=${id}>${id} · ${words}</option>`)}</select>
            <span class="note">A free account may have two Spaces on ZeroGPU.</span></div>
        <div class="deploy-field"><span class="deploy-label">Visibility</span><select aria-label="Visibility" @change=${(event) => { asked.visibility = event.target.value; changed(); }}>${Object.entries(VISIBILITY).map(([id, [words]]) => html`<option value=${id}>${words}</option>`)}</select>
            <span class="note">${VISIBILITY[asked.visibility][1]} A Space that already exists keeps its visibility.</span></div>
        ${box("Keep its pictures", "In a private storage bucket of your account. Without it, pictures are lost at each restart.", asked.keeps, (on) => { asked.keeps = on; })}
        ${picks("Models", "In addition to Starter. Each is downloaded when the Space starts; on a CPU one picture takes minutes.", facts.models, chosen.models)}
        ${picks("LoRAs", "From your data folder. Whoever can see the Space’s files can download them.", facts.loras, chosen.loras)}
        ${named("secrets", "Secrets", "Secret", SECRETS)}${named("variables", "Variables", "Variable", VARIABLES)}
        <datalist id="deploy-settings">${facts.settings.map((value) => html`<option value=${value}></option>`)}</datalist>
        ${ends}</form>`;

    /**
     * @param {string} label
     * @param {string} note
     * @param {boolean} on
     * @param {(on: boolean) => void} set
     */
    const box = (label, note, on, set) => html`<label class="deploy-box"><input type="checkbox" .checked=${live(on)} @change=${(event) => { set(event.target.checked); changed(); }}><span>${label}${note ? html`<span class="note">${note}</span>` : nothing}</span></label>`;

    /**
     * @param {string} title
     * @param {string} help
     * @param {number} count
     * @param {Part} rows
     */
    const fold = (title, help, count, rows) => html`<details class="deploy-pick"><summary>${title}<span class="count">${count || ""}</span></summary><p class="note">${help}</p>${rows}</details>`;

    /**
     * @param {string} title
     * @param {string} help
     * @param {Deployable[]} all
     * @param {Set<string>} some
     */
    const picks = (title, help, all, some) => (all.length ? fold(title, help, some.size, all.map(({ id, name: words, size }) => box(words, size, some.has(id), (on) => { if (on) some.add(id); else some.delete(id); }))) : nothing);

    /**
     * Names with values; secret ones are as hidden as the token.
     * @param {keyof typeof pairs} kind
     * @param {string} title
     * @param {string} what
     * @param {string} help
     */
    function named(kind, title, what, help) {
        const secretly = kind === "secrets";
        const rows = pairs[kind];
        /** @param {any} event */
        const add = ({ currentTarget: button }) => {
            rows.push({ key: serial++, name: "", value: "" });
            changed();
            [...button.parentElement.querySelectorAll(".deploy-row")].at(-1)?.querySelector("input").focus();
        };
        /** @param {Pair} pair */
        const row = (pair) => html`<div class="deploy-row">
            <input type="text" aria-label=${`${what} name`} autocomplete="off" spellcheck="false" placeholder="name" list=${secretly ? nothing : "deploy-settings"} .value=${live(pair.name)} @input=${(event) => { pair.name = event.target.value; }}>
            <input type=${secretly ? "password" : "text"} aria-label=${`${what} value`} autocomplete="off" spellcheck="false" placeholder="value" data-1p-ignore .value=${live(pair.value)} @input=${(event) => { pair.value = event.target.value; }}>
            <button type="button" class="drop" aria-label=${`Remove the ${what.toLowerCase()}`} title="Remove" @click=${() => { rows.splice(rows.indexOf(pair), 1); changed(); }}>${icon("remove")}</button></div>`;
        return fold(title, help, rows.length, html`<div class="deploy-pairs">${rows.map(row)}</div><button type="button" class="plain" @click=${add}>Add a ${what.toLowerCase()}</button>`);
    }

    return { draw, order, token: () => token, isOwned: () => owner.trim() !== "", own: (/** @type {string} */ name) => { owner ||= name; } };
}
