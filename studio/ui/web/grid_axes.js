// What a grid is made of: a recipe from the form, and up to three settings that vary, each with its values.
import { make, parts } from "./dom.js";
import { begin } from "./form.js";

/** @param {any} page */
export function gridAxes(page) {
    const { server, start } = page;
    const NAMES = ["Across (x)", "Down (y)", "Pages (z)"];
    const WORDS = "prompt:";
    // How long the values rest until it is asked what they make, in milliseconds.
    const REST = 250;
    // A list longer than this has a search.
    const LONG = 12;
    const KEPT = "image-studio-grid";
    const LISTS = "Values with commas between them.";
    const RANGES = "Values with commas between them, or a range: 10-30:5 is every fifth, 10-30[4] is four of them.";

    /** @type {Told} */
    let setup = /** @type {any} */ (null);
    /** @type {Timer} */
    let timer;
    let asked = 0;

    const prompt = make("p", { class: "grid-prompt" });
    const said = make("p", { class: "quiet" });
    const cards = NAMES.map(card);
    const total = make("p", { class: "grid-total", role: "status" });
    const faults = make("ul", { class: "grid-faults" });
    const go = make("button", { type: "button", class: "primary grid-start", disabled: true, onclick: () => start({ base: setup.base, axes: wanted() }) }, "Make the grid");
    const none = make("div", { class: "grid-none" },
        make("p", {}, "A grid shows what a setting does: one picture for each of its values."),
        make("p", { class: "quiet" }, "It is made of what the form says: prompt, model, size and all the rest."),
        make("button", { type: "button", class: "plain", onclick: () => begin("grid") }, "Start from the form"));
    const form = make("div", { class: "grid-form", hidden: true },
        make("div", { class: "grid-recipe" }, prompt, said), ...cards.map((one) => one.element), make("div", { class: "grid-ask" }, total, faults, go));
    const element = make("section", { class: "grid-setup", "aria-label": "What varies" }, none, form);

    /**
     * @param {string} title
     * @param {number} number
     */
    function card(title, number) {
        const select = make("select", { "aria-label": `${title}: what varies`, onchange: () => { draw(true); ask(); } });
        const words = make("input", { type: "text", class: "grid-words", placeholder: "Words as they stand in the prompt", "aria-label": `${title}: words`, oninput: ask });
        const values = make("textarea", { rows: 2, "aria-label": `${title}: values`, oninput: () => { press(); ask(); } });
        const find = make("input", { type: "search", placeholder: "Search", "aria-label": `${title}: search`, oninput: () => sift() });
        const chips = make("div", { class: "chips grid-chips", role: "group", "aria-label": `${title}: choices` });
        const note = make("p", { class: "note" });
        const fault = make("p", { class: "fault", role: "alert" });
        const box = make("fieldset", { class: "grid-axis" }, make("legend", {}, title), select, words, values, find, chips, note, fault);
        const offer = () => setup.offers.find((/** @type {any} */ one) => one.field === select.value);

        // `fresh`: another setting was chosen, whose values are others.
        function draw(fresh = false) {
            const chosen = offer();
            if (fresh) values.value = "";
            for (const part of [values, note]) part.hidden = !chosen;
            words.hidden = select.value !== WORDS;
            values.placeholder = chosen?.field === WORDS ? "red, green, blue" : chosen?.numeric ? "10, 20, 30" : chosen?.choices.length ? "Choose below" : "one, two, three";
            note.textContent = chosen ? [chosen.hint, chosen.numeric ? RANGES : chosen.choices.length ? "" : LISTS].filter(Boolean).join(" ") : "";
            const choices = chosen?.choices ?? [];
            chips.hidden = !choices.length;
            find.hidden = choices.length <= LONG;
            find.value = "";
            chips.replaceChildren(...(choices.length > 1 ? [make("button", { type: "button", class: "chip all", onclick: () => write(choices.map((/** @type {any} */ one) => one.value)) }, "All")] : []),
                ...choices.map((/** @type {any} */ one) => make("button", { type: "button", class: "chip", "aria-pressed": "false", "data-value": one.value, onclick: () => toggle(one.value) }, one.label)));
            press();
            say("");
        }

        /** @param {any} value */
        function toggle(value) {
            const now = split(values.value);
            write(now.includes(value) ? now.filter((one) => one !== value) : [...now, value]);
        }

        /** @param {any} list */
        function write(list) {
            values.value = list.map((/** @type {any} */ one) => (/[",\n]/.test(one) ? `"${one.replaceAll('"', '""')}"` : one)).join(", ");
            press();
            ask();
        }

        function press() {
            const now = split(values.value);
            for (const chip of parts(chips, "[data-value]")) chip.setAttribute("aria-pressed", String(now.includes(chip.dataset.value ?? "")));
        }

        function sift() {
            const text = find.value.trim().toLowerCase();
            for (const chip of parts(chips, "[data-value]")) chip.hidden = !(chip.textContent ?? "").toLowerCase().includes(text);
        }

        function fill() {
            const groups = Map.groupBy?.(setup.offers, (one) => one.group) ?? grouped(setup.offers);
            select.replaceChildren(make("option", { value: "" }, number ? "Nothing more" : "Choose what varies"),
                ...[...groups].map(([group, offers]) => make("optgroup", { label: group },
                    ...offers.map((one) => make("option", { value: one.field }, one.title)))));
        }

        function set({ field = "", text = "" } = {}) {
            const search = field.startsWith(WORDS);
            if (field && !search && !setup.offers.some((/** @type {any} */ one) => one.field === field)) select.append(make("option", { value: field }, field));
            select.value = search ? WORDS : field;
            words.value = search ? field.slice(WORDS.length) : "";
            draw();
            values.value = text;
            press();
        }

        /** @param {string} text */
        const say = (text) => { fault.textContent = text; box.classList.toggle("at-fault", Boolean(text)); };
        const field = () => (select.value === WORDS ? `${WORDS}${words.value}` : select.value);
        const whole = () => Boolean(select.value && values.value.trim() && (select.value !== WORDS || words.value.trim()));
        return { element: box, fill, set, say, get: () => (whole() ? { field: field(), text: values.value } : null) };
    }

    /** @param {any} offers */
    const grouped = (offers) => offers.reduce((/** @type {any} */ groups, /** @type {any} */ one) => groups.set(one.group, [...(groups.get(one.group) ?? []), one]), new Map());
    const wanted = () => cards.map((one) => one.get()).filter(Boolean);

    /**
     * Values between commas; one in double quotes may hold some.
     * @param {string} text
     */
    function split(text) {
        return [...text.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,\n]*))\s*(?:,|\n|$)/g)]
            .map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain.trim()).filter(Boolean);
    }

    function ask() {
        clearTimeout(timer);
        keep();
        for (const one of cards) one.say("");
        const axes = wanted();
        faults.replaceChildren();
        go.disabled = true;
        total.textContent = axes.length ? "…" : "";
        if (axes.length) timer = setTimeout(() => consider(axes), REST);
    }

    /** @param {any} axes */
    async function consider(axes) {
        const mine = ++asked;
        const told = await server.consider({ base: setup.base, axes }).catch(() => ({ fault: "The studio did not answer. Check the connection and try again." }));
        if (mine !== asked || JSON.stringify(axes) !== JSON.stringify(wanted())) return;
        if (told.fault) {
            total.textContent = "";
            const at = axes[told.axis];
            const blamed = at && cards.find((one) => JSON.stringify(one.get()) === JSON.stringify(at));
            if (blamed) blamed.say(told.fault);
            else faults.replaceChildren(make("li", {}, told.fault));
            return;
        }
        const lost = told.cells - told.possible;
        total.textContent = `${count(told.possible, "picture")} · ${count(told.steps, "step")}${lost ? ` · ${lost} cannot be made` : ""}`;
        faults.replaceChildren(...told.faults.map((/** @type {any} */ one) => make("li", {}, make("b", {}, one.where), ` ${one.words}`)));
        go.disabled = false;
        go.textContent = told.possible === 1 ? "Make the picture" : `Make ${told.possible} pictures`;
    }

    /**
     * @param {number} number
     * @param {string} word
     */
    const count = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;

    function keep() {
        localStorage.setItem(KEPT, JSON.stringify({ base: setup.base, axes: wanted() }));
    }

    /**
     * `axes`: those that are to vary; else those that varied last.
     * @param {any} told
     * @param {any} [axes]
     */
    function show(told, axes) {
        const before = axes ?? (setup ? wanted() : kept()?.axes ?? []);
        setup = told;
        none.hidden = true;
        form.hidden = false;
        prompt.textContent = setup.prompt || "No prompt";
        said.textContent = setup.said;
        const given = [...before];
        if (setup.pictures.length && !given.some((one) => one.field === "init_image")) given.unshift({ field: "init_image", text: setup.pictures.join(", ") });
        cards.forEach((one, number) => { one.fill(); one.set(given[number]); });
        ask();
    }

    function kept() {
        try {
            return JSON.parse(localStorage.getItem(KEPT) ?? "null");
        } catch {
            return null;
        }
    }

    async function recall() {
        const last = kept();
        if (!last || setup) return;
        const told = await server.prepare({ base: last.base }).catch(() => null);
        if (told?.setup && !setup) show(told.setup, last.axes);
    }

    /** @param {any} given */
    async function again({ base, texts: axes }) {
        const told = await server.prepare({ base });
        if (told.setup) show(told.setup, axes);
    }

    return { element, show, recall, again };
}
