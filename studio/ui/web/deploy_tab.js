// The Deploy tab: an account, a Space and what goes onto it; beside it what is sent, how far it is, and where it came out.
import { deployForm } from "./deploy_form.js";
import { deployRun } from "./deploy_run.js";
import { narrow, part } from "./dom.js";
import { linked } from "./linked.js";
import { html, nothing, render } from "./vendor/lit.js";

/** @typedef {{ facts: DeployFacts, account: DeployAccount, plan: DeployPlan, begin: {}, follow: DeployNews, stop: {} }} DeployActs */

/** @param {Island<null, null, DeployActs>} island */
export async function mount({ element, server }) {
    const home = part(element, ".deploy");
    const facts = await server.facts();
    if (facts.fault !== undefined) return render(html`<p class="wrong">${facts.fault}</p>`, home);
    // What is going on; what is wrong; whose token it is; what would be sent, where that was asked for.
    let busy = false;
    let fault = "";
    /** @type {DeployAccount | null} */
    let account = null;
    /** @type {DeployPlan | null} */
    let plan = null;
    const form = deployForm(facts, () => draw());
    const run = deployRun(server, draw);

    // Whose token it is; the Space is his where nobody else is named. Returns what went wrong.
    async function meet() {
        const answer = await server.account({ token: form.token() });
        if (answer.fault !== undefined) return answer.fault;
        account = answer;
        form.own(answer.names[0]);
        return "";
    }

    async function show() {
        const answer = await server.plan({ ...form.order(), secrets: [] });
        if (answer.fault !== undefined) return answer.fault;
        plan = answer;
        run.leave();
        draw();
        reveal();
        return "";
    }

    async function begin() {
        const answer = await server.begin(form.order());
        if (answer.fault !== undefined) return answer.fault;
        run.follow();
        reveal();
        return "";
    }

    /**
     * One thing at a time; what cannot be is said above the buttons.
     * @param {() => Promise<string>} act
     */
    async function doing(act) {
        if (busy) return;
        [busy, fault] = [true, ""];
        draw();
        if (act === show && !form.isOwned() && (form.token() || (facts.fault === undefined && facts.login))) await meet();
        fault = (act === begin && !form.isOwned() && await meet()) || await act();
        busy = false;
        draw();
    }

    // On a phone it comes below the form.
    function reveal() {
        if (narrow()) part(home, ".deploy-side").scrollIntoView({ block: "start" });
    }

    function draw() {
        /**
         * @param {string} words
         * @param {() => Promise<string>} act
         * @param {string} [look]
         */
        const button = (words, act, look = "plain") => html`<button type="button" class=${look} ?disabled=${busy} @click=${() => doing(act)}>${words}</button>`;
        const who = account ? `Signed in as ${account.names[0]}, ${account.pro ? "a PRO account" : "a free account"}${account.names.length > 1 ? `; organizations: ${account.names.slice(1).join(", ")}` : ""}.` : "";
        render(html`${form.draw(button("Check", meet), who, account?.names ?? [], html`<p class="wrong deploy-fault" role="alert">${linked(fault)}</p>
                ${run.isOn() ? nothing : html`<div class="deploy-row deploy-ends">${button("Deploy", begin, "plain done")}${button("Show files", show)}</div>`}`)}
            <div class="deploy-side">${run.draw() ?? (plan ? sent(plan) : needs)}</div>`, home);
    }

    draw();
    if (facts.begun) run.follow();
}

/** @param {DeployPlan} plan */
function sent({ files, size, sent: much, there, compared }) {
    /** @param {string} how */
    const count = (how) => files.filter((file) => file.how === how).length;
    const differ = ["new", "changed", "removed"].filter(count).map((how) => `${count(how)} ${how}`).join(", ");
    const sorted = files.toSorted((a, b) => Number(b.how !== "") - Number(a.how !== ""));
    return html`<h2>${files.length - count("removed")} files, ${size}</h2>
        <p class="note">${!compared ? "Not compared with the Space: that needs a token and a connection." : there ? (differ ? `${differ}; ${much} to upload.` : "The Space is up to date.") : `A new Space; ${much} to upload.`}</p>
        <div class="deploy-files" tabindex="0" role="region" aria-label="Files"><table>${sorted.map((file) => html`<tr class=${file.how}><td>${file.path}</td><td>${file.how}</td><td>${file.size}</td></tr>`)}</table></div>`;
}

const needs = html`<h2>How it works</h2><ol class="deploy-needs">
    <li><span class="deploy-label">1. Get an account</span><p class="note">At <a href="https://huggingface.co/join" target="_blank" rel="noopener">Hugging Face</a>. ZeroGPU is free for accounts that are older than 30 days and have a verified e-mail address.</p></li>
    <li><span class="deploy-label">2. Paste a token with write access</span><p class="note">Everything else is filled in. Show files lists what is uploaded, before anything is.</p></li>
    <li><span class="deploy-label">3. Deploy</span><p class="note">One upload of about 60 MB, then a few minutes in which Hugging Face installs everything. You can close this page meanwhile.</p></li></ol>
    <h2>What it costs</h2><p class="note">On ZeroGPU nothing: visitors use the daily minutes of their own accounts. A GPU of your own is paid by the hour while it runs, and sleeps after an hour without visitors. Visitors who sign in can use models that Hugging Face hosts, with credits of their own.</p>`;
