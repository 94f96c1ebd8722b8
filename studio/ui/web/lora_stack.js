// The stack of LoRAs: what the panel holds and what the prompt mentions are one, whichever of the two is changed.
import { input, type } from "./dom.js";
import { facts, value } from "./form.js";

// How long the prompt rests until it is looked at again, in milliseconds.
const REST = 150;
const FRESH = { weight: 1, text_weight: null, start: 0, end: 1, blocks: [], on: true, said: false };
const SAID = ["weight", "text_weight", "blocks"];
// A prompt without these calls no LoRA: mentions and lists to draw from.
const CALLS = /<|__/;

/**
 * A LoRA as the panel has it: what a recipe says of it, its name here, whether it counts, whether the prompt mentions it.
 * @typedef {LoraWeights & { name: string, start: number, end: number, key: string, on: boolean, said: boolean }} StackedLora
 */

/** @typedef {Partial<StackedLora> & { name: string }} GivenLora */

const text = () => input("prompt")?.value ?? "";
const styles = () => value("styles") ?? [];
let serial = 0;
/** @param {GivenLora} lora */
const fresh = (lora) => ({ ...FRESH, ...lora, key: `l${Date.now()}-${serial++}` });
/** @param {StackedLora} lora */
const own = ({ key: _key, on: _on, said: _said, ...lora }) => lora;

/** @param {string} word A trigger word; the mention of a file is none. */
export const isCalled = (word) => text().replace(/<[^>]*>/g, "").toLowerCase().includes(word.toLowerCase());

/**
 * A trigger word joins the prompt, behind a comment on a line of its own.
 * @param {string} word
 */
export function call(word) {
    const prompt = text().trimEnd();
    const gap = !prompt ? "" : prompt.slice(prompt.lastIndexOf("\n") + 1).includes("#") ? "\n" : ", ";
    type(input("prompt"), `${prompt}${gap}${word}`);
}

/**
 * `kept` holds the stack for the form; `draw` follows each change, `open` one that has to be seen.
 * @param {Server<{ look: LoraLook, reword: { prompt: string } }>} server
 * @param {{ value: { loras: GivenLora[] } | null }} kept
 * @param {{ draw: () => void, open: () => void }} panel
 */
export function loraStack(server, kept, { draw, open }) {
    const stack = {
        /** @type {StackedLora[]} */
        loras: [],
        // What the server said last; what is wrong with each LoRA by its key, and with all of them.
        /** @type {LoraLook} */
        told: { said: null, cards: {}, notes: {}, ghosts: [], blocks: [] },
        /** @type {Map<string, string>} */
        faults: new Map(),
        wrong: "",
        // What a style brings and what the prompt may draw: no part of the stack, but to be seen.
        /** @type {LoraGhost[]} */
        ghosts: [],
        // What stands in the place of what was removed.
        /** @type {{ at: number, words: string, undo: () => void } | null} */
        gone: null,
        take, mention, changed, turn, remove, choose, apply, move, worded, forgive,
        // Those that reach the studio, in the order in which it counts them.
        current: () => stack.loras.filter((one) => one.on).map(own),
        model: () => facts()?.model.id,
    };
    let asked = 0;
    /** @type {Timer} */
    let timer;

    // What came from the server: kept, or of a picture whose settings are used.
    function take() {
        stack.loras = (kept.value?.loras ?? []).map(fresh);
        stack.gone = null;
        if (stack.loras.length) open();
        draw();
        look();
    }

    function commit() {
        kept.value = { loras: structuredClone(stack.loras) };
        draw();
    }

    // Asks what there is to say of stack, prompt and model; the newest of several questions counts.
    async function look() {
        clearTimeout(timer);
        if (!facts() || (!stack.loras.length && !stack.ghosts.length && !styles().length && !CALLS.test(text()))) return;
        const mine = ++asked;
        const prompt = text();
        const answer = await server.look({ prompt, styles: styles(), loras: stack.loras, model: stack.model() });
        if (mine !== asked || answer.fault !== undefined) return;
        stack.told = answer;
        // While the words cannot be read, all stays as it is.
        if (answer.said) stack.ghosts = answer.ghosts;
        if (answer.said && prompt === text()) join(answer.said);
        draw();
    }

    /**
     * What is mentioned is in the stack, and leaves it with its mention.
     * @param {Record<string, LoraWeights>} mentions
     */
    function join(mentions) {
        const before = JSON.stringify(stack.loras);
        stack.loras = stack.loras.filter((one) => !one.said || mentions[one.name]);
        for (const [name, weights] of Object.entries(mentions)) {
            const one = stack.loras.find((lora) => lora.name === name);
            if (!one) stack.loras.push(fresh({ name, ...weights, said: true }));
            else if (one.said) Object.assign(one, weights);
            else one.on = true;
        }
        if (stack.loras.some((one) => one.said) && !before.includes('"said":true')) open();
        if (JSON.stringify(stack.loras) !== before) commit();
    }

    /**
     * What the prompt says of one; block weights that it leaves out are the stack's.
     * @param {StackedLora} one
     */
    function mention(one) {
        const words = stack.told.said?.[one.name];
        return words ? { ...words, blocks: words.blocks.length ? words.blocks : one.blocks } : null;
    }

    /**
     * What is changed of a LoRA that the prompt mentions is changed there.
     * @param {StackedLora} one
     * @param {Partial<StackedLora>} values
     */
    async function changed(one, values) {
        Object.assign(one, mention(one), values);
        stack.faults.delete(one.key);
        stack.wrong = "";
        if (mention(one) && SAID.some((name) => name in values) && !(await reword(one.name, own(one)))) return;
        commit();
        look();
    }

    /**
     * @param {string} name
     * @param {object | null} lora
     */
    async function reword(name, lora) {
        const prompt = text();
        const answer = await server.reword({ prompt, name, lora });
        if (answer.fault !== undefined) {
            stack.wrong = answer.fault;
            open();
            draw();
        } else if (prompt === text()) type(input("prompt"), answer.prompt);
        return answer.fault === undefined;
    }

    /**
     * Off is out of the prompt: the panel keeps it.
     * @param {StackedLora} one
     * @param {boolean} on
     */
    async function turn(one, on) {
        if (!on && mention(one) && !(await reword(one.name, null))) return draw();
        Object.assign(one, mention(one), { on, said: false });
        commit();
        look();
    }

    /** @param {StackedLora} one */
    async function remove(one) {
        const at = stack.loras.indexOf(one);
        const before = text();
        if (mention(one) && !(await reword(one.name, null))) return;
        const after = text();
        restore(stack.loras.filter((other) => other !== one), { at, words: `${one.name} removed`, undo: () => {
            const stays = after === text();
            if (stays && after !== before) type(input("prompt"), before);
            restore(stack.loras.toSpliced(at, 0, { ...one, said: one.said && stays }));
        } });
    }

    /**
     * @param {StackedLora[]} loras
     * @param {typeof stack.gone} [gone]
     */
    function restore(loras, gone = null) {
        Object.assign(stack, { loras, gone });
        commit();
        look();
    }

    /**
     * Chosen in the library.
     * @param {string} name
     */
    function choose(name) {
        if (stack.loras.some((one) => one.name === name)) return;
        open();
        restore([...stack.loras, fresh({ name })]);
    }

    /**
     * A saved stack takes the place of what is here; what the prompt says stays.
     * @param {GivenLora[]} given
     */
    function apply(given) {
        const before = stack.loras;
        const said = before.filter((one) => one.said);
        const loras = [...given.filter(({ name }) => !said.some((one) => one.name === name)).map(fresh), ...said];
        restore(loras, before.length > said.length ? { at: loras.length, words: "Another stack is on", undo: () => restore(before) } : null);
    }

    /**
     * @param {StackedLora} one
     * @param {number} to
     */
    function move(one, to) {
        const others = stack.loras.filter((other) => other !== one);
        if (to < 0 || to > others.length || to === stack.loras.indexOf(one)) return;
        stack.loras = others.toSpliced(to, 0, one);
        commit();
    }

    // Called whenever a field, the model or the tab changes.
    let seen = "";
    function worded() {
        const now = JSON.stringify([text(), styles(), stack.model()]);
        if (now === seen) return;
        seen = now;
        forgive();
        clearTimeout(timer);
        timer = setTimeout(look, REST);
    }

    function forgive() {
        if (!stack.faults.size && !stack.wrong) return;
        stack.faults.clear();
        stack.wrong = "";
        draw();
    }

    return stack;
}
