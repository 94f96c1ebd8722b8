// The rounds of inpainting as a strip: the pictures that were painted on, what was made of the present one, and the way back.
import { part } from "./dom.js";
import { value } from "./form.js";
import { panels } from "./panels.js";
import { pictureActions, sharpAddress } from "./picture.js";
import { html, nothing, render, repeat } from "./vendor/lit.js";

/** @param {Island<Partial<RoundsView>>} island */
export function mount({ element, props, watch, tell }) {
    const pane = /** @type {HTMLElement} */ (element.closest(".editor-pane"));
    // What was made of the present picture, newest job only; which of it is shown in its place, and whether somebody chose that.
    /** @type {Picture[]} */
    let results = [];
    /** @type {string | null} */
    let shown = null;
    let isPut = false;
    let job = "";
    let told = "";

    /**
     * @param {string} label
     * @param {string} title
     * @param {boolean} disabled
     * @param {() => unknown} act
     */
    const button = (label, title, disabled, act) => html`<button type="button" class="plain" title=${title} ?disabled=${disabled} @click=${async () => { await panels.mask?.settled(); act(); }}>${label}</button>`;
    const chosen = () => results.find(({ key }) => key === shown);

    function draw() {
        const { ids = [], at = -1, shown: picture = null, rounds = [] } = props.value ?? {};
        pane.classList.toggle("bare", !picture);
        const result = chosen();
        const gallery = panels.gallery;
        render(html`<div class="round-strip" role="group" aria-label="Rounds">
                ${repeat(rounds, ({ id }) => id, ({ shown: small }, number) => thumbnail(small, `Round ${number + 1}`, number === at && !result, () => { leave(); back(number - at); }))}
                ${results.length ? html`<span class="apart" aria-hidden="true"></span>` : nothing}
                ${repeat(results, ({ key }) => key, (one, number) => thumbnail(one.shown, `Result ${number + 1}`, one === result, () => { isPut = true; show(one.key); }))}</div>
            <div class="ways">
                ${button("Undo round", "The picture that was painted on before", at <= 0, () => tell.turn({ steps: -1 }))}
                ${button("Redo round", "The picture that was painted on after it", at >= ids.length - 1, () => tell.turn({ steps: 1 }))}
                ${button("Use the result as the new picture", "The result becomes the picture you paint on, and the mask is cleared. Painting on the result does the same", !results.length, () => tell.proceed(result?.which ?? {}))}
                <p class="note">${ids.length > 1 ? `Round ${at + 1} of ${ids.length}` : ""}</p>
                ${result && gallery ? html`<button type="button" class="plain" @click=${() => gallery.open(result.key)}>Full view</button>${pictureActions(result, false, { tell: gallery.tell, takers: gallery.takers, shut: () => {} })}` : nothing}</div>`, part(element, ".rounds"));
    }

    /**
     * @param {string} address
     * @param {string} label
     * @param {boolean} pressed
     * @param {() => unknown} act
     */
    const thumbnail = (address, label, pressed, act) => html`<button type="button" class="round" aria-label=${label} title=${label} aria-pressed=${String(pressed)} @click=${act}>${address ? html`<img src=${address} alt="">` : label}</button>`;

    /** @param {number} steps */
    async function back(steps) {
        if (!steps) return;
        await panels.mask?.settled();
        tell.turn({ steps });
    }

    /** @param {string | null} key */
    function show(key) {
        shown = key;
        const result = chosen();
        panels.mask?.show(result ? sharpAddress(result) : null);
        draw();
    }

    /**
     * What the gallery is told of a job: its pictures stand here where they were made of this one.
     * @param {JobView | null} next
     */
    function made(next) {
        const file = props.value?.shown?.file;
        const own = (next?.cells ?? []).filter(({ before }) => file && before === file);
        if (!next || !own.length) return;
        if (next.id !== job) [job, shown, isPut] = [next.id, null, false];
        results = own.filter((cell) => cell.done);
        const running = own.find((cell) => !cell.done && cell.shown);
        // The first result shows itself; a look at one in the making does so where it is of the whole picture.
        if (results.length) show(isPut ? shown : results[0].key);
        else if (running && (next.state === "running" || next.state === "waiting")) panels.mask?.show(value("mask_area") === "masked" ? null : running.shown);
        else show(null);
    }

    // The result that is shown becomes the present picture; false where none is.
    function adopt() {
        const result = chosen();
        if (!result) return false;
        tell.proceed(result.which);
        return true;
    }

    // Back from a result to the present picture.
    function leave() {
        isPut = true;
        show(null);
        return true;
    }

    function take() {
        const { shown: picture = null, holes = false } = props.value ?? {};
        const now = picture?.id ?? "";
        if (now !== told) {
            told = now;
            results = [];
            shown = null;
        }
        panels.mask?.turn(picture, holes);
        draw();
        // A page that is opened again finds what was made of its picture.
        if (!results.length) made(panels.gallery?.job() ?? null);
    }

    panels.rounds = { draw: take, made, adopt, leave };
    watch("value", take);
    take();
}
