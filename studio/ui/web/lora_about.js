// All that is known of one LoRA: its header, its hash, what is noted of it, and where it was used.
import { seek } from "./sought.js";
import { html, live, nothing } from "./vendor/lit.js";

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

    /**
     * Its hash takes a moment where the file is large.
     * @param {LibraryLora} chosen
     */
    async function open(chosen) {
        [lora, details] = [chosen, null];
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
        const answer = await server.note({ name, text });
        if (answer.fault !== undefined) failed(answer.fault);
        else await changed(name);
    }

    function told() {
        if (!lora) return nothing;
        const { name, fault, family, rank, size, words: called, noted, used, term } = lora;
        const facts = { Model: family || "Unknown", "Trigger words": called.join(", "), Size: size, "Short hash": details?.sha256.slice(0, 10) ?? "Computing", "Notes beside the file": details?.notes ?? "" };
        const file = details && { Format: details.format, Rank: rank, Alpha: details.alpha, Tensors: details.tensors, SHA256: details.sha256, File: details.path };
        return html`<h2>${name}</h2>${fault ? html`<p class="fault">${fault}</p>` : nothing}
            <p class="shelf-used">${used ? html`<button type="button" class="plain" @click=${() => { leave(); seek(term); }}>Used in ${used} ${used === 1 ? "picture" : "pictures"}</button>` : html`<span class="quiet">In no picture of yours yet</span>`}</p>
            ${keeps() ? html`<label class="shelf-noted"><span>Your notes</span><textarea rows="2" maxlength="20000" placeholder="What it does well, which weight suits" .value=${live(noted)} @change=${(event) => note(event.target.value)}></textarea></label>`
                : noted ? html`<p>${noted}</p>` : nothing}
            ${rows(facts)}
            ${file ? html`<details class="fine"><summary>File and hash</summary>${rows(file)}</details>` : nothing}`;
    }

    return { open, close, renew, told, lora: () => lora };
}

/** @param {Record<string, string | number | null>} facts */
const rows = (facts) => html`<dl>${Object.entries(facts).filter(([, value]) => value !== null && value !== "").map(([term, value]) => html`<div><dt>${term}</dt><dd>${value}</dd></div>`)}</dl>`;
