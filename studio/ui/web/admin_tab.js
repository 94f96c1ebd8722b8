// The Admin tab: accounts with their roles, tokens and disk, invitations, limits, and the line without what is made.
import { part } from "./dom.js";
import { html, live, nothing, render } from "./vendor/lit.js";

const DAY = 86_400;

/** @typedef {{ look: AdminFacts, role: AdminFacts, remove: AdminFacts, invite: AdminFacts, withdraw: AdminFacts, revoke: AdminFacts }} AdminActs */
/** @param {Island<null, null, AdminActs>} island */
export function mount({ element, server }) {
    const home = part(element, ".admin");
    /** @type {AdminFacts | null} */
    let facts = null;
    let fault = "";
    // An address that is told once; what is asked to be done a second time; what an invitation is for.
    let link = "";
    let doomed = "";
    let invited = "creator";

    // Until it is seen, nothing is asked; what others did meanwhile shows each time.
    new IntersectionObserver(([{ isIntersecting }]) => { if (isIntersecting) act("look"); }).observe(home);
    draw();

    /**
     * @param {keyof AdminActs} name
     * @param {object} [data]
     */
    async function act(name, data) {
        doomed = "";
        const answer = await server[name](data);
        fault = answer.fault ?? "";
        if (answer.fault === undefined) {
            facts = answer;
            link = answer.link ? new URL(answer.link, location.origin).href : name === "look" ? link : "";
        }
        draw();
    }

    function draw() {
        render(html`<p class="wrong" role="alert">${fault}</p>${facts ? all(facts) : nothing}`, home);
    }

    /** @param {AdminFacts} known */
    const all = (known) => html`
        <h2>Accounts</h2>${table(["Name", "Role", "Tokens", "Pictures", "Disk", ""], known.accounts.map((one) => account(one, known)))}
        ${known.others ? html`<p class="note">${known.others.pictures} pictures that belong to no account take ${known.others.megabytes} MB.</p>` : nothing}
        <h2>Invitations</h2>
        <div class="admin-tools"><select aria-label="Invite as" @change=${(event) => { invited = event.target.value; }}>${known.roles.map((role) => html`<option .selected=${live(role === invited)}>${role}</option>`)}</select>
            <button type="button" class="plain" @click=${() => act("invite", { role: invited })}>Invite somebody</button></div>
        ${link ? html`<p>A link for one person, shown this once: <code>${link}</code></p>` : nothing}
        ${known.invitations.length ? table(["Role", "Ends in", ""], known.invitations.map(invitation)) : nothing}
        <h2>In line</h2>${known.line.length ? table(["Whose", "What", "State", "Pictures"], known.line.map((job) => [job.whose, job.kind, job.state, job.pictures])) : html`<p class="note">Nothing is waiting.</p>`}
        <h2>Limits</h2>${table(["Limit", "Now", "Set by"], known.limits.map((one) => [one.words, one.value, html`<code>${one.variable}</code>`]))}`;

    /**
     * @param {AdminAccount} one
     * @param {AdminFacts} known
     */
    const account = ({ name, role, tokens, pictures, megabytes }, { roles, you }) => [
        html`${name}${name === you ? html` <span class="quiet">you</span>` : nothing}`,
        html`<select aria-label=${`Role of ${name}`} @change=${(event) => act("role", { name, role: event.target.value })}>${roles.map((other) => html`<option .selected=${live(other === role)}>${other}</option>`)}</select>`,
        html`${tokens.map(({ id, label }) => html`<span class="admin-token">${label} ${sure(`Revoke ${label} of ${name}`, "Revoke", () => act("revoke", { name, id }))}</span>`)}`,
        pictures,
        `${megabytes} MB`,
        sure(`Remove ${name}`, "Remove", () => act("remove", { name })),
    ];

    /** @param {AdminInvitation} one */
    const invitation = ({ id, role, expires }) => [
        role,
        `${Math.max(0, Math.round((expires - Date.now() / 1000) / DAY))} days`,
        html`<button type="button" class="plain" @click=${() => act("withdraw", { id })}>Withdraw</button>`,
    ];

    /**
     * What cannot be taken back is asked for twice.
     * @param {string} words
     * @param {string} label
     * @param {() => void} go
     */
    const sure = (words, label, go) => html`<button type="button" class=${doomed === words ? "plain sure" : "plain"} aria-label=${doomed === words ? `Yes, ${words.toLowerCase()}` : words} @click=${() => { if (doomed === words) go(); else { doomed = words; draw(); } }}>${doomed === words ? "Sure?" : label}</button>`;
}

/**
 * @param {string[]} heads
 * @param {Part[][]} rows
 */
const table = (heads, rows) => html`<table><thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead><tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table>`;
