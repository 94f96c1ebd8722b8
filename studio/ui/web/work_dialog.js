// A picture that is made again: how far it is, and then how like the two are, or its steps.
import { host, make } from "./dom.js";
import { saveAs } from "./download.js";
import { html, nothing, render } from "./vendor/lit.js";

const ASKED_MS = 700;

/**
 * @param {Server<import("./picture_work.js").WorkActs>} server
 * @param {"replay" | "film"} what
 * @param {{ which?: Which | null, file?: string, prompt?: string }} picture
 */
export async function openWork(server, what, { which, file = "", prompt = "" }) {
    const title = what === "replay" ? "Made again" : "Its steps";
    const { dialog, show } = opened(title);
    show(html`<p class="quiet" role="status">Asking</p>`);
    const begun = await server[what](which ?? {});
    if (begun.fault !== undefined) return show(fault(begun.fault));
    if (!begun.work) return show(html`<p class="work-words">It cannot be made again.</p>${reasons(begun.because)}`);
    while (dialog.isConnected) {
        const news = await server.news({ ...which, work: begun.work });
        if (news.fault !== undefined) return show(fault(news.fault));
        if (news.replayed) return show(compared(news.replayed, file, prompt));
        if (news.filmed) return show(steps(news.filmed, prompt));
        show(html`<p class="quiet" role="status">${news.line || "Drawing"}</p><progress max="1" .value=${news.fraction}></progress>`);
        await new Promise((after) => { setTimeout(after, ASKED_MS); });
    }
}

/**
 * The picture as a script that needs nothing of the studio, in a ZIP file with its requirements.
 * @param {Server<import("./picture_work.js").WorkActs>} server
 * @param {{ which?: Which | null }} picture
 */
export async function openEject(server, { which }) {
    const { show } = opened("As a diffusers script");
    show(html`<p class="quiet" role="status">Reading the model to see what it is given; this can take minutes.</p><progress></progress>`);
    const answer = await server.eject(which ?? {});
    if (answer.fault !== undefined) return show(fault(answer.fault));
    saveAs(answer.name, answer.data);
    show(html`<p class="work-words" role="status">${answer.name} is downloaded.</p><p class="quiet">Unpack it, then: <code>pip install -r requirements.txt</code> and <code>python make.py</code>. It makes the same bytes on the same machine.</p>`);
}

/** @param {string} words */
export const sayFault = (words) => opened("Not saved").show(fault(words));

/** @param {string} title */
function opened(title) {
    /** @type {HTMLDialogElement} */
    const dialog = make("dialog", { class: "sheet work-sheet", "aria-label": title, onclose: () => dialog.remove() });
    host().append(dialog);
    /** @param {Part} body */
    const show = (body) => render(html`<h2>${title}</h2>${body}<form method="dialog"><button class="plain">Close</button></form>`, dialog);
    show(nothing);
    dialog.showModal();
    return { dialog, show };
}

/** @param {string} words */
const fault = (words) => html`<p class="fault" role="alert">${words}</p>`;

/** @param {string[]} because */
const reasons = (because) => (because.length ? html`<ul class="work-because">${because.map((words) => html`<li>${words}</li>`)}</ul>` : nothing);

/**
 * @param {Replayed} replayed
 * @param {string} file
 * @param {string} prompt
 */
const compared = ({ verdict, words, because, again, difference }, file, prompt) => html`<p class="work-words ${verdict}" role="status">${words}</p>${reasons(because)}
    <div class="work-pictures">${seen(file, prompt, "Original")}${seen(again, prompt, "Made again")}${difference ? seen(difference, "", "Differences, amplified 8 times") : nothing}</div>`;

/**
 * @param {string} file
 * @param {string} words
 * @param {string} title
 */
const seen = (file, words, title) => html`<figure><img src=${file} alt=${words || title}><figcaption class="quiet">${title}</figcaption></figure>`;

/**
 * @param {Filmed} filmed
 * @param {string} prompt
 */
const steps = ({ film, strip, frames }, prompt) => html`<p class="work-words" role="status">What the model was heading for, at ${frames} of its steps.</p>
    <div class="work-pictures">${seen(film, prompt, "As an animation")}</div><img class="work-strip" src=${strip} alt="All steps, the first in the upper left corner">
    <p><a class="plain" href=${film} download="steps.webp">Download the animation</a> <a class="plain" href=${strip} download="strip.webp">Download the strip</a></p>`;
