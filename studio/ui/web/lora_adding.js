// How LoRAs come in: from this machine, by a drop or a choice, and from the hub or a path.
import { part } from "./dom.js";
import { html } from "./vendor/lit.js";

// How often is asked how far a download is, in milliseconds.
const ASK = 700;

/**
 * `home` is where it is drawn in, `disk` whether paths of the studio's machine may be named.
 * @param {{ home: HTMLElement, server: Server<import("./lora_shelf.js").LoraLibraryActs>, upload: Upload, disk: () => boolean, drawn: () => void, came: () => Promise<void> }} place
 */
export function loraAdding({ home, server, upload, disk, drawn, came }) {
    // What is said of the last act; the name of what is on its way, and whether that is to end.
    let line = { words: "", wrong: false };
    let coming = "";
    let ending = false;
    home.addEventListener("dragover", (event) => { if (event.dataTransfer?.types.includes("Files")) event.preventDefault(); });
    home.addEventListener("drop", (event) => {
        if (!event.dataTransfer?.files.length) return;
        event.preventDefault();
        bring([...event.dataTransfer.files]);
    });

    const foot = () => html`<button type="button" class="plain" @click=${() => part(home, "[type=file]").click()}>Upload files</button>
        <input type="file" accept=".safetensors" multiple class="unseen" tabindex="-1" aria-label="LoRA files" @change=${(event) => { bring([...event.target.files]); event.target.value = ""; }}>
        <div class="shelf-place"><input type="text" aria-label="Place of a LoRA" placeholder=${disk() ? "owner/name on the hub, or a path on this machine" : "owner/name on the hub"}
            @keydown=${(event) => { if (event.key === "Enter" && !coming) add(); }}><button type="button" class="plain" ?disabled=${ending} @click=${() => (coming ? stop() : add())}>${coming ? "Cancel" : "Add"}</button></div>
        <p class=${line.wrong ? "note wrong" : "note"} role="status">${line.words}</p>`;

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
        const place = /** @type {HTMLInputElement} */ (part(home, ".shelf-place input"));
        const what = place.value.trim();
        if (!what) return place.focus();
        const token = coming = `a${Math.random()}`;
        say("Looking for it");
        const poll = setInterval(async () => {
            const answer = await server.saying({ token });
            if (answer.fault === undefined && answer.said && coming && !ending) say(answer.said);
        }, ASK);
        const answer = await server.add({ what, token });
        clearInterval(poll);
        [coming, ending] = ["", false];
        if (answer.fault === undefined && answer.stopped) say("Cancelled. Nothing was kept.");
        else if (await landed(answer)) place.value = "";
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
        await came();
        say(`${answer.name} is in the library.`);
        return true;
    }

    return { foot, say };
}
