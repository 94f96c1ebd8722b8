// One LoRA of the stack: on or off, how much of it, the words that call it, and what keeps it from being put on.
import { make } from "./dom.js";
import { icon } from "./icon.js";
import { slider } from "./slider.js";

/**
 * @param {any} lora
 * @param {any} panel
 */
export function loraCard(lora, panel) {
    const { fields, most, changed } = panel;
    const WIDE = [-most, most];
    let fault = "";

    const on = make("input", { type: "checkbox", "aria-label": `${lora.name} on`, onchange: () => { panel.turn(lora, on.checked); } });
    const grip = make("button", { type: "button", class: "grip", title: "Drag to another place, or Alt and an arrow key", "aria-label": `Move ${lora.name}` }, icon("grip"));
    const place = make("span", { class: "place" }, "In the prompt");
    const picture = make("img", { alt: "", loading: "lazy", hidden: true });
    const words = make("div", { class: "chips", role: "group", "aria-label": `Words that call ${lora.name}` });
    const note = make("p", { class: "note" });
    const wrong = make("p", { class: "fault", role: "alert" });
    const dials = { weight: dial("weight", WIDE), text_weight: dial("text_weight", WIDE), start: dial("start"), end: dial("end") };
    const blocks = make("input", { type: "text", "aria-label": fields.blocks.label, placeholder: "One weight for all", onchange: () => { weigh(blocks.value); } });
    const order = make("p", { class: "note" });
    const root = make("article", { class: "card lora-card", role: "listitem", "aria-label": lora.name, onkeydown: step },
        make("header", {}, grip, picture, make("span", { class: "lora-name", title: lora.name }, lora.name), place, make("label", { class: "switch", title: "On or off" }, on),
            make("button", { type: "button", class: "drop", "aria-label": `Remove ${lora.name}`, title: "Remove", onclick: () => panel.remove(lora) }, icon("remove"))),
        wrong, note,
        make("div", { class: "card-body" }, dials.weight, words,
            make("details", { class: "fine" }, make("summary", {}, "More"), make("div", { class: "dials" }, dials.text_weight,
                make("div", { class: "pair" }, dials.start, dials.end),
                make("label", { class: "dial choice", title: fields.blocks.help }, make("span", {}, fields.blocks.label), blocks), order))));
    grip.addEventListener("pointerdown", drag);
    return { root, of: lora, draw, blame, forgive: () => blame("") };

    function draw() {
        const { fault: misfit, words: called, picture: address } = panel.card(lora);
        on.checked = lora.on;
        root.classList.toggle("off", !lora.on);
        place.hidden = !panel.said(lora);
        wrong.textContent = fault || misfit;
        root.classList.toggle("faulty", Boolean(wrong.textContent));
        note.textContent = panel.note(lora);
        picture.hidden = !address;
        if (address && picture.getAttribute("src") !== address) picture.src = address;
        const counts = { ...lora, ...panel.said(lora) };
        const said = { ...counts, text_weight: counts.text_weight ?? counts.weight };
        for (const [name, one] of Object.entries(dials)) if (!one.contains(document.activeElement)) one.say(said[name]);
        if (document.activeElement !== blocks) blocks.value = counts.blocks.join(", ");
        order.textContent = panel.blocks().length ? `In order: ${panel.blocks().join(" or ")}.` : "";
        words.replaceChildren(...called.map((/** @type {string} */ word) => make("button", {
            type: "button", class: "chip", "aria-pressed": String(panel.calls(word)), title: "Add to the prompt", onclick: () => { if (!panel.calls(word)) panel.call(word); },
        }, word)));
    }

    /** @param {any} said */
    function blame(said) {
        fault = said;
        wrong.textContent = said;
        root.classList.toggle("faulty", Boolean(said));
    }

    /**
     * @param {string} name
     * @param {number[]} [wide]
     */
    function dial(name, wide) {
        const whole = slider(fields[name], lora[name] ?? lora.weight, (/** @type {any} */ value, /** @type {boolean} */ going) => {
            if (going) return;
            const within = name === "start" ? Math.min(value, lora.end) : name === "end" ? Math.max(value, lora.start) : value;
            whole.say(within);
            // The text encoders go along until they are given a weight of their own.
            const same = name === "text_weight" && within === lora.weight;
            changed(lora, { [name]: same ? null : within });
        }, wide);
        return whole;
    }

    /** @param {string} text */
    function weigh(text) {
        const shares = text.split(/[\s,;]+/).filter(Boolean).map(Number);
        if (shares.every((/** @type {number} */ share) => Math.abs(share) <= most)) changed(lora, { blocks: shares });
        else blame(`Block weights are numbers from ${-most} to ${most}, with commas between.`);
    }

    /** @param {KeyboardEvent} event */
    function step(event) {
        const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
        if (!by || !event.altKey) return;
        event.preventDefault();
        panel.move(lora, panel.at(lora) + by);
    }

    /**
     * The card follows the pointer to the place whose middle it has passed.
     * @param {PointerEvent} event
     */
    function drag(event) {
        event.preventDefault();
        root.classList.add("held");
        /** @param {any} given */
        const follow = ({ clientY }) => {
            const others = [...panel.list.querySelectorAll(".lora-card:not(.ghost)")];
            const to = others.filter((other) => other !== root && other.getBoundingClientRect().top + other.offsetHeight / 2 < clientY).length;
            panel.move(lora, to);
        };
        const drop = () => {
            root.classList.remove("held");
            removeEventListener("pointermove", follow);
        };
        // The card is taken out and put in again meanwhile, so that it cannot hold the pointer itself.
        addEventListener("pointermove", follow);
        addEventListener("pointerup", drop, { once: true });
        addEventListener("pointercancel", drop, { once: true });
    }
}
