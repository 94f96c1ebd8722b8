// How LoRAs come in: from this machine, by a drop or a choice, from the hub or a path, and from a site once that is agreed to.
import { part } from "./dom.js";
import { html, nothing } from "./vendor/lit.js";

// How often is asked how far a download is, in milliseconds.
const ASK = 700;

/**
 * `home` is where it is drawn in; `about` says whether paths of the studio's machine may be named, and which site may be asked.
 * @param {{ home: HTMLElement, server: Server<import("./lora_shelf.js").LoraLibraryActs>, upload: Upload, about: () => { disk: boolean, site: string }, drawn: () => void, came: () => Promise<void> }} place
 */
export function loraAdding({ home, server, upload, about, drawn, came }) {
    // What is said of the last act; the name of what is on its way, and whether that is to end.
    let line = { words: "", wrong: false };
    let coming = "";
    let ending = false;
    let typed = "";
    // What a site would give, and what was asked for.
    /** @type {(OfferedFile & { what: string }) | null} */
    let offered = null;
    home.addEventListener("dragover", (event) => { if (event.dataTransfer?.types.includes("Files")) event.preventDefault(); });
    home.addEventListener("drop", (event) => {
        if (!event.dataTransfer?.files.length) return;
        event.preventDefault();
        bring([...event.dataTransfer.files]);
    });

    const foot = () => html`<button type="button" class="plain" @click=${() => part(home, "[type=file]").click()}>Upload files</button>
        <input type="file" accept=".safetensors" multiple class="unseen" tabindex="-1" aria-label="LoRA files" @change=${(event) => { bring([...event.target.files]); event.target.value = ""; }}>
        <div class="shelf-place"><input type="text" aria-label="Place of a LoRA" placeholder=${place()} title=${place()}
            @input=${(event) => { typed = event.target.value; drawn(); }} @keydown=${(event) => { if (event.key === "Enter" && !coming) add(); }}><button type="button" class="plain" ?disabled=${ending} @click=${() => (coming ? stop() : add())}>${coming ? "Cancel" : "Add"}</button></div>
        ${isAsked() ? html`<p class="quiet shelf-site">Add asks ${about().site} what this is, and sends nothing else. You see what it is and how large it is before anything is downloaded.</p>` : nothing}
        ${offered && !coming ? offer(offered) : nothing}
        <p class=${line.wrong ? "note wrong" : "note"} role="status">${line.words}</p>`;

    const isAsked = () => Boolean(about().site) && (typed.includes(about().site) || /civitai\.|urn:air|civitai:/i.test(typed));
    const place = () => `Hub name${about().site ? `, ${about().site} address` : ""}${about().disk ? ", or path" : ""}`;

    /** @param {OfferedFile} one */
    const offer = ({ title, file, base, licence, size, site, key }) => html`<section class="shelf-offer" aria-label="Download">
        <h3>${title || file}</h3><p>${[base && `For ${base}`, file, size].filter(Boolean).join(" · ")}</p>${licence ? html`<p class="quiet">${licence}</p>` : nothing}
        ${!site ? nothing : key ? html`<p class="quiet">Your API key is sent to ${site} only.</p>` : html`<label><span>API key for ${site}, if it asks for one</span><input type="password" autocomplete="off" @keydown=${(event) => { if (event.key === "Enter") take(); }}></label>`}
        <div class="shelf-ask"><button type="button" class="plain" @click=${take}>Download ${size}</button><button type="button" class="plain" @click=${() => { offered = null; say(""); }}>Cancel</button></div></section>`;

    /**
     * @param {string} words
     * @param {boolean} [wrong]
     */
    function say(words, wrong = false) {
        line = { words, wrong };
        drawn();
    }

    /** @param {File[]} chosen */
    async function bring(chosen) {
        for (const [at, file] of chosen.entries()) {
            say(chosen.length > 1 ? `Reading ${at + 1} of ${chosen.length}: ${file.name}` : `Reading ${file.name}`);
            const arrived = await upload(file).catch(() => null);
            if (!arrived) return say(`${file.name} did not arrive. Check the connection and try again.`, true);
            if (!(await landed(await server.bring({ path: arrived.path, name: file.name })))) return;
        }
    }

    async function add() {
        const entry = /** @type {HTMLInputElement} */ (part(home, ".shelf-place input"));
        const what = entry.value.trim();
        if (!what) return entry.focus();
        offered = null;
        const answer = await going("Looking for it", (token) => server.add({ what, token }));
        if (answer.fault === undefined && answer.offer) {
            offered = { ...answer.offer, what };
            say("");
        } else if (await landed(answer)) empty();
    }

    async function take() {
        if (!offered) return;
        const { what, sha256 } = offered;
        const key = /** @type {HTMLInputElement | null} */ (home.querySelector(".shelf-offer [type=password]"))?.value ?? "";
        const answer = await going("Asking for it", (token) => server.take({ what, sha256, key, token }));
        if (!(await landed(answer))) return;
        offered = null;
        empty();
    }

    function empty() {
        /** @type {HTMLInputElement} */ (part(home, ".shelf-place input")).value = typed = "";
        drawn();
    }

    /**
     * Says how far it is until it is over.
     * @param {string} words
     * @param {(token: string) => Promise<Answer<AddedLora>>} ask
     */
    async function going(words, ask) {
        const token = coming = `a${Math.random()}`;
        say(words);
        const poll = setInterval(async () => {
            const answer = await server.saying({ token });
            if (answer.fault === undefined && answer.said && coming && !ending) say(answer.said);
        }, ASK);
        const answer = await ask(token);
        clearInterval(poll);
        [coming, ending] = ["", false];
        return answer;
    }

    // It ends with the next piece that arrives.
    function stop() {
        ending = true;
        say("Cancelling");
        server.stop({ token: coming });
    }

    /** @param {Answer<AddedLora>} answer */
    async function landed(answer) {
        if (answer.fault !== undefined) {
            say(answer.fault, true);
            return false;
        }
        if (answer.stopped) {
            say("Cancelled. Nothing was kept.");
            return false;
        }
        await came();
        say(answer.said || `${answer.name} is in the library.`);
        return true;
    }

    return { foot, say };
}
