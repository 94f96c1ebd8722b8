// The library of LoRAs: a dialog of cards to search, to choose from, and to add more to.
import { host, make, part } from "./dom.js";
import { icon } from "./icon.js";
import { html, nothing, render, repeat } from "./vendor/lit.js";

// So many cards are made at once; more when the last ones come into view.
const CHUNK = 48;
// How often is asked how far a download is, in milliseconds.
const ASK = 700;
const { compare } = new Intl.Collator(undefined, { numeric: true });
/** @type {Record<string, (a: LibraryLora, b: LibraryLora) => number>} */
const SORTS = {
    Name: (a, b) => compare(a.name, b.name),
    Newest: (a, b) => b.added - a.added,
    Size: (a, b) => b.bytes - a.bytes,
    Model: (a, b) => compare(a.family, b.family) || SORTS.Name(a, b),
};

/** @typedef {{ library: LoraLibrary, pictures: { pictures: Record<string, string> }, details: LoraDetails, favour: {}, bring: AddedLora, add: AddedLora, saying: Said, stop: {} }} LoraLibraryActs */

/**
 * Dashes and spaces are the same to who searches.
 * @param {string} text
 */
const plain = (text) => text.toLowerCase().replace(/[\s_-]+/g, " ");

/** @param {{ server: Server<LoraLibraryActs>, upload: Upload, model: () => string | undefined, has: (name: string) => boolean, choose: (name: string) => void }} panel */
export async function openLoraBrowser({ server, upload, model, has, choose }) {
    /** @type {LoraLibrary} */
    let library = { loras: [], faults: [], disk: false };
    // What is looked for, and as many of them as are shown; the one that is told about, and what the server says of it.
    let look = { search: "", fitting: true, sort: "Name", count: CHUNK };
    /** @type {LibraryLora | null} */
    let about = null;
    /** @type {LoraDetails | null} */
    let details = null;
    // What is said of the last act; the name of what is on its way, and whether that is to end.
    let line = { words: "", wrong: false };
    let coming = "";
    let ending = false;
    /** @type {Record<string, string>} */
    const pictures = {};

    const dialog = make("dialog", { class: "desk shelf-desk", "aria-label": "LoRA library", onclose: () => { dialog.remove(); } });
    dialog.addEventListener("dragover", (event) => event.preventDefault());
    dialog.addEventListener("drop", (event) => { event.preventDefault(); bring([...event.dataTransfer?.files ?? []]); });
    draw();
    host().append(dialog);
    dialog.showModal();
    part(dialog, "[type=search]").focus();
    await load();
    const watcher = new IntersectionObserver(([{ isIntersecting }]) => { if (isIntersecting) grow(); }, { root: part(dialog, ".shelf-list"), rootMargin: "400px" });
    watcher.observe(part(dialog, ".shelf-more"));

    async function load() {
        const answer = await server.library({ model: model() });
        if (answer.fault !== undefined) return say(answer.fault, true);
        library = answer;
        list();
    }

    function words() {
        return plain(look.search).split(" ").filter(Boolean);
    }

    // The favourites first.
    function found() {
        const sought = library.loras.filter((lora) => (!look.fitting || lora.fits) && words().every((word) => plain([lora.name, lora.family, ...lora.words, lora.notes].join(" ")).includes(word)));
        return sought.sort((a, b) => Number(b.liked) - Number(a.liked) || SORTS[look.sort](a, b));
    }

    function shown() {
        return found().slice(0, look.count);
    }

    /** @param {Partial<typeof look>} [change] */
    function list(change = {}) {
        Object.assign(look, change, { count: CHUNK });
        draw();
        part(dialog, ".shelf-list").scrollTo(0, 0);
        see();
    }

    function grow() {
        if (look.count >= found().length) return;
        look.count += CHUNK;
        draw();
        // While the end is still in view there is room for more.
        watcher.unobserve(part(dialog, ".shelf-more"));
        watcher.observe(part(dialog, ".shelf-more"));
        see();
    }

    // The small pictures of what is shown come after it.
    async function see() {
        const names = shown().map(({ name }) => name).filter((name) => pictures[name] === undefined);
        if (!names.length) return;
        const answer = await server.pictures({ names });
        Object.assign(pictures, answer.fault === undefined ? answer.pictures : {});
        draw();
    }

    function draw() {
        const { loras, faults, disk } = library;
        const others = loras.filter((lora) => !lora.fits).length;
        const none = found().length ? "" : !loras.length ? "There is none yet. Upload a file, or name a place on the hub."
            : words().length ? "Nothing is called so." : `None of ${loras.length} fits this model.`;
        render(html`<header>
                <div class="desk-tools"><input type="search" placeholder="Search names, words, notes" aria-label="Search" @input=${(event) => list({ search: event.target.value })} @keydown=${enter}>
                    <label class="shelf-fits" title=${others ? `${others} of ${loras.length} are for other models` : ""}><input type="checkbox" checked @change=${(event) => list({ fitting: event.target.checked })}>Fits this model</label>
                    <label class="shelf-fits">Sort<select aria-label="Sort by" @change=${(event) => list({ sort: event.target.value })}>${Object.keys(SORTS).map((name) => html`<option>${name}</option>`)}</select></label></div>
                <div class="desk-ends"><button type="button" class="plain done" @click=${() => dialog.close()}>Done</button></div>
            </header>
            <div class="shelf-body">
                <div class="shelf-list"><div class="shelf-cards" role="list" aria-label="LoRAs">${repeat(shown(), ({ name }) => name, card)}</div><p class="quiet">${none}</p><div class="shelf-more"></div>
                    <div class="faults">${faults.map((fault) => html`<p class="fault">${fault}</p>`)}</div></div>
                <aside class="shelf-about" aria-label="About" ?hidden=${!about}>${about ? told(about) : nothing}</aside>
            </div>
            <div class="desk-foot"><button type="button" class="plain" @click=${() => part(dialog, "[type=file]").click()}>Upload files</button>
                <input type="file" accept=".safetensors" multiple class="unseen" tabindex="-1" aria-label="LoRA files" @change=${(event) => { bring([...event.target.files]); event.target.value = ""; }}>
                <div class="shelf-place"><input type="text" aria-label="Place of a LoRA" placeholder=${disk ? "owner/name on the hub, or a path on this machine" : "owner/name on the hub"}
                    @keydown=${(event) => { if (event.key === "Enter" && !coming) add(); }}><button type="button" class="plain" ?disabled=${ending} @click=${() => (coming ? stop() : add())}>${coming ? "Cancel" : "Add"}</button></div>
                <p class=${line.wrong ? "note wrong" : "note"} role="status">${line.words}</p></div>`, dialog);
    }

    /** @param {LibraryLora} lora */
    function card(lora) {
        const { name, family, rank, size, words: called, notes, fits, liked } = lora;
        const facts = [family || "Family unknown", rank && `rank ${rank}`, size].filter(Boolean).join(" · ");
        return html`<article class=${fits ? "shelf-card" : "shelf-card misfit"} role="listitem" data-name=${name}>
            <button type="button" class="shelf-pick" aria-pressed=${String(has(name))} aria-label=${`Put on ${name}`} @click=${() => pick(name)}>
                <span class="shelf-face" aria-hidden="true">${pictures[name] ? html`<img src=${pictures[name]} alt="" loading="lazy" draggable="false">` : name.slice(0, 1).toUpperCase()}</span>
                <span class="lora-name" title=${name}>${name}</span><span class="quiet">${facts}</span><span class="quiet shelf-words">${called.join(", ") || notes}</span></button>
            <button type="button" class="shelf-star" aria-pressed=${String(liked)} aria-label=${`Favourite ${name}`} title="Favourite" @click=${() => favour(lora)}>${icon("star")}</button>
            <button type="button" class="shelf-tell" aria-label=${`About ${name}`} title="About" @click=${() => open(lora)}>${icon("about")}</button>
        </article>`;
    }

    /** @param {string} name */
    function pick(name) {
        choose(name);
        draw();
    }

    /** @param {KeyboardEvent} event */
    function enter(event) {
        const [first] = found();
        if (event.key !== "Enter" || !first) return;
        event.preventDefault();
        pick(first.name);
    }

    /** @param {LibraryLora} lora */
    async function favour(lora) {
        lora.liked = !lora.liked;
        draw();
        const answer = await server.favour({ name: lora.name, liked: lora.liked });
        if (answer.fault !== undefined) say(answer.fault, true);
    }

    /**
     * All that is known of one; its hash takes a moment where the file is large.
     * @param {LibraryLora} lora
     */
    async function open(lora) {
        [about, details] = [lora, null];
        draw();
        const answer = await server.details({ name: lora.name });
        if (about !== lora) return;
        if (answer.fault !== undefined) return say(answer.fault, true);
        details = answer;
        draw();
    }

    /** @param {LibraryLora} lora */
    function told({ name, fault, family, rank, size, words: called }) {
        const known = details ? {
            Model: family || "Unknown", Format: details.format, Rank: rank, Alpha: details.alpha, Tensors: details.tensors, Size: size, "Trigger words": called.join(", "),
            Notes: details.notes, "Short hash": details.sha256.slice(0, 10), SHA256: details.sha256, File: details.path,
        } : { Model: family || "Unknown", Rank: rank, "Trigger words": called.join(", "), SHA256: "Computing" };
        const rows = Object.entries(known).filter(([, value]) => value !== null && value !== "");
        return html`<h2>${name}</h2>${fault ? html`<p class="fault">${fault}</p>` : nothing}
            <dl>${rows.map(([term, value]) => html`<div><dt>${term}</dt><dd>${value}</dd></div>`)}</dl>
            <button type="button" class="plain" @click=${() => { about = null; draw(); }}>Close</button>`;
    }

    /**
     * @param {string} words
     * @param {boolean} [wrong]
     */
    function say(words, wrong = false) {
        line = { words, wrong };
        draw();
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
        const place = /** @type {HTMLInputElement} */ (part(dialog, ".shelf-place input"));
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
        if (answer.fault === undefined && answer.stopped) say("Cancelled. Nothing of it is kept.");
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
        await load();
        say(`${answer.name} is in the library.`);
        return true;
    }
}
