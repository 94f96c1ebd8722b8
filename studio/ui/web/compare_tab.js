// The Compare tab: prompts and columns to the left, what became of them to the right.
import { comparisonTable } from "./comparison_table.js";
import { make, narrow, part, parts } from "./dom.js";
import { saveAs } from "./download.js";
import { ready } from "./form.js";
import { icon } from "./icon.js";

/** @param {Island} island */
export function mount({ element, props, watch, upload, server, tell: { arrive } }) {
    // How long typing rests until the costs are asked for, and how often is asked how far it is, in milliseconds.
    const REST = 350;
    const ASK = 400;
    const KEPT = "image-studio-versus";
    const LOST = "The studio did not answer. Check the connection and try again.";
    /** @type {Record<string, string>} */
    const LENT = { init_image: "the picture to start from", mask_image: "its mask" };
    const FORMS = { html: "Web page", png: "Picture", csv: "Table", json: "JSON" };

    let arrived = false;
    /** @type {Told} */
    let facts = { local: [], hosted: [], hosts: {}, held: [] };
    // Columns that are not part of what is shown yet; the comparison that is shown, and what a form lent to all of it.
    /** @type {Told[]} */
    let fresh = [];
    /** @type {any} */
    let shown = null;
    /** @type {Told} */
    let base = {};
    // What the models that can be added are to do.
    /** @type {string | null} */
    let offered = null;
    /** @type {Told} */
    let estimate = /** @type {any} */ (null);
    let timer = 0;
    let asking = 0;
    let serial = 0;
    /** @type {Timer} */
    let polling;

    const home = part(element, ".versus");
    /**
     * @param {string} name
     * @param {object} [asked]
     */
    const call = async (name, asked = {}) => (await server[name](asked)) ?? { fault: LOST };
    /** @param {number} usd */
    const dollars = (usd) => `$${usd < 1 ? usd.toFixed(3) : usd.toFixed(2)}`;
    /**
     * @param {number} number
     * @param {string} word
     */
    const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
    /** @param {string} host */
    const service = (host) => facts.hosts[host] ?? host;
    /**
     * @param {string} words
     * @param {Entry} entry
     */
    const labelled = (words, entry) => make("label", { class: "versus-field" }, make("span", { class: "versus-label" }, words), entry);
    /**
     * @param {string} words
     * @param {Handler} act
     * @param {Attributes} [attributes]
     */
    const button = (words, act, attributes = {}) => make("button", { type: "button", class: "plain", onclick: act, ...attributes }, words);

    const prompts = make("textarea", { rows: 5, spellcheck: "true", placeholder: "One on each line; tags after a #, as in\na lighthouse at night # sea, night", oninput: changed });
    const promptLabel = make("span", { class: "versus-label" }, "Prompts");
    const list = make("div", { class: "versus-columns" });
    const add = make("select", { "aria-label": "Add a column", onchange: () => { chosen(add.value); add.value = ""; } });
    const address = make("input", { type: "text", list: "versus-hosts", spellcheck: "false", autocomplete: "off" });
    const hosts = make("datalist", { id: "versus-hosts" });
    const id = make("input", { type: "text", placeholder: "as its host calls it", spellcheck: "false", autocomplete: "off" });
    const other = make("form", { class: "versus-other", hidden: true, onsubmit: (event) => { event.preventDefault(); named(); } }, make("strong", {}, "Another hosted model"),
        make("button", { type: "button", class: "drop", "aria-label": "Close", title: "Close", onclick: () => { other.hidden = true; } }, icon("remove")),
        labelled("Address", address), hosts, labelled("Model id", id), make("button", { class: "plain" }, "Add the model"));
    const files = make("input", { type: "file", class: "unseen", accept: "image/*,.heic,.heif,.avif", multiple: true, tabindex: -1, "aria-label": "Pictures to compare with",
        onchange: (event) => { bring([...event.target.files]); event.target.value = ""; } });
    const keys = make("div", { class: "versus-keys" });
    const seed = make("input", { type: "number", min: 0, max: 4294967295, placeholder: "drawn", oninput: changed });
    const seedRow = make("label", { class: "versus-line" }, make("span", { class: "versus-label" }, "Seed"), seed);
    const budget = make("input", { type: "number", min: 0, step: "any", onchange: () => spend() });
    const budgetRow = make("label", { class: "versus-line" }, make("span", { class: "versus-label" }, "Budget for a day, $"), budget);
    const lent = make("p", { class: "note" });
    const cost = make("p", { class: "versus-cost", role: "status" });
    const fault = make("p", { class: "wrong", role: "alert" });
    const go = make("button", { type: "button", class: "versus-go", onclick: act }, "Compare");
    const clear = button("New comparison", () => open(null));
    const held = make("div", { class: "versus-held" });
    const earlier = make("details", { class: "versus-earlier" }, make("summary", {}, "Earlier comparisons"), held);
    const form = make("div", { class: "versus-form" },
        make("label", { class: "versus-field" }, promptLabel, prompts),
        make("div", { class: "versus-field" }, make("span", { class: "versus-label" }, "Columns"), list, add, other, files),
        keys, budgetRow, seedRow, lent, earlier, make("div", { class: "versus-foot" }, cost, fault, go, clear));

    const sum = make("p", { class: "versus-sum", role: "status" });
    const hand = make("div", { class: "versus-hand" }, ...Object.entries(FORMS).map(([kind, words]) => button(words, () => save(kind))));
    const wall = comparisonTable();
    const side = make("div", { class: "versus-side" },
        make("header", { class: "versus-head" }, sum, hand), wall.root);
    home.append(form, side);

    /** @param {string} name */
    const hosted = (name) => facts.hosted.find((/** @type {any} */ one) => one.name === name);
    const wanted = () => prompts.value.split("\n").some((line) => line.split(/(?:^|\s)#/)[0].trim());

    function changed() {
        clearTimeout(timer);
        timer = setTimeout(price, REST);
        draw();
    }

    // What the server is to make of the form.
    const asked = () => ({
        id: shown?.id ?? null, prompts: prompts.value, base, seed: seed.value === "" ? null : Number(seed.value),
        columns: fresh.map(({ name, settings, pictures, label }) => (pictures ? { label, pictures: pictures.map((/** @type {any} */ { id }) => id) } : { name, settings })),
    });

    async function price() {
        if (!arrived) return;
        const mine = (asking += 1);
        const answer = await call("estimate", asked());
        if (mine !== asking) return;
        fault.textContent = answer.fault ?? "";
        estimate = answer.fault ? null : answer;
        draw();
    }

    function draw() {
        if (offered !== task()) offers();
        const running = Boolean(shown?.running);
        const old = shown?.columns ?? [];
        promptLabel.textContent = shown ? "More prompts" : "Prompts";
        drawColumns(old);
        seedRow.hidden = Boolean(shown);
        budgetRow.hidden = !facts.addresses || !Object.keys(estimate?.keys ?? {}).length;
        clear.hidden = !shown;
        lent.textContent = Object.keys(base).length ? `With ${Object.keys(base).map((name) => LENT[name] ?? name.replaceAll("_", " ")).join(", ")} of the form.` : "";
        lent.hidden = !lent.textContent;
        const more = fresh.length > 0 || wanted();
        const open = shown ? shown.cells.some((/** @type {any} */ { state }) => state !== "done" && state !== "empty") : false;
        go.textContent = running ? "Stop" : !shown ? "Compare" : more ? "Extend" : "Go on";
        go.classList.toggle("stops", running);
        go.disabled = !running && !(shown ? more || open : more && wanted() && fresh.length);
        hand.hidden = !shown;
        cost.textContent = running ? "" : told();
        drawKeys();
        sum.textContent = shown ? summary() : "";
        home.classList.toggle("shows", Boolean(shown));
    }

    // What it would cost, before the click.
    function told() {
        if (!estimate || !(fresh.length || shown) || !estimate.pictures) return "";
        const parts = [count(estimate.pictures, "picture")];
        if (estimate.usd) parts.push(`at most ${dollars(estimate.usd)}`);
        if (estimate.unknown) parts.push(`${estimate.unknown} of unknown price`);
        if (estimate.left !== null) parts.push(`${dollars(estimate.left)} left today`);
        return parts.join(" · ");
    }

    function summary() {
        const done = shown.cells.filter((/** @type {any} */ { state }) => state === "done").length;
        const failed = shown.cells.filter((/** @type {any} */ { state }) => state === "failed").length;
        const parts = [`${done} of ${count(shown.cells.length, "picture")}`];
        if (failed) parts.push(`${failed} failed`);
        parts.push(`cost ${dollars(shown.total)}${shown.unknown ? ` and ${shown.unknown} of unknown price` : ""}`);
        if (shown.left !== null) parts.push(`${dollars(shown.left)} left today`);
        return parts.join(" · ");
    }

    /**
     * A card is made once: what is typed into it, and what is open in it, stays when an answer comes.
     * @param {any} old
     */
    function drawColumns(old) {
        const state = [shown?.id, old.length, ...fresh.map(({ serial }) => serial)].join();
        if (list.dataset.state !== state) {
            list.dataset.state = state;
            list.replaceChildren(...old.map((/** @type {any} */ column) => make("div", { class: "versus-column" }, make("strong", {}, column.contestant))),
                ...fresh.map((column) => (column.card ??= card(column))));
        }
        for (const column of fresh) column.noted.replaceChildren(...notes(column).map((words) => make("p", { class: "note" }, words)));
    }

    /** @param {any} column */
    function card(column) {
        column.noted = make("div", { class: "versus-notes" });
        const offer = hosted(column.name);
        /**
         * @param {string} name
         * @param {any} value
         */
        const set = (name, value) => { column.settings = { ...column.settings, [name]: value }; changed(); };
        const choices = Object.entries(offer?.settings ?? {}).map(([name, values]) => make("label", { class: "versus-choice" },
            make("span", {}, name.replaceAll("_", " ")), make("select", { onchange: (event) => set(name, event.target.value) },
                ...values.map((/** @type {any} */ value) => make("option", { value, selected: value === (column.settings[name] ?? values[0]) }, value)))));
        const own = column.local ? make("input", { type: "text", class: "versus-own", "aria-label": `Settings of ${column.label}`, placeholder: "steps=8 width=256", spellcheck: "false",
            onchange: (event) => { column.settings = pairs(event.target.value); changed(); } }) : null;
        if (own) own.value = Object.entries(column.settings).map(([name, value]) => `${name}=${/\s/.test(value) ? JSON.stringify(value) : value}`).join(" ");
        return make("div", { class: "versus-column" }, make("strong", {}, column.label),
            make("button", { type: "button", class: "drop", "aria-label": `Remove ${column.label}`, title: "Remove", onclick: () => { fresh = fresh.filter((one) => one !== column); changed(); } }, icon("remove")),
            column.noted,
            ...(choices.length ? [make("details", { class: "versus-more" }, make("summary", {}, "Settings"), make("div", { class: "versus-choices" }, ...choices))] : []),
            ...(column.pictures ? [make("div", { class: "versus-brought" }, ...column.pictures.map((/** @type {any} */ { shown: src, name }) => make("img", { src, alt: name })))] : []), own);
    }

    /** @param {string} text */
    const pairs = (text) => Object.fromEntries([...text.matchAll(/([a-z_]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,&]+)/g)]
        .map(([, name, value]) => [name, value.startsWith('"') ? JSON.parse(value) : value]));

    /** @param {any} column */
    function notes(column) {
        const offer = hosted(column.name);
        if (column.pictures) return [`${count(column.pictures.length, "picture")}, one for each prompt in this order`];
        if (column.local) return [];
        const given = base.mask_image ? "mask" : base.init_image ? "edit" : null;
        const usd = estimate?.each?.[fresh.indexOf(column)];
        const refused = facts.refuses && estimate && estimate.left !== null;
        const parts = [usd > 0 ? `At most ${dollars(usd)} a picture${offer?.priced ? `, by the prices of ${offer.priced}` : ""}` : refused ? "Price unknown: not asked while there is a budget." : "Price unknown"];
        const end = column.ends ?? offer?.shutdown;
        const over = end && end <= new Date().toISOString().slice(0, 10);
        if (offer && given && !offer.abilities.includes(given)) parts.push(given === "mask" ? "It takes no mask." : "It takes no picture to start from.");
        if (end) parts.push(over ? `${service(offer.host)} shut it down on ${end}; its successor is ${offer.successor}.` : `Shuts down on ${end}${offer?.successor ? `; its successor is ${offer.successor}` : ""}.`);
        return parts;
    }

    // One masked field for each host whose key nobody has given; what was typed leaves the page at once.
    function drawKeys() {
        if (!estimate) return;
        const wanted = new Map(Object.entries(estimate.keys).map(([host, source]) => [`${host} ${source}`, () => keyRow(host, source)]));
        // One that stays is left alone: something may be half typed into it.
        for (const row of parts(keys, ":scope > *")) if (!wanted.delete(row.dataset.key ?? "")) row.remove();
        for (const [key, row] of wanted) {
            const made = row();
            made.dataset.key = key;
            keys.append(made);
        }
    }

    /**
     * @param {string} host
     * @param {any} source
     */
    function keyRow(host, source) {
        if (source) return make("p", { class: "note versus-key" }, `Key for ${service(host)}: ${source === "typed" ? "typed, until the studio ends" : "from the environment"}`,
            source === "typed" ? button("Forget", () => tellKey(host, "")) : null);
        const field = make("input", { type: "password", autocomplete: "off", spellcheck: "false", "data-1p-ignore": true, placeholder: "for this session" });
        const take = () => { const typed = field.value; field.value = ""; if (typed) tellKey(host, typed); };
        field.addEventListener("change", take);
        return labelled(`Key for ${service(host)}`, field);
    }

    async function spend() {
        const answer = await call("budget", { usd: budget.value === "" ? null : Number(budget.value) });
        if (answer.fault) fault.textContent = answer.fault;
        else price();
    }

    /**
     * @param {string} host
     * @param {string} key
     */
    async function tellKey(host, key) {
        const answer = await call("key", { host, key });
        fault.textContent = answer.fault ?? "";
        fresh.filter(({ local, pictures }) => !local && !pictures).forEach(ends);
        price();
    }

    /** @param {any} column */
    async function ends(column) {
        const answer = await call("ends", { model: column.name });
        if (answer.shutdown) column.ends = answer.shutdown;
        draw();
    }

    /** @param {string} name */
    function chosen(name) {
        if (name === "other") {
            other.hidden = false;
            address.focus();
        } else if (name === "pictures") files.click();
        else if (name) grow(name);
    }

    /**
     * @param {string} name
     * @param {Attributes} [settings]
     */
    function grow(name, settings = {}) {
        const local = facts.local.find((/** @type {any} */ one) => one.name === name);
        const column = { serial: (serial += 1), name, settings, local: Boolean(local), label: (local ?? hosted(name))?.label ?? name };
        fresh.push(column);
        if (!local) ends(column);
        changed();
    }

    // At an address, or at a host that has a name; one that cannot be is not added.
    async function named() {
        const place = address.value.trim().replace(/^(\w+:\/\/[^/]+)$/, "$1/");
        const name = `${place}:${id.value.trim()}`;
        const answer = await call("estimate", { prompts: "", columns: [{ name }] });
        fault.textContent = answer.fault ?? "";
        if (answer.fault) return;
        address.value = id.value = "";
        other.hidden = true;
        grow(name);
    }

    /** @param {any} given */
    async function bring(given) {
        const pictures = [];
        for (const file of given) {
            const arrived = await upload(file).catch(() => null);
            const answer = arrived ? await call("bring", { path: arrived.path }) : { fault: LOST };
            if (answer.fault) fault.textContent = `${file.name}: ${answer.fault}`;
            else pictures.push({ ...answer, name: file.name });
        }
        if (pictures.length) fresh.push({ serial: (serial += 1), name: "imported", label: `Imported: ${pictures[0].name}`, settings: {}, pictures });
        changed();
    }

    const task = () => (base.mask_image ? "inpaint" : base.init_image ? "img2img" : "text2img");

    function offers() {
        offered = task();
        /**
         * @param {string} label
         * @param {any[]} options
         */
        const group = (label, options) => (options.length ? make("optgroup", { label }, ...options) : null);
        /** @param {any} one */
        const over = (one) => Boolean(one.shutdown) && one.shutdown <= new Date().toISOString().slice(0, 10);
        /** @param {any} one */
        const option = (one) => make("option", { value: one.name }, one.here === false ? `${one.label} · to download` : over(one) ? `${one.label} · shut down` : one.label);
        const places = [...new Set(facts.hosted.map((/** @type {any} */ { host }) => host))];
        add.replaceChildren(.../** @type {Node[]} */ ([make("option", { value: "" }, "Add a model or pictures …"), group("On this machine", facts.local.filter((/** @type {any} */ { tasks }) => tasks.includes(offered)).map(option)),
            ...places.map((host) => group(`Hosted by ${service(host)}`, facts.hosted.filter((/** @type {any} */ one) => one.host === host).sort((/** @type {any} */ a, /** @type {any} */ b) => Number(over(a)) - Number(over(b))).map(option))),
            group("Else", [make("option", { value: "other" }, "Another hosted model …"), make("option", { value: "pictures" }, "Pictures that I have …")])].filter(Boolean)));
        hosts.replaceChildren(...Object.keys(facts.hosts).map((value) => make("option", { value })));
        address.placeholder = facts.addresses ? "https://host/v1, or openai" : Object.keys(facts.hosts).join(", ");
        budget.value = facts.budget ?? "";
        budget.placeholder = facts.most ?? "none";
    }

    function drawHeld() {
        earlier.hidden = !facts.held.length;
        held.replaceChildren(...facts.held.map((/** @type {any} */ one) => make("div", { class: "versus-one" },
            make("button", { type: "button", class: "versus-open", "aria-current": String(one.id === shown?.id), onclick: () => open(one.id) },
                make("span", {}, one.title), make("span", { class: "note" }, `${count(one.lines, "prompt")} · ${one.columns.join(", ")}${one.left ? ` · ${one.left} open` : ""}`)),
            make("button", { type: "button", class: "drop", "aria-label": `Remove the comparison ${one.title}`, title: "Remove", onclick: () => forget(one.id) }, icon("remove")))));
    }

    async function act() {
        fault.textContent = "";
        if (shown?.running) {
            await call("stop", { id: shown.id });
            return look();
        }
        go.disabled = true;
        const answer = await call("begin", asked());
        if (answer.fault) {
            fault.textContent = answer.fault;
            return draw();
        }
        await open(answer.id);
        if (narrow()) side.scrollIntoView();
        await refresh();
    }

    /** @param {string | null} id */
    async function open(id) {
        sessionStorage.setItem(KEPT, id ?? "");
        fault.textContent = prompts.value = "";
        fresh = [];
        base = {};
        if (shown?.id !== id) shown = id ? { id, seen: null, cells: [], columns: [], lines: [], total: 0, left: null } : null;
        if (!id) {
            wall.draw(null);
            grow(facts.usual);
        } else await look();
        price();
        drawHeld();
    }

    async function look() {
        clearTimeout(polling);
        const id = shown?.id;
        if (!id) return;
        const answer = await call("look", { id, seen: shown.seen });
        if (shown?.id !== id) return;
        if (answer.fault) {
            fault.textContent = answer.fault;
            if (answer.fault !== LOST) shown = null;
        } else if (!answer.same) {
            const ended = shown.running && !answer.running;
            shown = answer;
            base = shown.base;
            wall.draw(shown);
            if (ended) { refresh(); price(); }
        }
        draw();
        if ((shown?.running || shown?.coming) && element.isConnected) polling = setTimeout(look, ASK);
    }

    /** @param {string} id */
    async function forget(id) {
        const answer = await call("forget", { id });
        if (answer.fault) fault.textContent = answer.fault;
        else facts = answer;
        if (shown?.id === id) await open(null);
        drawHeld();
    }

    async function refresh() {
        const answer = await call("facts");
        if (answer.fault) fault.textContent = answer.fault;
        else facts = answer;
        offers();
        drawHeld();
    }

    /** @param {string} form */
    async function save(form) {
        const answer = await call("hand", { id: shown.id, form });
        if (answer.fault) fault.textContent = answer.fault;
        else saveAs(answer.name, answer.data);
    }

    async function take() {
        if (!props.value?.arrived) return;
        const first = !arrived;
        arrived = true;
        if (first) await refresh();
        const { draft } = props.value;
        if (draft) {
            await open(null);
            fresh = [];
            prompts.value = draft.prompts.join("\n");
            seed.value = draft.seed ?? "";
            base = draft.base;
            grow(draft.model.name ?? facts.usual, draft.model.settings);
        } else if (first) await open((facts.held.find((/** @type {any} */ { running }) => running) ?? facts.held.find((/** @type {any} */ { id }) => id === sessionStorage.getItem(KEPT)))?.id ?? null);
    }

    watch("value", take);
    if (props.value?.arrived) take();
    else ready.then(() => arrive());
}
