// The LoRAs as cards: their stack, what comes with the words, and the ways to more of them.
import { keepingFocus, make, part, parts, target } from "./dom.js";
import { onFacts } from "./form.js";
import { call, isCalled, loraStack } from "./lora_stack.js";
import { panels } from "./panels.js";
import { html, nothing, render, repeat } from "./vendor/lit.js";

const UNKNOWN = { fault: "", words: [], picture: "" };

/** @typedef {import("./lora_stack.js").StackedLora} StackedLora */

/** @param {Island<{ loras: StackedLora[] }, LoraFields, import("./lora_shelf.js").LoraLibraryActs & import("./lora_stacks.js").LoraStacksActs & { look: LoraLook, reword: { prompt: string } }>} island */
export function mount({ element, props, watch, upload, server, data: known }) {
    let dragged = "";
    // What draws the cards, fetched with the first of them.
    /** @type {typeof import("./lora_card.js") | null} */
    let cards = null;
    const fold = make("details", { class: "fold stack" });
    part(element, ".loras").append(fold);
    // Where else the stack is seen.
    /** @type {HTMLElement[]} */
    const others = [];
    /** @type {(() => void)[]} */
    const listeners = [];
    const stack = loraStack(server, props, { draw, open: () => { fold.open = true; } });
    const { model, current, apply, choose } = stack;

    const add = async () => (await import("./lora_browser.js")).openLoraBrowser({ server, upload, model, has: (name) => stack.loras.some((one) => one.name === name), choose });
    const stacks = async () => (await import("./lora_stacks.js")).openLoraStacks({ server, model, current, apply });

    function draw() {
        const { loras, ghosts } = stack;
        if (!cards && (loras.length || ghosts.length)) import("./lora_card.js").then((module) => { cards = module; draw(); });
        const on = loras.filter((one) => one.on).length;
        const count = [on && `${on} on`, ghosts.length && `${ghosts.length} with the words`].filter(Boolean).join(", ");
        keepingFocus(() => {
            render(html`<summary>LoRAs<span class="count">${count}</span></summary>
                <div class="fold-body">${body()}<div class="ways"><button type="button" class="plain" @click=${add}>Add a LoRA</button><button type="button" class="plain" @click=${stacks}>Stacks</button></div></div>`, fold);
            for (const other of others) render(html`${body()}<div class="ways"><button type="button" class="plain" @click=${stacks}>Stacks</button></div>`, other);
        });
        listeners.forEach((listener) => listener());
    }

    function body() {
        const { loras, ghosts, gone, wrong, told } = stack;
        const { loraGhost } = cards ?? {};
        return html`<div class="cards" role="list" aria-label="Stack of LoRAs">${repeat(loras, ({ key }) => key, (one, at) => html`${gone?.at === at ? undo(gone) : nothing}${card(one)}`)}${
            gone && gone.at >= loras.length ? undo(gone) : nothing}${loraGhost ? ghosts.map((ghost) => loraGhost(ghost, told.cards[ghost.name] ?? UNKNOWN)) : nothing}</div>
            <div class="faults" role="alert">${wrong ? html`<p class="fault">${wrong}</p>` : nothing}</div>`;
    }

    /** @param {{ words: string, undo: () => void }} gone */
    const undo = ({ words, undo: act }) => html`<p class="gone">${words}<button type="button" class="plain" @click=${act}>Undo</button></p>`;

    /** @param {StackedLora} one */
    function card(one) {
        const { told, faults } = stack;
        return cards?.loraCard(one, {
            facts: told.cards[one.name] ?? UNKNOWN, mention: stack.mention(one), note: one.said ? "" : told.notes[one.name] ?? "",
            fault: faults.get(one.key) ?? "", blocks: told.blocks, dragged: dragged === one.key,
        }, {
            ...known, isCalled, call, changed: (values) => stack.changed(one, values), turn: (on) => stack.turn(one, on), remove: () => remove(one),
            blame: (words) => { faults.set(one.key, words); draw(); }, step: (by) => stack.move(one, stack.loras.indexOf(one) + by), drag: (event) => drag(event, one),
        });
    }

    /** @param {StackedLora} one */
    async function remove(one) {
        await stack.remove(one);
        [fold, ...others].flatMap((place) => parts(place, ".gone button")).find((button) => button.checkVisibility())?.focus();
    }

    /**
     * The card follows the pointer to the place whose middle it has passed; it is taken out and put in again meanwhile, so that it cannot
     * hold the pointer itself.
     * @param {PointerEvent} event
     * @param {StackedLora} one
     */
    function drag(event, one) {
        event.preventDefault();
        const list = target(event)?.closest(".cards") ?? fold;
        dragged = one.key;
        draw();
        const ends = new AbortController();
        addEventListener("pointermove", ({ clientY }) => {
            const rest = parts(list, ".lora-card:not(.ghost)").filter((other) => other.dataset.key !== one.key);
            stack.move(one, rest.filter((other) => other.getBoundingClientRect().top + other.offsetHeight / 2 < clientY).length);
        }, ends);
        for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => { ends.abort(); dragged = ""; draw(); }, ends);
    }

    /**
     * A fault of the studio stands at its LoRA.
     * @param {Fault} fault
     */
    function blame(fault) {
        if (element.closest("[hidden]")) return false;
        const words = `${fault.message} ${fault.hint}`.trim();
        const one = stack.loras.filter(({ on }) => on)[fault.part ?? -1];
        if (one) stack.faults.set(one.key, words);
        else stack.wrong = words;
        fold.open = true;
        draw();
        requestAnimationFrame(() => {
            const [at] = parts(fold, one ? `[data-key="${one.key}"]` : ".faults");
            at?.scrollIntoView({ block: "center" });
            at?.querySelector("input")?.focus({ preventScroll: true });
        });
        return true;
    }

    /**
     * Shows the stack there, too, and calls back with each change.
     * @param {HTMLElement} place
     * @param {() => void} changed
     */
    function also(place, changed) {
        others.push(place);
        listeners.push(changed);
        draw();
    }

    panels.loras = { blame, forgive: stack.forgive, worded: stack.worded, also, stack };
    onFacts(stack.worded);
    watch("value", stack.take);
    stack.take();
}
