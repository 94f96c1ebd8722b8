// The arena: two pictures without names, a vote by key or click, then the names; and a table of what all votes say.
import { make, part, tab, target } from "./dom.js";
import { saveAs } from "./download.js";
import { ready } from "./form.js";

/** @param {Island} island */
export function mount({ element, props, watch, server, tell: { arrive } }) {
    const LOST = "The studio did not answer. Check the connection and try again.";
    const CHOICES = [["left", "Left is better", "←"], ["right", "Right is better", "→"], ["good", "Both are good", "↑"], ["bad", "Both are bad", "↓"]];
    /** @type {Record<string, string>} */
    const KEYS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "good", ArrowDown: "bad" };

    let arrived = false;
    /** @type {string | null} */
    let pair = null;
    // Whether the names of the pair are told, so that the next key goes on.
    let told = false;
    let busy = false;
    let count = 0;
    let tag = "";

    const home = part(element, ".arena");
    /**
     * @param {string} name
     * @param {object} [asked]
     */
    const call = async (name, asked = {}) => (await server[name](asked)) ?? { fault: LOST };
    const prompt = make("h2", { class: "arena-prompt" });
    const side = () => ({ image: make("img", { alt: "" }), name: make("figcaption", { class: "arena-name" }) });
    const left = side();
    const right = side();
    const pictures = make("div", { class: "arena-pair" },
        ...Object.entries({ left, right }).map(([which, one]) => make("figure", {}, make("button", { type: "button", class: "arena-look", "aria-label": `The ${which} one is better`, onclick: () => cast(which) }, one.image), one.name)));
    const votes = make("div", { class: "arena-votes", role: "group", "aria-label": "Your vote" },
        ...CHOICES.map(([choice, words, key]) => make("button", { type: "button", class: "plain", "data-choice": choice, onclick: () => cast(choice) }, make("kbd", {}, key), words)));
    const next = make("button", { type: "button", class: "plain arena-next", hidden: true, onclick: draw }, make("kbd", {}, "Enter"), "Next pair");
    const line = make("p", { class: "note", role: "status" });
    const fault = make("p", { class: "wrong", role: "alert" });
    const none = make("div", { class: "versus-empty" }, make("h2", {}, "No pair to judge"),
        make("p", { class: "quiet" }, "Compare at least two models first. Each picture is shown once, so that none is known again."));
    const ring = make("div", { class: "arena-ring" }, prompt, pictures, votes, next, none, fault, line);
    const chooser = make("select", { "aria-label": "Prompts with the tag", onchange: () => { tag = chooser.value; table(); } });
    const save = make("button", { type: "button", class: "plain", onclick: exported }, "Export votes");
    const standings = make("div", { class: "arena-scroll" });
    const duels = make("div", { class: "arena-scroll" });
    const matrix = make("details", { class: "arena-matrix" }, make("summary", {}, "Who won against whom"), duels);
    const help = make("p", { class: "note" }, "Bradley-Terry ratings around 1000; 400 points are ten times the chance. A tie is half a win for each. The bar is the 95 % interval.");
    const board = make("section", { class: "arena-board", "aria-label": "Ratings" }, make("header", {}, make("h3", {}, "Ratings"), chooser, save), standings, help, matrix);
    // Nothing is told before it is known.
    for (const part of [prompt, pictures, votes, none, board]) part.hidden = true;
    home.append(ring, board);

    async function draw() {
        const answer = await call("pair");
        fault.textContent = answer.fault ?? "";
        pair = answer.pair ?? null;
        told = false;
        for (const part of [prompt, pictures, votes]) part.hidden = !pair;
        none.hidden = Boolean(pair) || Boolean(answer.fault);
        next.hidden = true;
        tally(answer.count ?? 0);
        if (!pair) return;
        prompt.textContent = answer.prompt;
        left.image.src = answer.left;
        right.image.src = answer.right;
        left.name.textContent = right.name.textContent = "";
        for (const one of pictures.children) one.classList.remove("better");
    }

    /** @param {any} now */
    function tally(now) {
        count = now;
        line.textContent = count ? `${count} ${count === 1 ? "vote" : "votes"} so far` : "";
    }

    /** @param {any} choice */
    async function cast(choice) {
        if (!pair || busy) return;
        if (told) return draw();
        busy = true;
        const answer = await call("vote", { pair, choice });
        busy = false;
        fault.textContent = answer.fault ?? "";
        if (answer.fault) return;
        told = true;
        tally(count + 1);
        left.name.textContent = answer.left;
        right.name.textContent = answer.right;
        pictures.children[0].classList.toggle("better", choice === "left" || choice === "good");
        pictures.children[1].classList.toggle("better", choice === "right" || choice === "good");
        votes.hidden = true;
        next.hidden = false;
        next.focus({ preventScroll: true });
        await table();
    }

    /**
     * @param {string} words
     * @param {Attributes} [attributes]
     */
    const cell = (words, attributes = {}) => make("td", attributes, words);
    /** @param {...any} cells */
    const row = (...cells) => make("tr", {}, ...cells);

    async function table() {
        const answer = await call("table", { tag });
        if (answer.fault) return;
        chooser.hidden = !answer.tags.length;
        chooser.replaceChildren(make("option", { value: "" }, "All prompts"), ...answer.tags.map((/** @type {any} */ one) => make("option", { value: one, selected: one === tag }, one)));
        board.hidden = !answer.count && !tag;
        const low = Math.min(...answer.standings.map((/** @type {any} */ one) => one.low));
        const high = Math.max(...answer.standings.map((/** @type {any} */ one) => one.high));
        /** @param {any} value */
        const share = (value) => `${(100 * (value - low)) / (high - low || 1)}%`;
        /** @param {any} one */
        const bar = (one) => {
            const made = make("span", { class: "arena-bar", "aria-hidden": "true" }, make("i", {}), make("b", {}));
            made.style.setProperty("--low", share(one.low));
            made.style.setProperty("--high", share(one.high));
            made.style.setProperty("--at", share(one.rating));
            return made;
        };
        standings.replaceChildren(make("table", {}, make("thead", {}, row(...["Model", "Rating", "95 % interval", "Won", "Lost", "Tied"].map((words) => make("th", { scope: "col" }, words)))),
            make("tbody", {}, ...answer.standings.map((/** @type {any} */ one) => row(make("th", { scope: "row" }, one.name), cell(one.rating.toFixed(0)),
                make("td", {}, make("span", { class: "arena-ends" }, `${one.low.toFixed(0)} – ${one.high.toFixed(0)}`), bar(one)), cell(one.wins), cell(one.losses), cell(one.ties))))));
        const names = answer.standings.map((/** @type {any} */ { name }) => name);
        matrix.hidden = names.length < 2;
        duels.replaceChildren(make("table", {}, make("thead", {}, row(make("td"), ...names.map((/** @type {string} */ name) => make("th", { scope: "col" }, name)))),
            make("tbody", {}, ...names.map((/** @type {any} */ one) => row(make("th", { scope: "row" }, one), ...names.map((/** @type {any} */ other) => {
                const met = answer.matrix[one]?.[other];
                return cell(met ? `${met[0]} of ${met[1]}` : "–");
            }))))));
    }

    async function exported() {
        const answer = await call("votes");
        if (!answer.fault) saveAs(answer.name, answer.data);
    }

    document.addEventListener("keydown", (event) => {
        if (tab() !== "arena" || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
        if (target(event)?.matches("textarea, select, input")) return;
        const choice = KEYS[event.key];
        if (!choice || told) return;
        event.preventDefault();
        cast(choice);
    });

    // Comparisons are made in another tab: each time this one is opened, there may be new pairs.
    new IntersectionObserver(([seen]) => { if (seen.isIntersecting && arrived && !pair) take(); }).observe(home);

    async function take() {
        if (!props.value?.arrived) return;
        arrived = true;
        await draw();
        await table();
    }

    watch("value", take);
    if (props.value?.arrived) take();
    else ready.then(() => arrive());
}
