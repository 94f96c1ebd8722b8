// The arena: two pictures without names, a vote by key or click, then the names; and a table of what all votes say.
import { part, tab, target } from "./dom.js";
import { saveAs } from "./download.js";
import { ready } from "./form_start.js";
import { ids } from "./ids.js";
import { html, live, nothing, render } from "./vendor/lit.js";

const CHOICES = [["left", "Left is better", "←"], ["right", "Right is better", "→"], ["good", "Both are good", "↑"], ["bad", "Both are bad", "↓"]];
/** @type {Record<string, string>} */
const KEYS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "good", ArrowDown: "bad" };
const SIDES = /** @type {const} */ (["left", "right"]);

/** @param {Island<{ arrived: boolean }, null, { pair: ArenaPair | NoPair, undo: ArenaPair | NoPair, vote: ArenaVote, table: ArenaTable, votes: EncodedFile }>} island */
export function mount({ element, props, watch, server, tell: { arrive } }) {
    const home = part(element, ".arena");
    let arrived = false;
    // Nothing is told before it is known: the pair, the names of its models after the vote, and what all votes say.
    /** @type {ArenaPair | NoPair | null} */
    let pair = null;
    /** @type {ArenaVote | null} */
    let vote = null;
    /** @type {ArenaTable | null} */
    let ratings = null;
    let busy = false;
    let count = 0;
    let tag = "";
    let fault = "";

    async function next() {
        take(await server.pair());
    }

    /** @param {Answer<ArenaPair | NoPair>} answer */
    function take(answer) {
        fault = answer.fault ?? "";
        vote = null;
        pair = answer.fault === undefined ? answer : null;
        count = pair?.count ?? count;
        draw();
    }

    // The pair comes back, to be judged again.
    async function undo() {
        if (busy || !count) return;
        busy = true;
        const answer = await server.undo();
        busy = false;
        if (answer.fault === undefined) take(answer);
        else fault = answer.fault;
        draw();
        await look();
    }

    /** @param {string} choice */
    async function cast(choice) {
        if (!pair?.pair || busy) return;
        if (vote) return next();
        busy = true;
        const answer = await server.vote({ pair: pair.pair, choice });
        busy = false;
        fault = answer.fault ?? "";
        if (answer.fault === undefined) {
            vote = answer;
            count += 1;
        }
        draw();
        if (!vote) return;
        part(home, ".arena-next").focus({ preventScroll: true });
        await look();
    }

    async function look() {
        const answer = await server.table({ tag });
        if (answer.fault === undefined) ratings = answer;
        draw();
    }

    async function save() {
        const answer = await server.votes();
        fault = answer.fault ?? "";
        if (answer.fault === undefined) saveAs(answer.name, answer.data);
        draw();
    }

    function draw() {
        render(html`<div class="arena-ring">
                ${pair?.pair ? duel(pair) : nothing}
                ${pair && !pair.pair ? html`<div class="versus-empty"><h2>No pair to judge</h2><p class="quiet">${count ? "You have judged all pairs. Compare more prompts or models to get new ones." : "Compare at least two models first."} Each picture is shown only once, so that you never recognise one.</p>
                    <button type="button" class="plain" @click=${compare}>Go to Compare</button></div>` : nothing}
                <p class="wrong" role="alert">${fault}</p>
                <div class="arena-foot"><p class="note" role="status">${place()}</p>
                    <button type="button" class="plain" title="Undo your last vote (Z)" ?hidden=${!count} @click=${undo}>Undo last vote</button></div>
            </div>
            ${ratings && (ratings.count || tag) ? board(ratings) : nothing}`, home);
    }

    // Which pair it is, of how many; a vote just cast counts already.
    function place() {
        if (!pair?.pair) return count ? `All judged: ${count} ${count === 1 ? "vote" : "votes"}` : "";
        const at = count + (vote ? 0 : 1);
        return `Pair ${at} of ${at - 1 + pair.left_over}`;
    }

    /** @param {ArenaPair} pair */
    function duel(pair) {
        /** @param {"left" | "right"} side */
        const picture = (side) => html`<figure class=${vote && (vote.choice === side || vote.choice === "good") ? "better" : ""}>
            <button type="button" class="arena-look" aria-label=${`The ${side} one is better`} @click=${() => cast(side)}><img alt="" src=${pair[side]}></button><figcaption class="arena-name">${vote?.[side]}</figcaption></figure>`;
        return html`<h2 class="arena-prompt">${pair.prompt}</h2><div class="arena-pair">${SIDES.map(picture)}</div>
            ${vote ? html`<button type="button" class="plain arena-next" @click=${next}><kbd>Enter</kbd>Next pair</button>`
            : html`<div class="arena-votes" role="group" aria-label="Your vote">${CHOICES.map(([choice, words, key]) => html`<button type="button" class="plain" data-choice=${choice} @click=${() => cast(choice)}><kbd>${key}</kbd>${words}</button>`)}</div>`}`;
    }

    /** @param {ArenaTable} table */
    function board({ tags, standings, matrix }) {
        const names = standings.map(({ name }) => name);
        return html`<section class="arena-board" aria-label="Ratings">
            <header><h3>Ratings</h3>
                <select aria-label="Prompts with the tag" ?hidden=${!tags.length} @change=${(event) => { tag = event.target.value; look(); }}>
                    <option value="">All prompts</option>${tags.map((one) => html`<option value=${one} .selected=${live(one === tag)}>${one}</option>`)}</select>
                <button type="button" class="plain" @click=${save}>Export votes</button></header>
            <div class="arena-scroll">${ratingsTable(standings)}</div>
            <p class="note">Bradley-Terry ratings around 1000; 400 points are ten times the chance. A tie is half a win for each. The bar is the 95 % interval.</p>
            <details class="arena-matrix" ?hidden=${names.length < 2}><summary>Who won against whom</summary><div class="arena-scroll">${duels(names, matrix)}</div></details>
        </section>`;
    }

    document.addEventListener("keydown", (event) => {
        if (tab() !== "arena" || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
        const choice = KEYS[event.key];
        const typing = target(event)?.matches("textarea, select, input");
        if (!typing && event.key.toLowerCase() === "z") undo();
        if (typing || !choice || vote) return;
        event.preventDefault();
        cast(choice);
    });

    // Comparisons are made in another tab: each time this one is opened, there may be new pairs.
    new IntersectionObserver(([seen]) => { if (seen.isIntersecting && arrived && !pair?.pair) begin(); }).observe(home);

    async function begin() {
        if (!props.value?.arrived) return;
        arrived = true;
        await next();
        await look();
    }

    draw();
    watch("value", begin);
    if (props.value?.arrived) begin();
    else ready.then(() => arrive());
}

const compare = () => part(document, `#${ids.tabs} [role=tab][data-tab-id="compare"]`).click();

/** @param {Standing[]} standings */
function ratingsTable(standings) {
    const low = Math.min(...standings.map((one) => one.low));
    const high = Math.max(...standings.map((one) => one.high));
    /** @param {number} value */
    const share = (value) => `${(100 * (value - low)) / (high - low || 1)}%`;
    /** @param {Standing} one */
    const row = (one) => html`<tr><th scope="row">${one.name}</th><td>${one.rating.toFixed(0)}</td>
        <td><span class="arena-ends">${one.low.toFixed(0)} – ${one.high.toFixed(0)}</span><span class="arena-bar" aria-hidden="true" style=${`--low: ${share(one.low)}; --high: ${share(one.high)}; --at: ${share(one.rating)}`}><i></i><b></b></span></td>
        <td>${one.wins}</td><td>${one.losses}</td><td>${one.ties}</td></tr>`;
    return html`<table><thead><tr>${["Model", "Rating", "95 % interval", "Won", "Lost", "Tied"].map((words) => html`<th scope="col">${words}</th>`)}</tr></thead><tbody>${standings.map(row)}</tbody></table>`;
}

/**
 * @param {string[]} names
 * @param {ArenaTable["matrix"]} matrix
 */
const duels = (names, matrix) => html`<table><thead><tr><td></td>${names.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
    <tbody>${names.map((one) => html`<tr><th scope="row">${one}</th>${names.map((other) => {
        const met = matrix[one]?.[other];
        return html`<td>${met ? `${met[0]} of ${met[1]}` : "–"}</td>`;
    })}</tr>`)}</tbody></table>`;
