// Two pictures held against each other, one over the other or side by side, zoomed alike; and in what their settings differ.
import { beforeAfter } from "./before_after.js";
import { host, make, part, target } from "./dom.js";
import { icon } from "./icon.js";
import { panels } from "./panels.js";
import { html, live, nothing, render } from "./vendor/lit.js";
import { zooming } from "./zoom.js";
import { tellZoom, zoomKeys, zoomTools } from "./zoom_tools.js";

/** @typedef {{ file: string, width: number, height: number, name: string, prompt: string, negative?: string, said: string[], which?: Which | null }} Held */
/** @typedef {{ label: string, values: (string | undefined)[] }} Row */

/** @param {{ back: string }} words */
export function twoPictures({ back }) {
    /** @type {[Held, Held] | null} */
    let held = null;
    let aside = false;
    let all = false;
    /** @type {(PictureDetails | null)[]} */
    let details = [null, null];
    /** @type {ReturnType<typeof zooming> | null} */
    let zoom = null;
    const of = () => zoom;
    const keys = zoomKeys(of);
    const dialog = make("dialog", { class: "full two-pictures", "aria-label": "Two pictures", tabindex: "-1", onkeydown: (event) => {
        const act = keys[event.key.toLowerCase()];
        if (!act || event.ctrlKey || event.metaKey || event.altKey || target(event)?.closest("input")) return;
        event.preventDefault();
        act();
    } });
    host().append(dialog);

    function draw() {
        if (!held) return;
        const [first, second] = held;
        render(html`<header>
                <button type="button" class="plain back" @click=${() => dialog.close()}>${icon("back")}Back ${back}</button>
                ${zoomTools(of)}
                <button type="button" class="plain versus-beside" aria-pressed=${String(aside)} @click=${() => { aside = !aside; draw(); }}>Side by side</button>
            </header>
            <div class="full-body"><div class="full-stage"><div class=${aside ? "zoom-room two" : "zoom-room"}>${aside ? held.map((one) => cell(one)) : cell(second, over(first, second))}</div></div></div>
            <div class="pair-said">${held.map(({ name, said }) => html`<p><strong>${name}</strong> <span class="quiet">${said.join(" · ")}</span></p>`)}
                ${differences(held)}</div>`, dialog);
        zoom?.show(second);
    }

    /**
     * @param {Held} one
     * @param {Part} [more]
     */
    const cell = ({ file, name, prompt }, more = nothing) => html`<div class="zoom-cell"><div class="zoom-sheet"><img src=${file} alt=${`${name}: ${prompt}`} draggable="false">${more}</div></div>`;
    /**
     * @param {Held} first
     * @param {Held} second
     */
    const over = (first, second) => beforeAfter({ before: first.file, fit: "pad", width: second.width, height: second.height }, [first.name, second.name]);

    /** @param {[Held, Held]} two */
    function differences(two) {
        const rows = rowsOf(two);
        const apart = rows.filter(isApart);
        const shown = all ? rows : apart;
        return html`<div class="pair-head"><h2>${apart.length ? `${apart.length} ${apart.length === 1 ? "difference" : "differences"}` : "No differences in what is known about them"}</h2>
                <label><input type="checkbox" .checked=${live(all)} @change=${(event) => { all = event.target.checked; draw(); }}>All settings</label></div>
            ${shown.length ? html`<table class="pair-table"><thead><tr><th scope="col">Setting</th>${two.map(({ name }) => html`<th scope="col">${name}</th>`)}</tr></thead>
                <tbody>${shown.map((row) => html`<tr class=${isApart(row) ? "apart" : nothing}><th scope="row">${row.label}</th>${row.values.map((value, at) => html`<td>${isApart(row) ? marked(value, row.values[1 - at]) : value ?? ""}</td>`)}</tr>`)}</tbody></table>` : nothing}`;
    }

    /**
     * @param {[Held, Held]} two
     * @returns {Row[]}
     */
    function rowsOf(two) {
        const lines = details.map((one) => new Map((one?.groups ?? []).flatMap((group) => group.lines).map((line) => [line.name, line])));
        const names = new Set(lines.flatMap((one) => [...one.keys()]).filter((name) => !name.startsWith("fact:")));
        return [
            { label: "Prompt", values: two.map(({ prompt }) => prompt) },
            { label: "Negative prompt", values: two.map(({ negative = "" }) => negative) },
            ...[...names].map((name) => ({ label: lines[0].get(name)?.label ?? lines[1].get(name)?.label ?? name, values: lines.map((one) => one.get(name)?.value) })),
        ].filter(({ values }) => values.some(Boolean));
    }

    /**
     * @param {Held} first
     * @param {Held} second
     */
    async function show(first, second) {
        held = [first, second];
        details = [null, null];
        draw();
        dialog.showModal();
        zoom ??= zooming(part(dialog, ".zoom-room"), { changed: () => tellZoom(dialog, zoom), swiped: () => {}, beside: () => dialog.close() });
        zoom.show(second);
        const known = await Promise.all([first, second].map(async ({ which }) => (which && panels.gallery ? panels.gallery.server.details(which) : null)));
        details = known.map((one) => (one && one.fault === undefined ? one : null));
        draw();
    }

    return { show };
}

/** @param {Row} row */
const isApart = ({ values: [first, second] }) => first !== second;

/**
 * A text in which the words that the other lacks are marked.
 * @param {string | undefined} text
 * @param {string | undefined} other
 */
function marked(text, other) {
    const known = new Set((other ?? "").split(/[\s,]+/));
    return (text ?? "").split(/([\s,]+)/).map((word) => (known.has(word) || /^[\s,]*$/.test(word) ? word : html`<mark>${word}</mark>`));
}
