// The cards of the library of LoRAs: searched, sorted, starred, and drawn as they come into view.
import { part } from "./dom.js";
import { icon } from "./icon.js";
import { html, repeat } from "./vendor/lit.js";

// So many cards are made at once; more when the last ones come into view.
const CHUNK = 48;
const { compare } = new Intl.Collator(undefined, { numeric: true });
/** @type {Record<string, (a: LibraryLora, b: LibraryLora) => number>} */
const SORTS = {
    Name: (a, b) => compare(a.name, b.name),
    Newest: (a, b) => b.added - a.added,
    "Most used": (a, b) => b.used - a.used || SORTS.Name(a, b),
    Size: (a, b) => b.bytes - a.bytes,
    Model: (a, b) => compare(a.family, b.family) || SORTS.Name(a, b),
};

/** @typedef {{ library: LoraLibrary, pictures: { pictures: Record<string, string> }, details: LoraDetails, favour: {}, note: {}, bring: AddedLora, add: AddedLora, take: AddedLora, saying: Said, stop: {}, identify: LoraDetails }} LoraLibraryActs */

/**
 * What a card does when it is pressed, whether it shows as pressed, what the press is called; what else stands on it.
 * @typedef {{ press: (lora: LibraryLora) => unknown, pressed: (name: string) => boolean, verb: string, more: (lora: LibraryLora) => Part }} CardActs
 */

/**
 * Dashes and spaces are the same to who searches.
 * @param {string} text
 */
const plain = (text) => text.toLowerCase().replace(/[\s_-]+/g, " ");

/**
 * `drawn` draws what stands around it anew; `failed` is told what went wrong.
 * @param {{ server: Server<LoraLibraryActs>, model: () => string | undefined, card: CardActs, drawn: () => void, failed: (words: string) => void }} place
 */
export function loraShelf({ server, model, card: acts, drawn, failed }) {
    /** @type {LoraLibrary} */
    let library = { loras: [], faults: [], disk: false, keeps: false, site: "" };
    let isLoaded = false;
    let asked = 0;
    // What is looked for, and as many of them as are shown.
    let look = { search: "", fitting: true, liked: false, sort: "Name", count: CHUNK };
    /** @type {Record<string, string>} */
    const pictures = {};
    /** @type {HTMLElement | null} */
    let root = null;
    const watcher = () => new IntersectionObserver(([{ isIntersecting }]) => { if (isIntersecting) grow(); }, { root: scrolls() ? part(place(), ".shelf-list") : null, rootMargin: "400px" });
    /** @type {IntersectionObserver | null} */
    let watched = null;
    const place = () => /** @type {HTMLElement} */ (root);
    const scrolls = () => getComputedStyle(part(place(), ".shelf-list")).overflowY === "auto";

    /**
     * Begins: `home` is where the shelf is drawn in.
     * @param {HTMLElement} home
     */
    async function begin(home) {
        root = home;
        await load();
        watched ??= watcher();
        watched.observe(part(home, ".shelf-more"));
    }

    // The newest of several questions counts; what is changed here meanwhile makes an answer old.
    async function load() {
        const mine = ++asked;
        const answer = await server.library({ model: model() });
        if (mine !== asked) return;
        if (answer.fault !== undefined) return failed(answer.fault);
        library = answer;
        isLoaded = true;
        drawn();
        see();
    }

    const words = () => plain(look.search).split(" ").filter(Boolean);

    // The favourites first.
    function found() {
        const sought = library.loras.filter((lora) => (!look.fitting || lora.fits) && (!look.liked || lora.liked)
            && words().every((word) => plain([lora.name, lora.family, ...lora.words, lora.notes, lora.noted].join(" ")).includes(word)));
        return sought.sort((a, b) => Number(b.liked) - Number(a.liked) || SORTS[look.sort](a, b));
    }

    const shown = () => found().slice(0, look.count);

    /** @param {Partial<typeof look>} [change] */
    function list(change = {}) {
        Object.assign(look, change, { count: CHUNK });
        drawn();
        part(place(), ".shelf-list").scrollTo(0, 0);
        see();
    }

    function grow() {
        if (look.count >= found().length) return;
        look.count += CHUNK;
        drawn();
        // While the end is still in view there is room for more.
        const end = part(place(), ".shelf-more");
        watched?.unobserve(end);
        watched?.observe(end);
        see();
    }

    // The small pictures of what is shown come after it.
    async function see() {
        const names = shown().map(({ name }) => name).filter((name) => pictures[name] === undefined);
        if (!names.length) return;
        const answer = await server.pictures({ names });
        Object.assign(pictures, answer.fault === undefined ? answer.pictures : {});
        drawn();
    }

    /** @param {KeyboardEvent} event */
    function enter(event) {
        const [first] = found();
        if (event.key !== "Enter" || !first) return;
        event.preventDefault();
        acts.press(first);
    }

    function none() {
        if (!isLoaded || found().length) return "";
        if (!library.loras.length) return "There are no LoRAs yet. Upload a file, or name a place on the hub.";
        if (words().length) return "No LoRA has this name.";
        return look.liked ? "No favourites yet: click the star on a card to add one." : `None of ${library.loras.length} fits this model.`;
    }

    const tools = () => {
        const others = library.loras.filter((lora) => !lora.fits).length;
        return html`<input type="search" data-search placeholder="Search names, words, notes" aria-label="Search" @input=${(event) => list({ search: event.target.value })} @keydown=${enter}>
            <label class="shelf-fits" title=${others ? `${others} of ${library.loras.length} are for other models` : ""}><input type="checkbox" checked @change=${(event) => list({ fitting: event.target.checked })}>Fits this model</label>
            <label class="shelf-fits"><input type="checkbox" @change=${(event) => list({ liked: event.target.checked })}>Favourites</label>
            <label class="shelf-fits">Sort<select aria-label="Sort by" @change=${(event) => list({ sort: event.target.value })}>${Object.keys(SORTS).map((name) => html`<option>${name}</option>`)}</select></label>`;
    };

    const cards = () => html`<div class="shelf-list"><div class="shelf-cards" role="list" aria-label="LoRAs">${repeat(shown(), ({ name }) => name, card)}</div><p class="quiet">${none()}</p><div class="shelf-more"></div>
        <div class="faults">${library.faults.map((fault) => html`<p class="fault">${fault}</p>`)}</div></div>`;

    /** @param {LibraryLora} lora */
    function card(lora) {
        const { name, family, rank, size, words: called, notes, noted, fits, liked } = lora;
        const facts = [family || "Family unknown", rank && `rank ${rank}`, size].filter(Boolean).join(" · ");
        return html`<div class=${fits ? "shelf-card" : "shelf-card misfit"} role="listitem" data-name=${name}>
            <button type="button" class="shelf-pick" aria-pressed=${String(acts.pressed(name))} aria-label=${`${acts.verb} ${name}`} @click=${() => acts.press(lora)}>
                <span class="shelf-face" aria-hidden="true">${pictures[name] ? html`<img src=${pictures[name]} alt="" loading="lazy" draggable="false">` : name.slice(0, 1).toUpperCase()}</span>
                <span class="lora-name" title=${name}>${name}</span><span class="quiet">${facts}</span><span class="quiet shelf-words">${called.join(", ") || noted || notes}</span></button>
            <button type="button" class="shelf-star" aria-pressed=${String(liked)} aria-label=${`Favourite ${name}`} title="Favourite" @click=${() => favour(lora)}>${icon("star")}</button>
            ${acts.more(lora)}
        </div>`;
    }

    /** @param {LibraryLora} lora */
    async function favour(lora) {
        asked++;
        lora.liked = !lora.liked;
        drawn();
        const answer = await server.favour({ name: lora.name, liked: lora.liked });
        if (answer.fault !== undefined) failed(answer.fault);
        await load();
    }

    return {
        begin, load, tools, cards, favour, library: () => library, picture: (/** @type {string} */ name) => pictures[name] ?? "",
        /** @param {string} name */
        find: (name) => library.loras.find((lora) => lora.name === name) ?? null,
        /** @param {string} name */
        renew: (name) => { delete pictures[name]; return load(); },
    };
}
