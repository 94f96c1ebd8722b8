// What became of a comparison: a row for each prompt, a cell for each of its pictures.
import { exampleCards } from "./examples.js";
import { icon } from "./icon.js";
import { panels } from "./panels.js";
import { pictureActions } from "./picture.js";
import { html, nothing, repeat } from "./vendor/lit.js";

/** @type {Record<string, string>} */
const WAITS = { waiting: "Waiting", running: "Being made", stopped: "Stopped", empty: "No picture for this prompt" };

// What a fault is called where its own name is not a creator's.
/** @type {Record<string, string>} */
const FAULTS = {
    call_refused: "Rejected", internal_error: "Failed", invalid_recipe: "Not possible", key_refused: "Key", moderated: "Refused", out_of_credit: "No credit",
    rate_limited: "Too many calls", service_failed: "Service failed",
};

/**
 * `changed` is told that it is to be drawn anew, `removed` that a picture went or came back, `tryOut` which example is taken up.
 * @param {() => void} changed
 * @param {() => void} removed
 * @param {(example: ModelExample) => void} tryOut
 */
export function comparisonTable(changed, removed, tryOut) {
    /** @type {ComparisonView | null} */
    let view = null;
    // The first of two pictures that are to be held against each other, by its place.
    let picked = "";

    /** @param {ComparisonCell} cell */
    const place = ({ line, column }) => `${line}/${column}`;
    /** @param {ComparisonCell} cell */
    const name = ({ column }) => view?.columns[column].contestant ?? "";
    /** @type {ReturnType<typeof import("./comparison_views.js").comparisonViews> | null} */
    let large = null;
    const views = async () => {
        const { comparisonViews } = await import("./comparison_views.js");
        return (large ??= comparisonViews(() => view, removed));
    };

    /** @param {ComparisonCell} cell */
    async function show(cell) {
        (await views()).show(cell);
    }

    /** @param {ComparisonCell} cell */
    async function choose(cell) {
        const first = view?.cells.find((other) => place(other) === picked);
        picked = first ? "" : place(cell);
        changed();
        if (first && first !== cell) (await views()).hold(first, cell);
    }

    /** @param {ComparisonView | null} given */
    function draw(given) {
        if (given?.id !== view?.id) picked = "";
        view = given;
        if (!given) return html`<div class="versus-wall"><div class="versus-empty"><h2>The same prompts, several models</h2>
            <p class="quiet">Write prompts, choose models on this machine and hosted ones, and add pictures of your own. The cost is shown before and after.</p></div>${exampleCards(tryOut)}</div>`;
        const { columns, lines, cells } = given;
        return html`<div class="versus-wall"><div class="versus-table" style=${`--columns: ${columns.length}`}>
            <div class="versus-heads">${columns.map(({ contestant }) => html`<strong title=${contestant}>${contestant}</strong>`)}</div>
            ${lines.map(({ prompt, tags }, at) => html`<section class="versus-prompt" aria-label=${prompt}><h3>${prompt}${tags.map((tag) => html`<span class="versus-tag">${tag}</span>`)}</h3>
                <div class="versus-cells">${repeat(cells.filter(({ line }) => line === at), place, (cell) => (cell.file ? done(cell, prompt) : open(cell)))}</div></section>`)}</div></div>`;
    }

    /** @param {ComparisonCell} cell */
    function open(cell) {
        const { state, look, kind, fault } = cell;
        const title = FAULTS[kind] ?? kind.replaceAll("_", " ").replace(/^./, (letter) => letter.toUpperCase());
        return html`<figure class=${`versus-cell ${state}`}><div class="versus-blank">${look ? html`<img src=${look} alt="">` : nothing}${state === "failed" ? html`<strong>${title}</strong>` : nothing}
            <p>${fault || (state === "failed" ? "" : WAITS[state] ?? "The picture is gone")}</p></div><figcaption><span class="versus-name">${name(cell)}</span></figcaption></figure>`;
    }

    /**
     * @param {ComparisonCell} cell
     * @param {string} prompt
     */
    function done(cell, prompt) {
        const { shown, file, width, height, said, measured, revised } = cell;
        const pick = html`<button type="button" class="act" aria-label=${`Compare ${name(cell)} with another`} title="Compare with another" aria-pressed=${String(picked === place(cell))} @click=${() => choose(cell)}>${icon("compare")}</button>`;
        return html`<figure class="versus-cell done">
            <button type="button" class="versus-look" aria-label=${`${name(cell)}: full view`} @click=${() => show(cell)}><img src=${shown || file} alt=${prompt} width=${width} height=${height} loading="lazy"></button>
            <figcaption><span class="versus-name">${name(cell)}</span><span class="versus-said">${said.map((words) => html`<span>${words}</span>`)}</span>
                ${measured.length ? html`<details class="versus-revised"><summary>Measures</summary><dl>${measured.map(([label, value]) => html`<dt>${label}</dt><dd>${Number(value.toPrecision(3))}</dd>`)}</dl></details>` : nothing}
                ${revised ? html`<details class="versus-revised"><summary>Revised prompt</summary><p>${revised}</p></details>` : nothing}
                ${pictureActions(cell, false, { .../** @type {Deeds} */ (panels.gallery), away: true, shut: () => {} }, pick)}</figcaption></figure>`;
    }

    return { draw };
}
