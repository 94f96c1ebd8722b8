// The form of a comparison: prompts, columns, keys, a budget, a seed, what it would cost, and earlier comparisons.
import { comparisonColumn, count, dollars, isOver, notesOf } from "./comparison_column.js";
import { icon } from "./icon.js";
import { html, live, nothing, repeat } from "./vendor/lit.js";

/** @type {Record<string, string>} */
const LENT = { init_image: "the picture to start from", mask_image: "its mask" };
/** @type {Record<string, string>} */
const SOURCES = { typed: "typed, kept until the studio closes", "signed in": "your account, by signing in", environment: "from the environment" };
const EXAMPLE = "One prompt per line. Tags come after a #:\na lighthouse at night # sea, night";
const INVITE = "Add a model or pictures…";

/**
 * What the form says and shows: `base` is what a form lent to all columns, `named` whether a hosted model is being named.
 * @typedef {{ prompts: string, seed: string, columns: import("./comparison_column.js").Column[], base: Record<string, any>, named: boolean, fault: string, busy: boolean,
 *     facts: CompareFacts, shown: ComparisonView | null, estimate: CompareEstimate | null }} Draft
 * @typedef {{ write: (change: Partial<Draft>) => void, add: (name: string) => void, name: (address: string, id: string) => Promise<boolean>, bring: (files: File[]) => void, set: (at: number, settings: Record<string, any>) => void,
 *     key: (host: string, key: string) => void, budget: (usd: number | null) => void, go: () => void, open: (id: string | null) => void, forget: (id: string) => void }} DraftActs
 */

/**
 * How a host is called.
 * @param {CompareFacts} facts
 * @param {string} host
 */
const service = ({ hosts }, host) => hosts[host] ?? host;

/** @param {Record<string, any>} base */
const task = (base) => (base.mask_image ? "inpaint" : base.init_image ? "img2img" : "text2img");
/** @param {string} prompts */
const isWorded = (prompts) => prompts.split("\n").some((line) => line.split(/(?:^|\s)#/)[0].trim());

/**
 * @param {Draft} draft
 * @param {DraftActs} acts
 */
export function comparisonForm(draft, acts) {
    const { prompts, seed, columns, base, facts, shown, estimate, fault } = draft;
    const lent = Object.keys(base).map((name) => LENT[name] ?? name.replaceAll("_", " ")).join(", ");
    const hosts = Object.entries(estimate?.keys ?? {});
    return html`<div class="versus-form">
        <label class="versus-field"><span class="versus-label">${shown ? "More prompts" : "Prompts"}</span><textarea rows="5" spellcheck="true" placeholder=${EXAMPLE} .value=${live(prompts)} @input=${(event) => acts.write({ prompts: event.target.value })}></textarea></label>
        <div class="versus-field"><span class="versus-label">Columns</span>
            <div class="versus-columns">${(shown?.columns ?? []).map(({ contestant }) => html`<div class="versus-column"><strong>${contestant}</strong></div>`)}${repeat(columns, (one) => one.serial, (_, at) => column(draft, at, acts))}</div>
            <select aria-label="Add a column" @change=${({ target: add }) => { const { value } = add; add.value = ""; pick(add, value, acts); }}>${offers(facts, task(base))}</select>
            ${draft.named ? another(facts, acts) : nothing}
            <input type="file" class="unseen" accept="image/*,.heic,.heif,.avif" multiple tabindex="-1" aria-label="Pictures to compare with" @change=${({ target: files }) => { acts.bring([...files.files]); files.value = ""; }}></div>
        <div class="versus-keys">${repeat(hosts, (one) => one.join(" "), ([host, source]) => key(host, service(facts, host), source, acts))}</div>
        ${facts.addresses && hosts.length ? html`<label class="versus-line"><span class="versus-label">Budget for a day, $</span><input type="number" min="0" step="any" placeholder=${facts.most ?? "none"} .value=${String(facts.budget ?? "")}
            @change=${(event) => acts.budget(event.target.value === "" ? null : Number(event.target.value))}></label>` : nothing}
        ${shown ? nothing : html`<label class="versus-line"><span class="versus-label">Seed</span><input type="number" min="0" max="4294967295" placeholder="random" .value=${live(seed)} @input=${(event) => acts.write({ seed: event.target.value })}></label>`}
        ${lent ? html`<p class="note">All columns use the form’s ${lent}.</p>` : nothing}
        ${facts.held.length ? html`<details class="versus-earlier"><summary>Earlier comparisons</summary><div class="versus-held">${repeat(facts.held, (one) => one.id, (one) => earlier(one, shown, acts))}</div></details>` : nothing}
        <div class="versus-foot"><p class="versus-cost" role="status">${shown?.running ? "" : cost(draft)}</p><p class="wrong" role="alert">${fault}</p>${go(draft, acts)}
            ${shown ? html`<button type="button" class="plain" @click=${() => acts.open(null)}>New comparison</button>` : nothing}</div></div>`;
}

/**
 * @param {Draft} draft
 * @param {number} at
 * @param {DraftActs} acts
 */
function column({ columns, facts, estimate, base }, at, { set, write }) {
    const own = columns[at];
    const offer = facts.hosted.find(({ name }) => name === own.name);
    const given = base.mask_image ? "mask" : base.init_image ? "edit" : null;
    const notes = notesOf(own, offer, { usd: estimate?.each[at], meant: estimate?.meant[at] ?? "", refuses: Boolean(facts.refuses && estimate && estimate.left !== null), given, service: service(facts, offer?.host ?? "") });
    return comparisonColumn(own, offer, notes, { set: (settings) => set(at, settings), remove: () => write({ columns: columns.filter((one) => one !== own) }) });
}

/**
 * @param {HTMLSelectElement} add
 * @param {string} name
 * @param {DraftActs} acts
 */
function pick(add, name, acts) {
    const field = /** @type {HTMLElement} */ (add.parentElement);
    if (name === "pictures") /** @type {HTMLElement | null} */ (field.querySelector("[type=file]"))?.click();
    else if (name === "other") {
        acts.write({ named: true });
        /** @type {HTMLElement | null} */ (field.querySelector(".versus-other input"))?.focus();
    } else if (name) acts.add(name);
}

/**
 * What can be added; it stays as it is while nothing of it changes, so that the open list does not close.
 * @param {CompareFacts} facts
 * @param {string} does
 */
function offers(facts, does) {
    const { local, hosted } = facts;
    /** @param {LocalOffer | HostedOffer} one */
    const option = (one) => html`<option value=${one.name}>${one.label}${"here" in one ? (one.here ? "" : " · to download") : isOver(one.shutdown) ? " · shut down" : ""}</option>`;
    /**
     * @param {string} label
     * @param {(LocalOffer | HostedOffer)[]} some
     */
    const group = (label, some) => (some.length ? html`<optgroup label=${label}>${repeat(some, ({ name }) => name, option)}</optgroup>` : nothing);
    const places = [...new Set(hosted.map(({ host }) => host))];
    return html`<option value="">${INVITE}</option>${group("On this machine", local.filter(({ tasks }) => tasks.includes(does)))}
        ${places.map((host) => group(`Hosted by ${service(facts, host)}`, hosted.filter((one) => one.host === host).sort((a, b) => Number(isOver(a.shutdown)) - Number(isOver(b.shutdown)))))}
        <optgroup label="Other"><option value="other">Another hosted model…</option><option value="pictures">Your own pictures…</option></optgroup>`;
}

/**
 * A hosted model that is not in the list, at an address or at a host that has a name.
 * @param {CompareFacts} facts
 * @param {DraftActs} acts
 */
function another({ hosts, addresses }, { name, write }) {
    /** @param {any} event */
    const add = async (event) => {
        event.preventDefault();
        const [address, id] = event.currentTarget.querySelectorAll("input");
        if (await name(address.value, id.value)) write({ named: false });
    };
    return html`<form class="versus-other" @submit=${add}><strong>Another hosted model</strong>
        <button type="button" class="drop" aria-label="Close" title="Close" @click=${() => write({ named: false })}>${icon("remove")}</button>
        <label class="versus-field"><span class="versus-label">Address</span><input type="text" list="versus-hosts" spellcheck="false" autocomplete="off" placeholder=${addresses ? "https://host/v1, or openai" : Object.keys(hosts).join(", ")}></label>
        <datalist id="versus-hosts">${Object.keys(hosts).map((value) => html`<option value=${value}></option>`)}</datalist>
        <label class="versus-field"><span class="versus-label">Model id</span><input type="text" placeholder="as its host names it" spellcheck="false" autocomplete="off"></label><button class="plain">Add the model</button></form>`;
}

/**
 * One masked field for each host whose key nobody has given; what was typed leaves the page at once.
 * @param {string} host
 * @param {string} label
 * @param {string} source
 * @param {DraftActs} acts
 */
function key(host, label, source, { key: tell }) {
    if (source) return html`<p class="note versus-key">Key for ${label}: ${SOURCES[source] ?? source}${source === "typed" ? html`<button type="button" class="plain" @click=${() => tell(host, "")}>Forget</button>` : nothing}</p>`;
    /** @param {any} event */
    const take = ({ target }) => {
        const typed = target.value;
        target.value = "";
        if (typed) tell(host, typed);
    };
    return html`<label class="versus-field"><span class="versus-label">Key for ${label}</span><input type="password" autocomplete="off" spellcheck="false" data-1p-ignore placeholder="for this session" @change=${take}></label>`;
}

/**
 * What it would cost, before the click.
 * @param {Draft} draft
 */
function cost({ estimate, columns, shown }) {
    if (!estimate?.pictures || !(columns.length || shown)) return "";
    const { pictures, usd, unknown, left } = estimate;
    return [count(pictures, "picture"), usd && `at most ${dollars(usd)}`, unknown && `${unknown} of unknown price`, left !== null && `${dollars(left)} left today`].filter(Boolean).join(" · ");
}

/**
 * @param {Draft} draft
 * @param {DraftActs} acts
 */
function go({ columns, prompts, shown, busy }, acts) {
    const more = columns.length > 0 || isWorded(prompts);
    const open = shown?.cells.some(({ state }) => state !== "done" && state !== "empty");
    const can = shown ? shown.running || more || open : isWorded(prompts) && columns.length > 0;
    const words = !shown ? "Compare" : shown.running ? "Stop" : more ? "Extend" : "Continue";
    return html`<button type="button" class=${shown?.running ? "versus-go stops" : "versus-go"} ?disabled=${busy || !can} @click=${acts.go}>${words}</button>`;
}

/**
 * @param {ComparisonLine} one
 * @param {ComparisonView | null} shown
 * @param {DraftActs} acts
 */
const earlier = ({ id, title, lines, columns, left }, shown, { open, forget }) => html`<div class="versus-one">
    <button type="button" class="versus-open" aria-current=${String(id === shown?.id)} @click=${() => open(id)}><span>${title}</span><span class="note">${count(lines, "prompt")} · ${columns.join(", ")}${left ? ` · ${left} open` : ""}</span></button>
    <button type="button" class="drop" aria-label=${`Remove the comparison ${title}`} title="Remove" @click=${() => forget(id)}>${icon("remove")}</button></div>`;
