// One LoRA of the stack: on or off, how much of it, the words that call it, and what keeps it from being put on.
import { icon } from "./icon.js";
import { slider } from "./slider.js";
import { html, nothing } from "./vendor/lit.js";

/** @typedef {import("./lora_stack.js").StackedLora} StackedLora */

/**
 * What is told of it: its file, what the prompt says of it, a note, what is wrong, the orders of blocks; whether it is dragged.
 * @typedef {{ facts: LoraFacts, mention: LoraWeights | null, note: string, fault: string, blocks: string[], dragged: boolean }} LoraShows
 */

/**
 * What a card asks of the panel.
 * @typedef {{ fields: Record<string, FieldFacts>, most: number, changed: (values: Partial<StackedLora>) => void, turn: (on: boolean) => void, remove: () => void,
 *     blame: (words: string) => void, step: (by: number) => void, drag: (event: PointerEvent) => void, isCalled: (word: string) => boolean, call: (word: string) => void }} LoraActs
 */

/**
 * @param {StackedLora} lora
 * @param {LoraShows} shows
 * @param {LoraActs} acts
 */
export function loraCard(lora, { facts, mention, note, fault, blocks, dragged }, acts) {
    const { fields, most, changed } = acts;
    const counts = { ...lora, ...mention };
    const wrong = fault || facts.fault;
    const wide = [-most, most];
    const kind = ["card lora-card", lora.on ? "" : "off", wrong ? "faulty" : "", dragged ? "held" : ""].filter(Boolean).join(" ");
    /** @param {KeyboardEvent} event */
    const step = (event) => {
        const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
        if (!by || !event.altKey) return;
        event.preventDefault();
        acts.step(by);
    };
    /** @param {string} text */
    const weigh = (text) => {
        const shares = text.split(/[\s,;]+/).filter(Boolean).map(Number);
        if (shares.every((share) => Math.abs(share) <= most)) changed({ blocks: shares });
        else acts.blame(`Block weights are numbers from ${-most} to ${most}, separated by commas.`);
    };
    /** @param {string} word */
    const call = (word) => html`<button type="button" class="chip" aria-pressed=${String(acts.isCalled(word))} title="Add to the prompt" @click=${() => { if (!acts.isCalled(word)) acts.call(word); }}>${word}</button>`;
    return html`<div class=${kind} role="listitem" aria-label=${lora.name} data-key=${lora.key} @keydown=${step}>
        <header><button type="button" class="grip" title="Drag to another place, or Alt and an arrow key" aria-label=${`Move ${lora.name}`} @pointerdown=${acts.drag}>${icon("grip")}</button>
            ${facts.picture ? html`<img alt="" loading="lazy" src=${facts.picture}>` : nothing}<span class="lora-name" title=${lora.name}>${lora.name}</span>
            <span class="place" ?hidden=${!mention}>In the prompt</span><label class="switch" title="On or off"><input type="checkbox" aria-label=${`${lora.name} on`} .checked=${lora.on} @change=${(event) => acts.turn(event.target.checked)}></label>
            <button type="button" class="drop" aria-label=${`Remove ${lora.name}`} title="Remove" @click=${acts.remove}>${icon("remove")}</button></header>
        <p class="fault" role="alert">${wrong}</p><p class="note">${note}</p>
        <div class="card-body">
            ${slider(fields.weight, counts.weight, (weight, going) => { if (!going) changed({ weight }); }, wide)}
            <div class="chips" role="group" aria-label=${`Trigger words of ${lora.name}`}>${facts.words.map(call)}</div>
            <details class="fine"><summary>More</summary><div class="dials">
                ${slider(fields.text_weight, counts.text_weight ?? counts.weight, (value, going) => {
                    // The text encoders go along until they are given a weight of their own.
                    if (!going) changed({ text_weight: value === lora.weight ? null : value });
                }, wide)}
                <div class="pair">${end("start", (value) => Math.min(value, lora.end))}${end("end", (value) => Math.max(value, lora.start))}</div>
                <label class="dial choice" title=${fields.blocks.help}><span>${fields.blocks.label}</span><input type="text" aria-label=${fields.blocks.label} placeholder="One weight for all"
                    .value=${counts.blocks.join(", ")} @change=${(event) => weigh(event.target.value)}></label>
                <p class="note">${blocks.length ? `In order: ${blocks.join(" or ")}.` : ""}</p></div></details></div></div>`;

    /**
     * @param {"start" | "end"} name
     * @param {(value: number) => number} within
     */
    function end(name, within) {
        return slider(fields[name], lora[name], (value, going) => {
            if (going) return value;
            const taken = within(value);
            changed({ [name]: taken });
            return taken;
        });
    }
}

/**
 * A LoRA that comes with a style, or that may be drawn from the prompt: what can be said of it before.
 * @param {LoraGhost} ghost
 * @param {LoraFacts} facts
 */
export const loraGhost = ({ name, way, weight }, { fault, picture }) => html`<div class=${`card lora-card ghost${fault ? " faulty" : ""}`} role="listitem" aria-label=${name}><header>${
    picture ? html`<img src=${picture} alt="">` : nothing}<span class="lora-name" title=${name}>${name}</span><span class="ghost-weight">${weight}</span></header><p class="note">${way}</p><p class="fault">${fault}</p></div>`;
