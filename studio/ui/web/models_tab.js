// The Models tab: all that has weights, what is here and what can be had; downloads with their progress, and removal.
import { part, parts } from "./dom.js";
import { html, nothing, render, repeat } from "./vendor/lit.js";
import { isComing, weightsRow } from "./weights_row.js";

// How often is asked how far the downloads are, in milliseconds.
const ASK = 700;
const OFF = "The hub is switched off (HF_HUB_OFFLINE), so nothing can be downloaded.";
// The chip that shows what is on its way, beside those of the kinds.
const COMING = "coming";

/** @param {string} text */
const plain = (text) => text.toLowerCase().replace(/[\s_-]+/g, " ");
/** @param {AllWeights} all */
const here = ({ items }) => items.filter(({ state }) => state === "here").map(({ key }) => key).join();

/** @typedef {import("./weights_row.js").WeightsAct} WeightsAct */

/** @param {Island<null, null, { all: AllWeights, look: { coming: Download[] }, fetch: {}, cancel: {}, dismiss: {}, remove: {} }>} island */
export function mount({ element, server, tell }) {
    const home = part(element, ".models");
    /** @type {AllWeights | null} */
    let data = null;
    /** @type {Timer} */
    let asking;
    // What is shown of it; what is said of the last act; which row is asked to be removed, and why one was not.
    let kind = "";
    let search = "";
    let only = false;
    let line = "";
    let fault = "";
    let asked = "";
    let refused = { key: "", words: "" };

    // Files may have come while the tab was away; until it is seen, nothing is asked.
    new IntersectionObserver(([{ isIntersecting }]) => { if (isIntersecting) load(); }).observe(home);
    draw();

    async function load() {
        const answer = await server.all();
        const before = data;
        if (answer.fault === undefined) data = answer;
        // What came or went meanwhile, however quickly, is offered in the forms, or is not any more.
        if (before && data && here(before) !== here(data)) tell.arrive();
        fault = answer.fault ?? (data?.off ? OFF : "");
        draw();
        follow();
    }

    function draw() {
        render(html`<header>
                <div class="models-tools">
                    <input type="search" placeholder="Search names, families, licences" aria-label="Search models" @input=${(event) => { search = event.target.value; draw(); }}>
                    <label class="models-only"><input type="checkbox" @change=${(event) => { only = event.target.checked; draw(); }}>Here only</label>
                </div>
                <div class="models-kinds" role="group" aria-label="Kind">${data && chips(data)}</div>
                <p class="note models-sum">${data && `${data.here} here · ${data.free} free on the disk`}</p>
                <p class="wrong" role="alert">${fault}</p>
            </header>
            <div class="models-list">${data && groups(data)}</div>
            <p class="unseen" role="status">${line}</p>`, home);
    }

    /** @param {AllWeights} all */
    function chips({ items, kinds }) {
        const under = items.filter(isComing).length;
        if (kind === COMING && !under) kind = "";
        const all = [{ id: "", title: "All" }, ...(under ? [{ id: COMING, title: `Downloads ${under}` }] : []), ...kinds.filter(({ id }) => items.some((item) => item.kind === id))];
        return all.map(({ id, title }) => html`<button type="button" class="plain" aria-pressed=${String(kind === id)} @click=${() => { kind = id; draw(); }}>${title}</button>`);
    }

    /** @param {AllWeights} all */
    function groups({ items, kinds, faults }) {
        const words = plain(search).split(" ").filter(Boolean);
        const found = items.filter((item) => isMeant(item, words));
        const told = kind || words.length || only ? [] : faults;
        if (!found.length && !told.length) return html`<p class="note">Nothing has this name.</p>`;
        return html`${repeat(kinds, ({ id }) => id, ({ id, title }) => group(title, found.filter((item) => item.kind === id)))}
            ${told.length ? html`<section aria-label="Cannot be used"><h2>Cannot be used</h2>${told.map((one) => html`<p class="wrong">${one}</p>`)}</section>` : nothing}`;
    }

    /**
     * @param {Weights} item
     * @param {string[]} words
     */
    function isMeant(item, words) {
        const text = plain([item.name, item.id, item.family, item.licence, item.summary].join(" "));
        return (!kind || item.kind === kind || (kind === COMING && isComing(item))) && (!only || item.state === "here") && words.every((word) => text.includes(word));
    }

    /**
     * @param {string} title
     * @param {Weights[]} items
     */
    function group(title, items) {
        if (!items.length) return nothing;
        const sorted = [...items].sort((a, b) => Number(b.state === "here") - Number(a.state === "here"));
        return html`<div role="group" aria-label=${title}><h2>${title}</h2><ul class="models-rows">${repeat(sorted, ({ key }) => key, row)}</ul></div>`;
    }

    /** @param {Weights} item */
    const row = (item) => weightsRow(item, {
        fetches: Boolean(data?.fetches && (!data.off || isComing(item))), removes: Boolean(data?.removes), asked: asked === item.key,
        refused: refused.key === item.key ? refused.words : "", act: (name) => act(name, item),
    });

    /**
     * @param {WeightsAct} name
     * @param {Weights} item
     */
    async function act(name, item) {
        asked = name === "ask" ? item.key : "";
        refused = { key: "", words: "" };
        draw();
        if (name === "ask") parts(home, ".keep")[0]?.focus();
        if (name === "ask" || name === "keep") return;
        const answer = await server[name]({ key: item.key });
        if (name === "remove" && answer.fault !== undefined) refused = { key: item.key, words: answer.fault };
        await load();
        if (answer.fault !== undefined && name !== "remove") ({ fault } = answer);
        else line = { fetch: isHere(item.key) ? `${item.name} is downloaded.` : `Downloading ${item.name}`, cancel: `Cancelled. What was downloaded of ${item.name} is kept.`, remove: `${item.name} is removed.`, dismiss: "" }[name];
        draw();
    }

    /** @param {string} key */
    const isHere = (key) => Boolean(data?.items.some((one) => one.key === key && one.state === "here"));

    // While something is on its way, only that is asked for; what ended has the whole list told anew.
    function follow() {
        clearTimeout(asking);
        if (data?.items.some(({ coming }) => coming && !coming.over)) asking = setTimeout(look, ASK);
    }

    async function look() {
        const answer = await server.look();
        if (answer.fault !== undefined) { asking = setTimeout(look, 4 * ASK); return; }
        const now = answer.coming;
        let ended = false;
        for (const one of now) {
            const item = data?.items.find(({ key }) => key === one.key);
            ended ||= Boolean(item) && item?.coming?.state !== one.state;
            if (item) item.coming = one;
        }
        draw();
        if (!ended) return follow();
        const done = now.filter(({ state }) => state === "done").at(-1);
        await load();
        if (done) line = `${done.name} is downloaded.`;
        draw();
    }
}
