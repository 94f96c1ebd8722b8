// The library of LoRAs: a dialog of cards to search, to choose from, and to add more to.
import { host, make, part, parts } from "./dom.js";
import { icon } from "./icon.js";

/** @param {any} panel */
export async function openLoraBrowser(panel) {
    const { server, upload, model, has, choose } = panel;
    // So many cards are made at once; more when the last ones come into view.
    const CHUNK = 48;
    // How often is asked how far a download is, in milliseconds.
    const ASK = 700;
    const LOST = "The studio did not answer. Check the connection and try again.";
    const { compare } = new Intl.Collator(undefined, { numeric: true });
    /** @type {Record<string, (a: Told, b: Told) => number>} */
    const SORTS = {
        Name: (/** @type {any} */ a, /** @type {any} */ b) => compare(a.name, b.name),
        Newest: (/** @type {any} */ a, /** @type {any} */ b) => b.added - a.added,
        Size: (/** @type {any} */ a, /** @type {any} */ b) => b.bytes - a.bytes,
        Model: (/** @type {any} */ a, /** @type {any} */ b) => compare(a.family, b.family) || SORTS.Name(a, b),
    };

    /** @type {Told[]} */
    let all = [];
    /** @type {Told[]} */
    let shown = [];
    // The name that was given to the LoRA on its way.
    let coming = "";
    /** @type {Record<string, string>} */
    const pictures = {};

    /**
     * @param {string} words
     * @param {Handler} act
     * @param {Attributes} [more]
     */
    const button = (words, act, more = {}) => make("button", { type: "button", class: "plain", onclick: act, ...more }, words);
    const search = make("input", { type: "search", placeholder: "Search names, words, notes", "aria-label": "Search", oninput: list, onkeydown: enter });
    const fitting = make("input", { type: "checkbox", checked: true, onchange: list });
    const fits = make("label", { class: "shelf-fits" }, fitting, "Fits this model");
    const sort = make("select", { "aria-label": "Sort by", onchange: list }, ...Object.keys(SORTS).map((name) => make("option", {}, name)));
    const grid = make("div", { class: "shelf-cards", role: "list", "aria-label": "LoRAs" });
    const more = make("div", { class: "shelf-more" });
    const none = make("p", { class: "quiet" });
    const faults = make("div", { class: "faults" });
    const about = make("aside", { class: "shelf-about", hidden: true, "aria-label": "About" });
    const line = make("p", { class: "note", role: "status" });
    const files = make("input", { type: "file", accept: ".safetensors", multiple: true, class: "unseen", tabindex: -1, "aria-label": "LoRA files", onchange: () => { bring([...files.files ?? []]); } });
    const place = make("input", { type: "text", "aria-label": "Place of a LoRA", onkeydown: (event) => { if (event.key === "Enter" && !coming) fetchOne(); } });
    const adding = button("Add", () => coming ? stop() : fetchOne());
    const shelf = make("div", { class: "shelf-list" }, grid, none, more, faults);
    const dialog = make("dialog", { class: "desk shelf-desk", "aria-label": "LoRA library", onclose: () => { dialog.remove(); } },
        make("header", {},
            make("div", { class: "desk-tools" }, search, fits, make("label", { class: "shelf-fits" }, "Sort", sort)),
            make("div", { class: "desk-ends" }, button("Done", () => { dialog.close(); }, { class: "plain done" }))),
        make("div", { class: "shelf-body" }, shelf, about),
        make("div", { class: "desk-foot" }, button("Upload files", () => files.click()), files, make("div", { class: "shelf-place" }, place, adding), line));
    dialog.addEventListener("dragover", (/** @type {any} */ event) => event.preventDefault());
    dialog.addEventListener("drop", (/** @type {any} */ event) => { event.preventDefault(); bring([...event.dataTransfer.files]); });
    const watcher = new IntersectionObserver(([{ isIntersecting }]) => { if (isIntersecting) grow(); }, { root: shelf, rootMargin: "400px" });

    host().append(dialog);
    dialog.showModal();
    search.focus();
    await load();
    watcher.observe(more);

    async function load() {
        const answer = (await server.library({ model: model() })) ?? { fault: LOST };
        if (answer.fault) return say(answer.fault, true);
        all = answer.loras.map((/** @type {any} */ lora) => ({ ...lora, text: plain([lora.name, lora.family, ...lora.words, lora.notes].join(" ")) }));
        place.placeholder = answer.disk ? "owner/name on the hub, or a path on this machine" : "owner/name on the hub";
        faults.replaceChildren(...answer.faults.map((/** @type {any} */ fault) => make("p", { class: "fault" }, fault)));
        list();
    }

    /**
     * Dashes and spaces are the same to who searches.
     * @param {string} text
     */
    function plain(text) {
        return text.toLowerCase().replace(/[\s_-]+/g, " ");
    }

    function list() {
        const words = plain(search.value).split(" ").filter(Boolean);
        shown = all.filter((lora) => (!fitting.checked || lora.fits) && words.every((/** @type {string} */ word) => lora.text.includes(word)));
        shown.sort((a, b) => b.liked - a.liked || SORTS[sort.value](a, b));
        const hidden = all.filter((lora) => !lora.fits).length;
        none.textContent = shown.length ? "" : !all.length ? "There is none yet. Upload a file, or name a place on the hub."
            : words.length ? "Nothing is called so." : `None of ${all.length} fits this model.`;
        fits.title = hidden ? `${hidden} of ${all.length} are for other models` : "";
        grid.replaceChildren();
        shelf.scrollTo(0, 0);
        grow();
    }

    async function grow() {
        const next = shown.slice(grid.children.length, grid.children.length + CHUNK);
        if (!next.length) return;
        grid.append(...next.map(card));
        // While the end is still in view there is room for more.
        watcher.unobserve(more);
        watcher.observe(more);
        const unknown = next.map(({ name }) => name).filter((name) => pictures[name] === undefined);
        if (!unknown.length) return;
        Object.assign(pictures, ((await server.pictures({ names: unknown })) ?? {}).pictures);
        for (const one of parts(grid, ":scope > *")) face(part(one, ".shelf-face"), one.dataset.name ?? "");
    }

    /**
     * @param {Element} holder
     * @param {string} name
     */
    function face(holder, name) {
        if (!pictures[name] || holder.querySelector("img")) return;
        holder.replaceChildren(make("img", { src: pictures[name], alt: "", loading: "lazy", draggable: "false" }));
    }

    /** @param {any} lora */
    function card(lora) {
        const holder = make("span", { class: "shelf-face", "aria-hidden": "true" }, lora.name.slice(0, 1).toUpperCase());
        const facts = [lora.family || "Family unknown", lora.rank && `rank ${lora.rank}`, lora.size].filter(Boolean).join(" · ");
        const pick = make("button", { type: "button", class: "shelf-pick", "aria-pressed": String(has(lora.name)), "aria-label": `Put on ${lora.name}`, onclick: () => { choose(lora.name); mark(); } },
            holder, make("span", { class: "lora-name", title: lora.name }, lora.name), make("span", { class: "quiet" }, facts),
            make("span", { class: "quiet shelf-words" }, lora.words.join(", ") || lora.notes));
        const star = make("button", { type: "button", class: "shelf-star", "aria-pressed": String(lora.liked), "aria-label": `Favourite ${lora.name}`, title: "Favourite", onclick: () => { favour(lora, star); } }, icon("star"));
        const tell = make("button", { type: "button", class: "shelf-tell", "aria-label": `About ${lora.name}`, title: "About", onclick: () => open(lora) }, icon("about"));
        const root = make("article", { class: `shelf-card${lora.fits ? "" : " misfit"}`, role: "listitem", "data-name": lora.name }, pick, star, tell);
        face(holder, lora.name);
        return root;
    }

    function mark() {
        for (const one of parts(grid, ":scope > *")) part(one, ".shelf-pick").setAttribute("aria-pressed", String(has(one.dataset.name ?? "")));
    }

    /** @param {KeyboardEvent} event */
    function enter(event) {
        if (event.key !== "Enter" || !shown.length) return;
        event.preventDefault();
        choose(shown[0].name);
        mark();
    }

    /**
     * @param {any} lora
     * @param {HTMLElement} star
     */
    async function favour(lora, star) {
        lora.liked = !lora.liked;
        star.setAttribute("aria-pressed", String(lora.liked));
        const answer = (await server.favour({ name: lora.name, liked: lora.liked })) ?? { fault: LOST };
        if (answer.fault) say(answer.fault, true);
    }

    /**
     * All that is known of one; its hash takes a moment where the file is large.
     * @param {any} lora
     */
    async function open(lora) {
        const told = make("dl", {}, ...rows({ Model: lora.family || "Unknown", Rank: lora.rank, "Trigger words": lora.words.join(", "), SHA256: "Computing" }));
        about.hidden = false;
        about.replaceChildren(make("h2", {}, lora.name), ...(lora.fault ? [make("p", { class: "fault" }, lora.fault)] : []), told, button("Close", () => { about.hidden = true; }));
        about.dataset.name = lora.name;
        const answer = (await server.details({ name: lora.name })) ?? { fault: LOST };
        if (about.dataset.name !== lora.name) return;
        if (answer.fault) return say(answer.fault, true);
        told.replaceChildren(...rows({
            Model: lora.family || "Unknown", Format: answer.format, Rank: lora.rank, Alpha: answer.alpha, Tensors: answer.tensors, Size: lora.size,
            "Trigger words": lora.words.join(", "), Notes: answer.notes, "Short hash": answer.sha256.slice(0, 10), SHA256: answer.sha256, File: answer.path,
        }));
    }

    /** @param {any} facts */
    function rows(facts) {
        return Object.entries(facts).filter(([, value]) => value !== null && value !== "").map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, String(value))));
    }

    /**
     * @param {string} words
     * @param {boolean} [wrong]
     */
    function say(words, wrong = false) {
        line.className = wrong ? "note wrong" : "note";
        line.textContent = words;
    }

    /** @param {File[]} chosen */
    async function bring(chosen) {
        files.value = "";
        for (const [at, file] of chosen.entries()) {
            say(chosen.length > 1 ? `Reading ${at + 1} of ${chosen.length}: ${file.name}` : `Reading ${file.name}`);
            const arrived = await upload(file).catch(() => null);
            const answer = arrived ? await server.bring({ path: arrived.path, name: file.name }) : null;
            if (!(await landed(answer))) return;
        }
    }

    async function fetchOne() {
        const what = place.value.trim();
        if (!what) return place.focus();
        const token = coming = `a${Math.random()}`;
        adding.textContent = "Cancel";
        say("Looking for it");
        const poll = setInterval(async () => {
            const { said } = (await server.saying({ token })) ?? {};
            if (said && coming && !adding.disabled) say(said);
        }, ASK);
        const answer = await server.add({ what, token });
        clearInterval(poll);
        coming = "";
        adding.disabled = false;
        adding.textContent = "Add";
        if (answer?.stopped) say("Cancelled. Nothing of it is kept.");
        else if (await landed(answer)) place.value = "";
    }

    // It ends with the next piece that arrives.
    function stop() {
        say("Cancelling");
        adding.disabled = true;
        server.stop({ token: coming });
    }

    /** @param {any} answer */
    async function landed(answer) {
        if (!answer?.name) {
            say(answer?.fault ?? LOST, true);
            return false;
        }
        await load();
        say(`${answer.name} is in the library.`);
        return true;
    }
}
