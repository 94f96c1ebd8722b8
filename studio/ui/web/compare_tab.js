// The Compare tab: prompts and columns to the left, what became of them to the right.
import { count, dollars } from "./comparison_column.js";
import { comparisonForm } from "./comparison_form.js";
import { comparisonTable } from "./comparison_table.js";
import { narrow, part } from "./dom.js";
import { saveAs } from "./download.js";
import { ready } from "./form_start.js";
import { html, nothing, render } from "./vendor/lit.js";

// How long typing rests until the costs are asked for, how often is asked how far it is, and how soon after a fault, in milliseconds.
const REST = 350;
const ASK = 400;
const LATER = 4000;
const KEPT = "image-studio-versus";
const FORMS = { html: "Web page", png: "Picture", csv: "Table", json: "JSON" };

/** @typedef {import("./comparison_form.js").Draft} Draft */
/**
 * What the server is asked, by what it answers.
 * @typedef {{ facts: CompareFacts, key: {}, budget: { left: number | null }, ends: { shutdown?: string }, fields: { fields: GridOffer[] }, bring: { id: string, shown: string }, estimate: CompareEstimate, begin: { id: string },
 *     stop: {}, forget: CompareFacts, look: ComparisonView | SameComparison, hand: EncodedFile }} CompareActs
 */

/** @param {Island<{ arrived: boolean, draft?: CompareDraft }, null, CompareActs>} island */
export function mount({ element, props, watch, upload, server, tell: { arrive } }) {
    const home = part(element, ".versus");
    /** @type {Draft} */
    const draft = {
        prompts: "", seed: "", columns: [], base: {}, named: false, fault: "", busy: false, shown: null, estimate: null,
        facts: { local: [], hosted: [], hosts: {}, addresses: false, usual: "", held: [], budget: null, most: null, refuses: false },
    };
    let arrived = false;
    let asking = 0;
    let serial = 0;
    // The comparison that is to be shown, which may not have come yet, and what of it was seen.
    /** @type {string | null} */
    let wanted = null;
    /** @type {unknown} */
    let seen = null;
    /** @type {Timer} */
    let resting;
    /** @type {Timer} */
    let polling;
    const table = comparisonTable(() => draw(), () => { seen = null; look(); },
        ({ prompt }) => write({ prompts: [draft.prompts.trim(), prompt].filter(Boolean).join("\n") }));

    function draw() {
        const { shown } = draft;
        home.classList.toggle("shows", Boolean(shown));
        render(html`${comparisonForm(draft, acts)}
            <div class="versus-side">
                <header class="versus-head"><p class="versus-sum" role="status">${shown ? summary(shown) : ""}</p>
                    ${shown ? html`<div class="versus-hand">${Object.entries(FORMS).map(([form, words]) => html`<button type="button" class="plain" @click=${() => save(form)}>${words}</button>`)}</div>` : nothing}</header>
                ${table.draw(shown)}</div>`, home);
    }

    /** @param {ComparisonView} shown */
    function summary({ cells, total, unknown, left }) {
        const failed = cells.filter(({ state }) => state === "failed").length;
        return [`${cells.filter(({ state }) => state === "done").length} of ${count(cells.length, "picture")}`, failed && `${failed} failed`,
            (total || unknown || left !== null) && `cost ${dollars(total)}${unknown ? ` and ${unknown} of unknown price` : ""}`,
            left !== null && `${dollars(left)} left today`].filter(Boolean).join(" · ");
    }

    /** @param {Partial<Draft>} change */
    function write(change) {
        Object.assign(draft, change);
        clearTimeout(resting);
        resting = setTimeout(price, REST);
        draw();
    }

    /** @param {string} fault */
    function complain(fault) {
        draft.fault = fault;
        draw();
    }

    // What the server is to make of the form.
    const asked = () => ({
        id: wanted, prompts: draft.prompts, base: draft.base, seed: draft.seed === "" ? null : Number(draft.seed),
        columns: draft.columns.map(({ name, settings, pictures, label }) => (pictures ? { label, pictures: pictures.map(({ id }) => id) } : { name, settings: Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== "")) })),
    });

    async function price() {
        if (!arrived) return;
        const mine = (asking += 1);
        const answer = await server.estimate(asked());
        if (mine !== asking) return;
        draft.estimate = answer.fault === undefined ? answer : null;
        complain(answer.fault ?? "");
    }

    /**
     * @param {string} name
     * @param {Record<string, any>} [settings]
     */
    function add(name, settings = {}) {
        const { local, hosted } = draft.facts;
        const known = local.find((one) => one.name === name);
        const column = { serial: (serial += 1), name, settings, local: Boolean(known), label: (known ?? hosted.find((one) => one.name === name))?.label ?? name };
        write({ columns: [...draft.columns, column] });
        if (!known) ends(column);
        else fields(column);
    }

    /** @param {import("./comparison_column.js").Column} column */
    async function ends(column) {
        const answer = await server.ends({ model: column.name });
        if (answer.fault === undefined) learn(column, { ends: answer.shutdown });
    }

    // What of the form can be set for it.
    /** @param {import("./comparison_column.js").Column} column */
    async function fields(column) {
        const answer = await server.fields({ model: column.name, base: draft.base });
        if (answer.fault === undefined) learn(column, { fields: answer.fields });
        else complain(answer.fault);
    }

    // It may have been set otherwise meanwhile.
    /**
     * @param {import("./comparison_column.js").Column} column
     * @param {Partial<import("./comparison_column.js").Column>} facts
     */
    function learn({ serial }, facts) {
        draft.columns = draft.columns.map((one) => (one.serial === serial ? { ...one, ...facts } : one));
        draw();
    }

    /** @type {import("./comparison_form.js").DraftActs} */
    const acts = {
        write, add, go, open, forget,
        set: (at, settings) => write({ columns: draft.columns.with(at, { ...draft.columns[at], settings }) }),
        // One that cannot be is not added.
        async name(address, id) {
            const name = `${address.trim().replace(/^(\w+:\/\/[^/]+)$/, "$1/")}:${id.trim()}`;
            const answer = await server.estimate({ prompts: "", columns: [{ name }] });
            complain(answer.fault ?? "");
            if (answer.fault === undefined) add(name);
            return answer.fault === undefined;
        },
        async bring(files) {
            const pictures = [];
            for (const file of files) {
                const arrived = await upload(file).catch(() => null);
                const answer = arrived ? await server.bring({ path: arrived.path }) : { fault: "It did not arrive. Check the connection and try again." };
                if (answer.fault !== undefined) complain(`${file.name}: ${answer.fault}`);
                else pictures.push({ ...answer, name: file.name });
            }
            if (pictures.length) write({ columns: [...draft.columns, { serial: (serial += 1), name: "imported", label: `Imported: ${pictures[0].name}`, local: false, settings: {}, pictures }] });
        },
        async key(host, key) {
            const answer = await server.key({ host, key });
            complain(answer.fault ?? "");
            draft.columns.filter(({ local, pictures }) => !local && !pictures).forEach(ends);
            price();
        },
        async budget(usd) {
            const answer = await server.budget({ usd });
            if (answer.fault !== undefined) return complain(answer.fault);
            draft.facts.budget = usd;
            return price();
        },
    };

    async function go() {
        draft.fault = "";
        if (draft.shown?.running) {
            await server.stop({ id: draft.shown.id });
            return look();
        }
        draft.busy = true;
        draw();
        const answer = await server.begin(asked());
        draft.busy = false;
        if (answer.fault !== undefined) return complain(answer.fault);
        await open(answer.id);
        if (narrow()) part(home, ".versus-side").scrollIntoView();
        return refresh();
    }

    /** @param {string | null} id */
    async function open(id) {
        sessionStorage.setItem(KEPT, id ?? "");
        Object.assign(draft, { fault: "", prompts: "", columns: [], base: {} });
        if (wanted !== id) [wanted, seen, draft.shown] = [id, null, null];
        if (id) await look();
        else add(draft.facts.usual);
        price();
    }

    async function look() {
        clearTimeout(polling);
        const id = wanted;
        if (!id) return;
        const answer = await server.look({ id, seen });
        if (wanted !== id) return;
        if (answer.fault !== undefined) draft.fault = answer.fault;
        else if (!("same" in answer)) {
            const ended = draft.shown?.running && !answer.running;
            ({ seen } = answer);
            Object.assign(draft, { shown: answer, base: answer.base });
            if (ended) { refresh(); price(); }
        }
        draw();
        if ((draft.shown?.running || draft.shown?.coming) && element.isConnected) polling = setTimeout(look, answer.fault === undefined ? ASK : LATER);
    }

    /** @param {string} id */
    async function forget(id) {
        const answer = await server.forget({ id });
        if (answer.fault !== undefined) return complain(answer.fault);
        draft.facts = answer;
        if (wanted === id) await open(null);
        return draw();
    }

    async function refresh() {
        const answer = await server.facts();
        if (answer.fault === undefined) draft.facts = answer;
        complain(answer.fault ?? draft.fault);
    }

    /** @param {string} form */
    async function save(form) {
        const answer = await server.hand({ id: wanted, form });
        if (answer.fault !== undefined) complain(answer.fault);
        else saveAs(answer.name, answer.data);
    }

    async function take() {
        if (!props.value?.arrived) return;
        const first = !arrived;
        arrived = true;
        if (first) await refresh();
        const { draft: given } = props.value;
        if (given) {
            await open(null);
            Object.assign(draft, { columns: [], prompts: given.prompts.join("\n"), seed: String(given.seed ?? ""), base: given.base });
            add(given.model.name ?? draft.facts.usual, given.model.settings);
        } else if (first) {
            const typed = draft.prompts;
            await open((draft.facts.held.find(({ running }) => running) ?? draft.facts.held.find(({ id }) => id === sessionStorage.getItem(KEPT)))?.id ?? null);
            // What was written before the server was heard is not lost.
            if (typed && !draft.prompts) write({ prompts: typed });
        }
    }

    draw();
    watch("value", take);
    if (props.value?.arrived) take();
    else ready.then(() => arrive());
}
