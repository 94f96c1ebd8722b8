// The Deploy tab: an account, a Space and what goes onto it; then how far it is, and where it came out.
import { make, narrow, part } from "./dom.js";
import { icon } from "./icon.js";

/** @param {Island} island */
export async function mount({ element, server }) {
    // How often is asked how far it is, in milliseconds.
    const ASK = 700;
    const STEPS = { account: "Account", space: "Space", upload: "Upload", build: "Build" };
    const LOST = "The studio did not answer. Check the connection and try again.";
    const TOKENS = "https://huggingface.co/settings/tokens/new?tokenType=write";
    const ADDRESS = /(https?:\/\/[^\s()]*[^\s().,;:])/;

    const home = part(element, ".deploy");
    const facts = (await server.facts({})) ?? {};
    let busy = false;

    /**
     * @param {string} name
     * @param {object} [asked]
     */
    const call = async (name, asked = {}) => (await server[name](asked)) ?? { fault: LOST };
    /**
     * @param {string} label
     * @param {any} field
     * @param {...any} note
     */
    const line = (label, field, ...note) => make("div", { class: "deploy-field" },
        make("span", { class: "deploy-label" }, label), field, note.length ? make("span", { class: "note" }, ...note) : null);
    /**
     * @param {string} label
     * @param {any} note
     * @param {boolean} on
     */
    const box = (label, note, on) => {
        const input = make("input", { type: "checkbox", checked: on });
        const row = make("label", { class: "deploy-box" }, input, make("span", {}, label, note ? make("span", { class: "note" }, note) : null));
        return { input, row };
    };
    /**
     * @param {string} words
     * @param {any} act
     * @param {any} [look]
     */
    const button = (words, act, look = "plain") => make("button", { type: "button", class: look, onclick: act }, words);
    /**
     * @param {string} href
     * @param {string} words
     */
    const link = (href, words) => make("a", { href, target: "_blank", rel: "noopener" }, words);
    /**
     * A sentence, with the addresses in it to click on.
     * @param {string} words
     */
    const linked = (words) => words.split(ADDRESS).map((/** @type {any} */ part, /** @type {number} */ at) => (at % 2 ? link(part, part) : part));

    // Never in a value that the browser keeps: it is gone with the page.
    const token = make("input", { type: "password", "aria-label": "Token", autocomplete: "off", spellcheck: "false", placeholder: facts.login ? "This machine’s login" : "hf_…", "data-1p-ignore": true });
    const owner = make("input", { type: "text", "aria-label": "Account", autocomplete: "off", spellcheck: "false", placeholder: "account", list: "deploy-owners" });
    const owners = make("datalist", { id: "deploy-owners" });
    const name = make("input", { type: "text", "aria-label": "Name", autocomplete: "off", spellcheck: "false" });
    name.value = "image-studio";
    const hardware = make("select", { "aria-label": "Hardware" }, ...Object.entries(facts.hardware).map(([id, words]) => make("option", { value: id }, `${id} · ${words}`)));
    const lone = box("Private", "Only you can open it. A Space that is there stays as it is.", false);
    const keeps = box("Keep its pictures", "In a private bucket of your account; without one they are gone at each restart.", true);
    /** @param {any} all */
    const many = (all) => all.map((/** @type {any} */ { id, name: words, size }) => ({ id, ...box(words, size, false) }));
    const models = many(facts.models);
    const loras = many(facts.loras);
    /** @param {any[]} rows */
    const chosen = (rows) => rows.filter((/** @type {any} */ { input }) => input.checked).map((/** @type {any} */ { id }) => id);
    /**
     * @param {string} title
     * @param {string} help
     * @param {...any} rows
     */
    const fold = (title, help, ...rows) => make("details", { class: "deploy-pick" },
        make("summary", {}, title, make("span", { class: "count" })), make("p", { class: "note" }, help), ...rows);
    /**
     * @param {string} title
     * @param {string} help
     * @param {any[]} rows
     */
    const pick = (title, help, rows) => rows.length ? fold(title, help, ...rows.map((/** @type {any} */ { row }) => row)) : null;
    // Names with values; secret ones are as hidden as the token.
    /**
     * @param {string} title
     * @param {string} what
     * @param {string} help
     * @param {boolean} secretly
     * @param {string | null} list
     */
    const pairs = (title, what, help, secretly, list = null) => {
        const rows = make("div", { class: "deploy-pairs" });
        /**
         * @param {string} label
         * @param {string} type
         * @param {Attributes} more
         */
        const field = (label, type, more) => make("input", { type, "aria-label": `${what} ${label}`, autocomplete: "off", spellcheck: "false", placeholder: label, ...more });
        const add = () => {
            const row = make("div", { class: "deploy-row" }, field("name", "text", { list }),
                field("value", secretly ? "password" : "text", { "data-1p-ignore": true }),
                make("button", { type: "button", class: "drop", "aria-label": `Remove the ${what.toLowerCase()}`, title: "Remove", onclick: () => { row.remove(); count(); } }, icon("remove")));
            rows.append(row);
            part(row, "input").focus();
            count();
        };
        return {
            element: fold(title, help, rows, button(`Add a ${what.toLowerCase()}`, add)),
            values: () => [...rows.children].map((row) => [...row.querySelectorAll("input")].map((input) => input.value.trim())).filter(([one, other]) => one || other),
        };
    };

    const secrets = pairs("Secrets", "Secret", "Only the Space reads them; their values are kept nowhere else. HF_TOKEN fetches models whose licence has to be accepted. OPENAI_API_KEY serves visitors where the variable STUDIO_SHARE_KEYS is true, up to STUDIO_DAY_BUDGET_USD.", true);
    const variables = pairs("Variables", "Variable", "Everybody can read them. Those that begin with STUDIO_ are settings of the studio.", false, "deploy-settings");

    const who = make("p", { class: "note deploy-who", role: "status" });
    const fault = make("p", { class: "wrong deploy-fault", role: "alert" });
    const check = button("Check", () => doing(meet));
    const show = button("Show what is sent", () => doing(async () => {
        const said = await ordered("plan", { ...order(), secrets: [] });
        if (!said.fault) draw(said);
        return said.fault;
    }));
    const go = button("Deploy", () => doing(async () => {
        const said = await ordered("begin", order());
        if (!said.fault) follow();
        return said.fault;
    }), "plain done");
    const halt = button("Stop", () => { halt.disabled = true; call("stop", {}); });

    const ends = make("div", { class: "deploy-row deploy-ends" }, go, show);
    const form = make("form", { class: "deploy-form", onsubmit: (event) => event.preventDefault() },
        make("h2", {}, "Your own Space"),
        make("p", { class: "note" }, "Puts this studio, with its embedded model, onto a Hugging Face Space. Nothing of yours goes along: no pictures, no settings, no keys."),
        make("h3", {}, "Account"),
        line("Token", make("span", { class: "deploy-row" }, token, check),
            ...(facts.login ? ["Left empty, the login of this machine is used. It is kept nowhere."] : ["Kept nowhere. ", link(TOKENS, "Make one of the type Write")])),
        who,
        make("h3", {}, "Space"),
        line("Name", make("span", { class: "deploy-row deploy-name" }, owner, make("span", {}, "/"), name)),
        owners,
        line("Hardware", hardware, "A free account may have two Spaces on ZeroGPU."),
        lone.row, keeps.row,
        pick("Models", "Beside Starter. Each is downloaded when the Space starts; on a CPU they take minutes an image.", models),
        pick("LoRAs", "From your data folder. They can be downloaded by whoever sees the Space’s files.", loras),
        secrets.element, variables.element, make("datalist", { id: "deploy-settings" }, ...facts.settings.map((/** @type {any} */ value) => make("option", { value }))),
        fault, ends);
    /**
     * @param {string} title
     * @param {...(string | Node)} words
     */
    const need = (title, ...words) => make("li", {}, make("span", { class: "deploy-label" }, title), make("p", { class: "note" }, ...words));
    const side = make("div", { class: "deploy-side" },
        make("h2", {}, "What it takes"),
        make("ul", { class: "deploy-needs" },
            need("An account", link("https://huggingface.co/join", "Hugging Face"), " lends ZeroGPU to accounts that are older than 30 days and have a verified e-mail."),
            need("What it costs", "ZeroGPU is free of charge: each visitor uses the minutes of a day that his own account has. A GPU of your own is paid by the hour while it runs; it sleeps after an hour without visitors, unless the Space’s settings say otherwise."),
            need("How long it takes", "One upload of about 60 MB, then some minutes in which Hugging Face installs everything. The page may be closed meanwhile.")));
    home.append(form, side);
    form.addEventListener("change", count);

    function count() {
        for (const one of form.querySelectorAll(".deploy-pick")) {
            const found = one.querySelectorAll("input:checked, .deploy-pairs > *").length;
            part(one, ".count").textContent = found ? String(found) : "";
        }
    }

    const order = () => ({
        token: token.value, space: `${owner.value.trim()}/${name.value.trim()}`, hardware: hardware.value, private: lone.input.checked,
        keeps: keeps.input.checked, models: chosen(models), loras: chosen(loras), secrets: secrets.values(), variables: variables.values(),
    });

    // Whose token it is; the Space is his where nobody else is named. Returns what went wrong.
    async function meet() {
        const said = await call("account", { token: token.value });
        if (said.fault) return said.fault;
        who.textContent = `This is ${said.names[0]}, ${said.pro ? "a PRO account" : "a free account"}${said.names.length > 1 ? `; also ${said.names.slice(1).join(", ")}` : ""}.`;
        owners.replaceChildren(...said.names.map((/** @type {any} */ value) => make("option", { value })));
        owner.value ||= said.names[0];
        return undefined;
    }

    /**
     * @param {any} act
     * @param {any} asked
     */
    async function ordered(act, asked) {
        const unknown = owner.value.trim() ? undefined : await meet();
        return unknown ? { fault: unknown } : call(act, { ...asked, space: order().space });
    }

    /**
     * One thing at a time; what cannot be is said above the buttons.
     * @param {any} act
     */
    async function doing(act) {
        if (busy) return;
        busy = true;
        fault.textContent = "";
        for (const one of [check, show, go]) one.disabled = true;
        fault.replaceChildren(...linked((await act()) ?? ""));
        busy = false;
        for (const one of [check, show, go]) one.disabled = false;
    }

    /** @param {any} plan */
    function draw(plan) {
        /** @param {string} how */
        const count = (how) => plan.files.filter((/** @type {any} */ file) => file.how === how).length;
        const differ = ["new", "changed", "removed"].filter(count).map((how) => `${count(how)} ${how}`).join(", ");
        /** @param {any} file */
        const row = (file) => make("tr", { class: file.how }, make("td", {}, file.path), make("td", {}, file.how), make("td", {}, file.size));
        const sorted = [...plan.files].sort((a, b) => Number(b.how !== "") - Number(a.how !== ""));
        side.replaceChildren(
            make("h2", {}, `${plan.files.length - count("removed")} files, ${plan.size}`),
            make("p", { class: "note" }, plan.there ? (differ ? `${differ}; ${plan.sent} to send.` : "Every file is there already.") : `The Space is not there yet; ${plan.sent} to send.`),
            make("div", { class: "deploy-files", tabindex: "0", role: "region", "aria-label": "Files" }, make("table", {}, ...sorted.map(row))));
        reveal();
    }

    // On a phone it comes below the form.
    function reveal() {
        if (narrow()) side.scrollIntoView({ block: "start" });
    }

    function follow() {
        const states = Object.fromEntries(Object.keys(STEPS).map((step) => [step, make("p", { class: "quiet" })]));
        const rows = Object.entries(STEPS).map(([step, words]) => make("li", { "data-step": step }, make("span", { class: "deploy-label" }, words), states[step]));
        const bar = make("progress", { max: "1", "aria-label": "Upload", hidden: true });
        const log = make("pre", { class: "deploy-log", tabindex: "0", role: "region", "aria-label": "Build log", hidden: true });
        const end = make("div", { class: "deploy-end", role: "status" });
        const title = make("h2", {}, "Deploying");
        states.upload.after(bar);
        halt.disabled = false;
        side.replaceChildren(title, make("ol", { class: "deploy-steps" }, ...rows), end, make("div", { class: "deploy-row" }, halt), log);
        ends.hidden = true;
        reveal();
        let at = 0;
        let now = "";
        let space = "";

        /** @param {any} event */
        function tell(event) {
            if (event.line !== undefined) {
                log.hidden = false;
                const low = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
                log.append(`${event.line}\n`);
                if (low) log.scrollTop = log.scrollHeight;
                return;
            }
            now = event.step;
            states[now].textContent = event.words;
            bar.hidden = now !== "upload";
            if (event.share !== null) bar.value = event.share;
            const steps = Object.keys(STEPS);
            for (const row of rows) {
                const before = steps.indexOf(row.dataset.step ?? "") < steps.indexOf(now);
                row.dataset.state = before ? "done" : row.dataset.step === now ? "now" : "";
            }
        }

        /** @param {any} said */
        function over(said) {
            halt.hidden = true;
            ends.hidden = false;
            bar.hidden = true;
            const row = rows.find((one) => one.dataset.step === now);
            if (row) row.dataset.state = said.url ? "done" : "stopped";
            title.textContent = said.url ? `${space} runs` : said.stopped ? "Stopped" : "Not deployed";
            if (said.url) end.replaceChildren(make("a", { href: said.url, target: "_blank", rel: "noopener", class: "plain done" }, "Open the Space"), make("p", { class: "note" }, said.url));
            else if (said.stopped) end.replaceChildren(make("p", { class: "note" }, "What was sent by then stays. Deploy again to go on from there."));
            else end.replaceChildren(make("p", { class: "wrong" }, said.message), make("p", { class: "note" }, ...linked(said.hint)));
        }

        async function ask() {
            const said = await call("follow", { from: at });
            if (said.fault) return over({ message: said.fault, hint: "It goes on; open the page again to follow it." });
            at += said.events.length;
            space = said.space ?? "";
            title.textContent = `Deploying ${space}`;
            said.events.forEach(tell);
            if (said.end) over(said.end);
            else setTimeout(ask, ASK);
            return undefined;
        }
        halt.hidden = false;
        ask();
    }

    if (facts.begun) follow();
}
