// A row of the Models tab: what the weights are, and what can be done with them now.
import { linked } from "./linked.js";
import { html, nothing } from "./vendor/lit.js";

/** @type {Record<string, string>} */
const WAYS = { waiting: "In line", running: "" };

/**
 * What can be done with weights; to ask whether they are to be removed, and to keep them then, is not told to the server.
 * @typedef {"fetch" | "cancel" | "dismiss" | "remove" | "ask" | "keep"} WeightsAct
 */

/**
 * What a row may do, and what was said of it: whether it is asked to be removed, and why that was refused.
 * @typedef {{ fetches: boolean, removes: boolean, asked: boolean, refused: string, act: (name: WeightsAct) => void }} Rights
 */

/**
 * Whether something is on its way here, or failed there.
 * @param {Weights} item
 */
export const isComing = ({ coming }) => coming !== null && ["waiting", "running", "failed"].includes(coming.state);

/**
 * @param {Weights} item
 * @param {Rights} rights
 */
export function weightsRow(item, rights) {
    const facts = [item.licence, item.used ? `Last used ${ago(item.used)}` : "", item.place].filter(Boolean);
    const name = item.page ? html`<a href=${item.page} target="_blank" rel="noopener" title="Its page on the hub">${item.name}</a>` : item.name;
    const fault = isComing(item) ? item.coming?.fault : item.fault;
    return html`<li class="models-row" data-key=${item.key} data-state=${item.state}>
        <div class="models-what">
            <h3>${name}</h3>
            ${item.summary ? note(item.summary) : nothing}
            <p class="note models-facts">${facts.map((words, at) => html`${at ? " · " : ""}<span>${words}</span>`)}</p>
            ${fault ? html`<p class="wrong">${linked(fault)}</p>` : nothing}
        </div>
        <p class="models-family">${item.family}</p>
        <p class="models-size">${item.size}</p>
        <div class="models-act">${acts(item, rights)}</div>
    </li>`;
}

/** @param {string} words */
const note = (words) => html`<p class="note">${words}</p>`;

/**
 * @param {string} words
 * @param {() => void} act
 * @param {string} label
 * @param {string} [look]
 */
const button = (words, act, label, look = "plain") => html`<button type="button" class=${look} aria-label=${label} @click=${act}>${words}</button>`;

/**
 * What can be done with it now.
 * @param {Weights} item
 * @param {Rights} rights
 */
function acts(item, rights) {
    if (isComing(item)) return coming(item, /** @type {Download} */ (item.coming), rights);
    if (item.state === "here") return here(item, rights);
    const words = item.unfinished ? `Resume, ${item.unfinished} downloaded` : "Download";
    return rights.fetches ? button(words, () => rights.act("fetch"), `${words}: ${item.name}${item.size ? `, ${item.size}` : ""}`) : note("Not here");
}

/**
 * @param {Weights} item
 * @param {Rights} rights
 */
function here(item, { removes, asked, refused, act }) {
    if (item.own || !removes) return note(item.ours ? "Comes with the studio" : item.own ? "Your file" : "Here");
    const keep = button("Keep", () => act("keep"), "Keep", "plain keep");
    if (refused) return html`<p class="wrong" role="alert">${refused}</p>${keep}`;
    if (!asked) return html`${note("Here")}${button("Remove", () => act("ask"), `Remove ${item.name}`)}`;
    return html`<span class="models-ask">Remove ${item.size}?</span>${button("Remove", () => act("remove"), `Remove ${item.name} from the disk`, "plain danger")}${keep}`;
}

/**
 * @param {Weights} item
 * @param {Download} now
 * @param {Rights} rights
 */
function coming(item, now, { fetches, act }) {
    if (now.state === "failed") return html`${button("Try again", () => act("fetch"), `Try again: ${item.name}`)}${button("Dismiss", () => act("dismiss"), `Dismiss: ${item.name}`)}`;
    const bar = now.share === null ? html`<progress max="1" aria-label=${`Download of ${item.name}`}></progress>` : html`<progress max="1" .value=${now.share} aria-label=${`Download of ${item.name}`}></progress>`;
    return html`<div class="models-way">${bar}<p class="note">${WAYS[now.state] || now.line}</p></div>
        ${fetches ? button("Cancel", () => act("cancel"), `Cancel the download of ${item.name}`) : nothing}`;
}

/** @param {number} seconds */
function ago(seconds) {
    const days = (Date.now() / 1000 - seconds) / 86400;
    const name = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
    return days < 1 ? "today" : days < 60 ? name.format(-Math.floor(days), "day") : name.format(-Math.floor(days / 30), "month");
}
