// All that is known of one LoRA: its header, its hash, what is noted of it, and where it was used.
import { seek } from "./sought.js";
import { html, nothing } from "./vendor/lit.js";

/**
 * `drawn` draws what stands around it anew, `changed` has the library told anew, `failed` is told what went wrong, `leave` makes way for the Library.
 * @param {{ server: Server<import("./lora_shelf.js").LoraLibraryActs>, keeps: () => boolean, drawn: () => void, changed: (name: string) => Promise<void>, failed: (words: string) => void, leave?: () => void }} place
 */
export function loraAbout({ server, keeps, drawn, changed, failed, leave = () => {} }) {
    // The one that is told about, and what the server says of it.
    /** @type {LibraryLora | null} */
    let lora = null;
    /** @type {LoraDetails | null} */
    let details = null;
    // Whether it is asked if it may be looked up, or is being looked up; what came of it.
    let looking = /** @type {"" | "asked" | "going"} */ ("");
    let line = { words: "", wrong: false };

    /**
     * Its hash takes a moment where the file is large.
     * @param {LibraryLora} chosen
     */
    async function open(chosen) {
        [lora, details, looking, line] = [chosen, null, "", { words: "", wrong: false }];
        drawn();
        const answer = await server.details({ name: chosen.name });
        if (lora?.name !== chosen.name) return;
        if (answer.fault !== undefined) return failed(answer.fault);
        details = answer;
        drawn();
    }

    function close() {
        lora = null;
        drawn();
    }

    /**
     * The library was told anew.
     * @param {LibraryLora | null} again
     */
    function renew(again) {
        if (lora && again) lora = again;
    }

    /** @param {string} text */
    async function note(text) {
        if (!lora) return;
        const { name } = lora;
        lora.noted = text;
        drawn();
        const answer = await server.note({ name, text });
        if (answer.fault !== undefined) failed(answer.fault);
        else await changed(name);
    }

    async function identify() {
        if (!lora) return;
        const { name } = lora;
        looking = "going";
        drawn();
        const answer = await server.identify({ name });
        if (lora?.name !== name) return;
        looking = "";
        if (answer.fault === undefined) details = answer;
        line = answer.fault === undefined ? { words: `Found: ${answer.title || name}.`, wrong: false } : { words: answer.fault, wrong: true };
        if (answer.fault === undefined) await changed(name);
        drawn();
    }

    /** @param {string} place */
    function lookUp(place) {
        if (!place) return nothing;
        const face = looking === "asked" ? html`<p>This sends the hash of the file to ${place}, 64 characters, and nothing else. Trigger words, licence and a picture come back, and are kept beside the file.</p>
                <div class="shelf-ask"><button type="button" class="plain" @click=${identify}>Send the hash</button><button type="button" class="plain" @click=${() => { looking = ""; drawn(); }}>Cancel</button></div>`
            : html`<button type="button" class="plain" ?disabled=${looking === "going"} @click=${() => { looking = "asked"; drawn(); }}>${looking === "going" ? "Looking it up" : `Look up at ${place}`}</button>`;
        return html`<div class="shelf-look">${face}<p class=${line.wrong ? "wrong" : "quiet"} role="status">${line.words}</p></div>`;
    }

    function told() {
        if (!lora) return nothing;
        const { name, fault, family, rank, size, words: called, noted, used, term } = lora;
        const published = details && { "Published as": details.title, "Made for": details.base, Licence: details.licence };
        const facts = { Model: family || "Unknown", "Trigger words": called.join(", "), Size: size, "Short hash": details?.sha256.slice(0, 10) ?? "Computing", "Notes beside the file": details?.notes ?? "" };
        const file = details && { Format: details.format, Rank: rank, Alpha: details.alpha, Tensors: details.tensors, SHA256: details.sha256, File: details.path };
        return html`<h2>${name}</h2>${fault ? html`<p class="fault">${fault}</p>` : nothing}
            <p class="shelf-used">${used ? html`<button type="button" class="plain" @click=${() => { leave(); seek(term); }}>Used in ${used} ${used === 1 ? "picture" : "pictures"}</button>` : html`<span class="quiet">Not in any of your pictures yet</span>`}</p>
            ${keeps() ? html`<label class="shelf-noted"><span>Your notes</span><textarea rows="2" maxlength="20000" placeholder="What it does well, which weight suits" .value=${noted} @change=${(event) => note(event.target.value)}></textarea></label>`
                : noted ? html`<p>${noted}</p>` : nothing}
            ${rows(facts)}${published ? rows(published) : nothing}
            ${details?.page ? html`<a class="shelf-page" href=${details.page} target="_blank" rel="noopener">Its page</a>` : nothing}
            ${details ? lookUp(details.asks) : nothing}
            ${file ? html`<details class="fine"><summary>File and hash</summary>${rows(file)}</details>` : nothing}`;
    }

    return { open, close, renew, told, lora: () => lora };
}

/** @param {Record<string, string | number | null>} facts */
const rows = (facts) => html`<dl>${Object.entries(facts).filter(([, value]) => value !== null && value !== "").map(([term, value]) => html`<div><dt>${term}</dt><dd>${value}</dd></div>`)}</dl>`;
