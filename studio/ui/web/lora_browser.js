// The library of LoRAs as a dialog beside the prompt: cards to choose from, and to add more to.
import { host, make, part } from "./dom.js";
import { icon } from "./icon.js";
import { loraAbout } from "./lora_about.js";
import { loraAdding } from "./lora_adding.js";
import { loraShelf } from "./lora_shelf.js";
import { html, render } from "./vendor/lit.js";

/** @param {{ server: Server<import("./lora_shelf.js").LoraLibraryActs>, upload: Upload, model: () => string | undefined, has: (name: string) => boolean, choose: (name: string) => void }} panel */
export async function openLoraBrowser({ server, upload, model, has, choose }) {
    const dialog = make("dialog", { class: "desk shelf-desk", "aria-label": "LoRA library", onclose: () => { dialog.remove(); } });
    const failed = (/** @type {string} */ words) => adding.say(words, true);
    const shelf = loraShelf({ server, model, drawn: draw, failed, card: {
        verb: "Use", pressed: has, press: ({ name }) => { choose(name); draw(); },
        more: (lora) => html`<button type="button" class="shelf-tell" aria-label=${`About ${lora.name}`} title="About" @click=${() => about.open(lora)}>${icon("about")}</button>`,
    } });
    const came = async (name = "") => { await (name ? shelf.renew(name) : shelf.load()); };
    const about = loraAbout({ server, keeps: () => shelf.library().keeps, drawn: draw, changed: came, failed, leave: () => dialog.close() });
    const adding = loraAdding({ home: dialog, server, upload, about: shelf.library, drawn: draw, came });
    draw();
    host().append(dialog);
    dialog.showModal();
    part(dialog, "[type=search]").focus();
    await shelf.begin(dialog);

    function draw() {
        about.renew(shelf.find(about.lora()?.name ?? ""));
        render(html`<header><div class="desk-tools">${shelf.tools()}</div>
                <div class="desk-ends"><button type="button" class="plain done" @click=${() => dialog.close()}>Done</button></div></header>
            <div class="shelf-body">${shelf.cards()}
                <aside class="shelf-about" aria-label="About" ?hidden=${!about.lora()}>${about.told()}<button type="button" class="plain" @click=${about.close}>Close</button></aside></div>
            <div class="desk-foot">${adding.foot()}</div>`, dialog);
    }
}
