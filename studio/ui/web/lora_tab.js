// The LoRA tab: the library as a page, with the stack and grids of its weights beside it.
import { keepingFocus, make, part } from "./dom.js";
import { facts, onFacts } from "./form.js";
import { icon } from "./icon.js";
import { loraAbout } from "./lora_about.js";
import { loraAdding } from "./lora_adding.js";
import { loraShelf } from "./lora_shelf.js";
import { loraTrials } from "./lora_trials.js";
import { panels } from "./panels.js";
import { html, nothing, render } from "./vendor/lit.js";

/** @param {Island<null, null, import("./lora_shelf.js").LoraLibraryActs>} island */
export function mount({ element, server, upload }) {
    const root = part(element, ".lora-page");
    const cards = make("div", { class: "lora-cards" });
    const model = () => facts()?.model.id;
    const stack = () => panels.loras?.stack ?? null;
    const isOn = (/** @type {string} */ name) => Boolean(stack()?.loras.some((one) => one.name === name));
    const failed = (/** @type {string} */ words) => adding.say(words, true);
    let isShared = false;
    let asked = "";

    const shelf = loraShelf({ server, model, drawn: draw, failed, card: {
        verb: "About", pressed: (name) => about.lora()?.name === name, press: (lora) => about.open(lora),
        more: ({ name }) => html`<button type="button" class="plain shelf-on" aria-pressed=${String(isOn(name))} aria-label=${isOn(name) ? `Stop using ${name}` : `Use ${name}`}
            @click=${() => turn(name)}>${icon(isOn(name) ? "keep" : "add")}${isOn(name) ? "In use" : "Use"}</button>`,
    } });
    const renew = async (name = "") => { await (name ? shelf.renew(name) : shelf.load()); };
    const about = loraAbout({ server, keeps: () => shelf.library().keeps, drawn: draw, changed: renew, failed });
    const adding = loraAdding({ home: root, server, upload, about: shelf.library, drawn: draw, came: renew });
    const trials = loraTrials(() => (stack()?.loras ?? []).filter(({ on }) => on).map(({ name }) => name), draw);

    /** @param {string} name */
    function turn(name) {
        const one = stack()?.loras.find((lora) => lora.name === name);
        if (one) stack()?.remove(one);
        else stack()?.choose(name);
        draw();
    }

    function draw() {
        share();
        about.renew(shelf.find(about.lora()?.name ?? ""));
        const chosen = about.lora();
        const count = stack()?.loras.length ?? 0;
        keepingFocus(() => render(html`<div class="lora-shelf shelf-desk">
                <header class="lora-head"><div class="desk-tools">${shelf.tools()}</div></header>
                ${shelf.cards()}
                <div class="desk-foot">${adding.foot()}<p class="quiet lora-drop">Files can be dropped anywhere here.</p></div>
            </div>
            <div class="lora-side">
                ${chosen ? html`<section class="lora-about" aria-label="About"><button type="button" class="act lora-close" aria-label="Close" @click=${about.close}>${icon("remove")}</button>
                    ${shelf.picture(chosen.name) ? html`<img class="lora-large" src=${shelf.picture(chosen.name)} alt="">` : nothing}${about.told()}</section>` : nothing}
                <section aria-label="Stack"><h2>Stack</h2><p class="quiet">${count ? "It applies in every tab." : "The LoRAs you use appear here, and apply in every tab."}</p>${cards}</section>
                <section aria-label="Try weights">${trials.draw()}</section>
            </div>`, root));
    }

    // The stack is the panel's, as soon as that is there.
    function share() {
        if (isShared || !panels.loras) return;
        isShared = true;
        panels.loras.also(cards, draw);
    }

    // What fits follows the model; what happened meanwhile is seen when the tab is.
    function look() {
        if (!model() || !root.checkVisibility() || asked === model()) return draw();
        asked = String(model());
        shelf.load();
    }

    draw();
    onFacts(look);
    shelf.begin(root);
    new IntersectionObserver(([{ isIntersecting }]) => { if (isIntersecting) renew(); }).observe(root);
}
