// The panel of models: searched, favourites first, each with family, size, memory, licence and speed; a download wants a yes.
import { host, make, part, tab } from "./dom.js";
import { icon } from "./icon.js";
import { html, nothing, render, repeat } from "./vendor/lit.js";

/** @type {Record<string, string>} */
const FITS = { fits: "fits", tight: "larger than the free memory: parts wait outside it, which is slower", large: "larger than this machine’s memory", "": "" };
/** @param {string} text */
const plain = (text) => text.toLowerCase().replace(/[\s_.-]+/g, " ");

/** @param {{ server: Server<import("./model_picker.js").PickerActs>, chosen: string, pick: (id: string) => Promise<void> }} picker */
export async function openModelPanel({ server, chosen, pick }) {
    /** @type {PickerModels | null} */
    let data = null;
    let look = { search: "", here: false, liked: false };
    // The one that is asked whether to download; the one that is being chosen; what went wrong.
    let asked = "";
    let going = "";
    let fault = "";
    const dialog = make("dialog", { class: "sheet model-panel", "aria-label": "Choose a model", onclose: () => { dialog.remove(); } });
    draw();
    host().append(dialog);
    dialog.showModal();
    part(dialog, "[type=search]").focus();
    await load();

    async function load() {
        const answer = await server.models({ tab: tab() });
        if (answer.fault === undefined) data = answer;
        fault = answer.fault ?? "";
        draw();
    }

    function able() {
        return (data?.models ?? []).filter(({ cannot, id }) => !cannot || id === chosen);
    }

    function found() {
        const words = plain(look.search).split(" ").filter(Boolean);
        /** @param {PickerModel} model */
        const rank = ({ id, liked, state }) => (id === chosen ? 0 : liked ? 1 : state === "here" ? 2 : state === "hosted" ? 4 : 3);
        return able().filter((model) => (!look.here || model.state === "here") && (!look.liked || model.liked)
            && words.every((word) => plain([model.name, model.family, model.licence, model.summary].join(" ")).includes(word))).sort((a, b) => rank(a) - rank(b));
    }

    /** @param {Partial<typeof look>} change */
    function search(change) {
        Object.assign(look, change);
        draw();
    }

    function draw() {
        const shown = found();
        const unable = (data?.models ?? []).filter(({ cannot, id }) => cannot && id !== chosen);
        const none = !data || shown.length ? "" : "No model has this name.";
        render(html`<header><h2>Model</h2><button type="button" class="plain done" @click=${() => dialog.close()}>Done</button></header>
            <div class="model-tools"><input type="search" placeholder="Search names, families, licences" aria-label="Search models" @input=${(event) => search({ search: event.target.value })} @keydown=${enter}>
                <label><input type="checkbox" @change=${(event) => search({ here: event.target.checked })}>Here only</label>
                <label><input type="checkbox" @change=${(event) => search({ liked: event.target.checked })}>Favourites</label></div>
            <p class="quiet model-free">${data ? [data.memory, data.disk].filter(Boolean).join(" · ") : "Looking"}</p>
            <p class="wrong" role="alert">${fault}</p>
            <div class="model-rows" role="list" aria-label="Models">${repeat(shown, ({ id }) => id, row)}</div>
            <p class="quiet">${none}</p>
            ${unable.length ? html`<p class="quiet model-unable">Not for this tab: ${unable.map(({ name }) => name).join(", ")}.</p>` : nothing}`, dialog);
    }

    /** @param {PickerModel} model */
    function row(model) {
        const { id, name, family, summary, licence, size, needs, fit, speed, state, liked, fault: broken } = model;
        const where = { here: `${size} on disk`, away: size ? `${size} to download` : "Not here", coming: "Being downloaded", hosted: "" }[state];
        return html`<div class="model-row" role="listitem" data-id=${id} data-state=${state}>
            <button type="button" class="model-pick" aria-pressed=${String(id === chosen)} aria-label=${`Use ${name}`} ?disabled=${Boolean(going)} @click=${() => use(model)}>
                <span class="model-name">${name}${going === id ? "…" : ""}</span><span class="quiet">${[family === name ? "" : family, where].filter(Boolean).join(" · ")}</span>
                ${summary ? html`<span class="model-summary">${summary}</span>` : nothing}
                <span class="quiet">${[needs && `${needs}${FITS[fit] ? `: ${FITS[fit]}` : ""}`, speed || (state === "here" ? "not tried here yet" : "")].filter(Boolean).join(" · ")}</span>
                ${licence ? html`<span class="quiet">${licence}</span>` : nothing}${broken ? html`<span class="wrong">${broken}</span>` : nothing}</button>
            <button type="button" class="act model-star" aria-pressed=${String(liked)} aria-label=${`Favourite ${name}`} title="Favourite" @click=${() => favour(model)}>${icon("star")}</button>
            ${asked === id ? ask(model) : nothing}</div>`;
    }

    /** @param {PickerModel} model */
    function ask({ id, name, key, size }) {
        return html`<div class="model-ask" role="group" aria-label=${`Download ${name}`}>
        <p>${name} is not on this machine.${key && data?.fetches ? ` ${size ? `${size} would be downloaded` : "It would be downloaded"}; ${data.disk}.` : " The studio’s operator can download it."}</p>
        ${key && data?.fetches ? html`<button type="button" class="plain model-yes" @click=${() => fetch(id, key)}>${size ? `Download ${size}` : "Download"} and use it</button>` : nothing}
        <button type="button" class="plain" @click=${() => choose(id)}>Open it first</button>
        <button type="button" class="plain" @click=${() => { asked = ""; draw(); }}>Cancel</button></div>`;
    }

    /** @param {PickerModel} model */
    function use(model) {
        if (model.state !== "away") return choose(model.id);
        asked = asked === model.id ? "" : model.id;
        draw();
    }

    /**
     * @param {string} id
     * @param {string} key
     */
    async function fetch(id, key) {
        const answer = await server.fetch({ key });
        if (answer.fault === undefined) return choose(id);
        ({ fault } = answer);
        draw();
    }

    /** @param {string} id */
    async function choose(id) {
        going = id;
        draw();
        await pick(id);
        dialog.close();
    }

    /** @param {PickerModel} model */
    async function favour(model) {
        model.liked = !model.liked;
        draw();
        const answer = await server.favour({ id: model.id, liked: model.liked });
        if (answer.fault !== undefined) ({ fault } = answer);
        draw();
    }

    /** @param {KeyboardEvent} event */
    function enter(event) {
        const [first] = found();
        if (event.key !== "Enter" || !first) return;
        event.preventDefault();
        use(first);
    }
}
