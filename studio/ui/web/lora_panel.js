// The LoRAs: what the panel holds and what the prompt mentions as one stack of cards.
import { focused, input, make, part, type } from "./dom.js";
import { facts, onFacts, value } from "./form.js";
import { loraCard } from "./lora_card.js";
import { loraGhost } from "./lora_ghost.js";
import { panels } from "./panels.js";

/** @param {Island} island */
export function mount({ element, props, watch, upload, server, data: known }) {
    // How long the prompt rests until it is looked at again, in milliseconds.
    const REST = 150;
    const LOST = "The studio did not answer. Check the connection and try again.";
    const FRESH = { weight: 1, text_weight: null, start: 0, end: 1, blocks: [], on: true, said: false };
    const SAID = ["weight", "text_weight", "blocks"];
    // A prompt without these calls no LoRA: mentions and lists to draw from.
    const CALLS = /<|__/;

    /** @type {Told[]} */
    let stack = [];
    // Cards by the key of their LoRA; what the server said last; the row that stands in the place of what was removed.
    /** @type {Map<string, any>} */
    let cards = new Map();
    /** @type {Told} */
    let told = { cards: {}, notes: {}, blocks: [] };
    // What a style brings and what the prompt may draw: no part of the stack, but to be seen.
    /** @type {HTMLElement[]} */
    let ghosts = [];
    /** @type {Gone | null} */
    let gone = null;
    let serial = 0;
    let asked = 0;
    /** @type {Timer} */
    let timer;

    const list = make("div", { class: "cards", role: "list", "aria-label": "Stack of LoRAs" });
    const wrong = make("div", { class: "faults", role: "alert" });
    const count = make("span", { class: "count" });
    /**
     * @param {string} words
     * @param {Handler} act
     */
    const button = (words, act) => make("button", { type: "button", class: "plain", onclick: act }, words);
    const fold = make("details", { class: "fold stack" }, make("summary", {}, "LoRAs", count),
        make("div", { class: "fold-body" }, list, wrong, make("div", { class: "ways" },
            button("Add a LoRA", add), button("Stacks", stacks))));
    part(element, ".loras").append(fold);

    const model = () => facts()?.model.id;
    const text = () => input("prompt")?.value ?? "";
    const styles = () => value("styles") ?? [];
    /** @param {Told} lora */
    const own = ({ key, on, said: _, ...lora }) => lora;
    /** @param {any} lora */
    const fresh = (lora) => ({ ...FRESH, ...lora, key: `l${Date.now()}-${serial++}` });
    // Those that reach the studio, in the order in which it counts them.
    const current = () => stack.filter((one) => one.on).map((one) => own(one));

    // What came from the server: kept, or of a picture whose settings are used.
    function take() {
        stack = (props.value?.loras ?? []).map(fresh);
        gone = null;
        if (stack.length) fold.open = true;
        draw();
        look();
    }

    function commit() {
        props.value = { loras: structuredClone(stack) };
        head();
    }

    // Asks what there is to say of stack, prompt and model; the newest of several questions counts.
    async function look() {
        clearTimeout(timer);
        if (!facts() || (!stack.length && !ghosts.length && !styles().length && !CALLS.test(text()))) return;
        const mine = ++asked;
        const prompt = text();
        const answer = await server.look({ prompt, styles: styles(), loras: stack, model: model() });
        if (mine !== asked || !answer || answer.fault) return;
        told = answer;
        // While the words cannot be read, all stays as it is.
        if (told.said) ghosts = told.ghosts.map((/** @type {any} */ ghost) => loraGhost(ghost, told.cards[ghost.name]));
        if (told.said && prompt === text()) join(told.said);
        draw();
    }

    /**
     * The prompt's mentions and the stack are one: what is mentioned is in it, and leaves it with its mention.
     * @param {any} mentions
     */
    function join(mentions) {
        const before = JSON.stringify(stack);
        stack = stack.filter((one) => !one.said || mentions[one.name]);
        for (const [name, weights] of Object.entries(mentions)) {
            const one = stack.find((lora) => lora.name === name);
            if (!one) stack.push(fresh({ name, ...weights, said: true }));
            else if (one.said) Object.assign(one, weights);
            else one.on = true;
        }
        if (stack.some((one) => one.said) && !before.includes('"said":true')) fold.open = true;
        if (JSON.stringify(stack) !== before) commit();
    }

    /**
     * What the prompt says of one; block weights that it leaves out are the stack's.
     * @param {any} one
     */
    function said(one) {
        const words = told.said?.[one.name];
        return words && { ...words, blocks: words.blocks.length ? words.blocks : one.blocks };
    }

    /**
     * What is changed of a LoRA that the prompt mentions is changed there.
     * @param {any} one
     * @param {Values} values
     */
    async function changed(one, values) {
        Object.assign(one, said(one), values);
        cards.get(one.key)?.forgive();
        wrong.replaceChildren();
        if (said(one) && SAID.some((name) => name in values) && !(await reword(one.name, own(one)))) return;
        commit();
        look();
    }

    /**
     * @param {string} name
     * @param {any} lora
     */
    async function reword(name, lora) {
        const prompt = text();
        const answer = (await server.reword({ prompt, name, lora })) ?? { fault: LOST };
        if (answer.fault) complain(answer.fault);
        else if (prompt === text()) type(input("prompt"), answer.prompt);
        return !answer.fault;
    }

    /**
     * Off is out of the prompt: the panel keeps it.
     * @param {any} one
     * @param {boolean} on
     */
    async function turn(one, on) {
        if (!on && said(one) && !(await reword(one.name, null))) return draw();
        Object.assign(one, said(one), { on, said: false });
        commit();
        draw();
        look();
    }

    /** @param {any} one */
    async function remove(one) {
        const at = stack.indexOf(one);
        const before = text();
        if (said(one) && !(await reword(one.name, null))) return;
        const after = text();
        stack = stack.filter((other) => other !== one);
        gone = { at, row: make("p", { class: "gone" }, `${one.name} removed`, button("Undo", () => {
            stack.splice(at, 0, { ...one, said: one.said && after === text() });
            if (after === text() && after !== before) type(input("prompt"), before);
            gone = null;
            commit();
            draw();
            look();
        })) };
        commit();
        draw();
        part(list, ".gone button").focus();
        look();
    }

    async function add() {
        const { openLoraBrowser } = await import("./lora_browser.js");
        openLoraBrowser({ server, upload, model, has: (/** @type {string} */ name) => stack.some((one) => one.name === name), choose });
    }

    async function stacks() {
        const { openLoraStacks } = await import("./lora_stacks.js");
        openLoraStacks({ server, model, current, apply });
    }

    /**
     * Chosen in the library.
     * @param {string} name
     */
    function choose(name) {
        if (stack.some((one) => one.name === name)) return;
        stack.push(fresh({ name }));
        gone = null;
        fold.open = true;
        commit();
        look();
    }

    /**
     * A saved stack takes the place of what is here; what the prompt says stays.
     * @param {any} loras
     */
    function apply(loras) {
        const before = stack;
        const kept = stack.filter((one) => one.said);
        stack = [...loras.filter((/** @type {any} */ { name }) => !kept.some((one) => one.name === name)).map(fresh), ...kept];
        gone = before.length > kept.length ? { at: stack.length, row: make("p", { class: "gone" }, "Another stack is on", button("Undo", () => {
            stack = before;
            gone = null;
            commit();
            draw();
            look();
        })) } : null;
        commit();
        draw();
        look();
    }

    /**
     * @param {any} one
     * @param {number} to
     */
    function move(one, to) {
        const at = stack.indexOf(one);
        if (to < 0 || to >= stack.length || to === at) return;
        stack.splice(to, 0, ...stack.splice(at, 1));
        commit();
        draw();
    }

    function head() {
        const on = stack.filter((one) => one.on).length;
        count.textContent = [on && `${on} on`, ghosts.length && `${ghosts.length} with the words`].filter(Boolean).join(", ");
    }

    function draw() {
        for (const key of cards.keys()) if (!stack.some((one) => one.key === key)) cards.delete(key);
        const drawn = stack.map((one) => {
            if (cards.get(one.key)?.of !== one) cards.set(one.key, loraCard(one, panel));
            cards.get(one.key).draw();
            return cards.get(one.key).root;
        });
        if (gone) drawn.splice(gone.at, 0, gone.row);
        drawn.push(...ghosts);
        // What is put in anew loses the focus.
        const held = focused();
        if (drawn.length !== list.children.length || drawn.some((row, at) => row !== list.children[at])) list.replaceChildren(...drawn);
        if (held && list.contains(held)) held.focus({ preventScroll: true });
        head();
    }

    // Called whenever a field, the model or the tab changes.
    let seen = "";
    function worded() {
        const now = JSON.stringify([text(), styles(), model()]);
        if (now === seen) return;
        seen = now;
        cards.forEach((card) => card.forgive());
        clearTimeout(timer);
        timer = setTimeout(look, REST);
    }

    /** @param {string} words */
    function complain(words) {
        fold.open = true;
        wrong.replaceChildren(make("p", { class: "fault" }, words));
    }

    /**
     * A fault of the studio stands at its LoRA.
     * @param {Fault} fault
     */
    function blame(fault) {
        if (element.closest("[hidden]")) return false;
        const words = `${fault.message} ${fault.hint}`.trim();
        const one = stack.filter(({ on }) => on)[fault.part ?? -1];
        fold.open = true;
        if (one) cards.get(one.key).blame(words);
        else complain(words);
        const at = one ? cards.get(one.key).root : wrong;
        requestAnimationFrame(() => {
            at.scrollIntoView({ block: "center" });
            at.querySelector("input")?.focus({ preventScroll: true });
        });
        return true;
    }

    /**
     * A trigger word joins the prompt, behind a comment on a line of its own.
     * @param {string} word
     */
    function call(word) {
        const prompt = text().trimEnd();
        const gap = !prompt ? "" : prompt.slice(prompt.lastIndexOf("\n") + 1).includes("#") ? "\n" : ", ";
        type(input("prompt"), `${prompt}${gap}${word}`);
    }

    // What a card asks of the panel.
    const panel = {
        ...known, list, changed, turn, remove, move, said, call,
        card: (/** @type {any} */ { name }) => told.cards[name] ?? { fault: "", words: [], picture: "" },
        note: (/** @type {any} */ one) => (one.said ? "" : told.notes[one.name] ?? ""),
        blocks: () => told.blocks,
        at: (/** @type {any} */ one) => stack.indexOf(one),
        // The mention of a file is no word.
        calls: (/** @type {string} */ word) => text().replace(/<[^>]*>/g, "").toLowerCase().includes(word.toLowerCase()),
    };
    panels.loras = { blame, worded };
    onFacts(worded);
    watch("value", take);
    take();
}
