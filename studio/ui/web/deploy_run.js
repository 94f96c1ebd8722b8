// A deployment on its way: its steps, the log of its build, and how it ended.
import { linked } from "./linked.js";
import { html, nothing } from "./vendor/lit.js";

// How often is asked how far it is, in milliseconds; from how far above its end, in pixels, the log no longer follows.
const ASK = 700;
const NEAR = 24;
/** @type {Record<string, string>} */
const STEPS = { account: "Account", space: "Space", upload: "Upload", build: "Build" };

/**
 * @param {Server<{ follow: DeployNews, stop: {} }>} server
 * @param {() => void} changed
 */
export function deployRun(server, changed) {
    const fresh = () => ({ at: 0, now: "", space: "", words: /** @type {Record<string, string>} */ ({}), share: /** @type {number | null} */ (null), log: "", stopping: false, end: /** @type {DeployEnd | null} */ (null) });
    /** @type {ReturnType<typeof fresh> | null} */
    let run = null;

    function follow() {
        run = fresh();
        changed();
        ask();
    }

    async function ask() {
        if (!run) return;
        const mine = run;
        const answer = await server.follow({ from: mine.at });
        if (run !== mine) return;
        if (answer.fault !== undefined) mine.end = { message: answer.fault, hint: "The deployment continues. Open the page again to follow it." };
        else {
            mine.at += answer.events.length;
            mine.space = answer.space ?? "";
            answer.events.forEach((event) => hear(mine, event));
            mine.end = answer.end;
        }
        const log = document.querySelector(".deploy-log");
        const low = !log || log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
        changed();
        if (low) document.querySelector(".deploy-log")?.scrollTo(0, 1e9);
        if (!mine.end) setTimeout(ask, ASK);
    }

    /**
     * @param {ReturnType<typeof fresh>} run
     * @param {DeployEvent} event
     */
    function hear(run, event) {
        if (event.line !== undefined) run.log += `${event.line}\n`;
        if (event.step === undefined) return;
        run.now = event.step;
        run.words[event.step] = event.words ?? "";
        run.share = event.share ?? run.share;
    }

    function stop() {
        if (run) run.stopping = true;
        server.stop();
        changed();
    }

    function draw() {
        if (!run) return null;
        const { now, space, words, share, log, stopping, end } = run;
        const steps = Object.keys(STEPS);
        /** @param {string} step */
        const state = (step) => (steps.indexOf(step) < steps.indexOf(now) ? "done" : step !== now ? "" : !end ? "now" : end.url ? "done" : "stopped");
        const title = !end ? `Deploying ${space}` : end.url ? `${space} is running` : end.stopped ? "Stopped" : "Not deployed";
        return html`<h2>${title}</h2>
            <ol class="deploy-steps">${steps.map((step) => html`<li data-step=${step} data-state=${state(step)}><span class="deploy-label">${STEPS[step]}</span><p class="quiet">${words[step]}</p>${
                step === "upload" && now === step && !end ? html`<progress max="1" aria-label="Upload" .value=${share ?? 0}></progress>` : nothing}</li>`)}</ol>
            <div class="deploy-end" role="status">${end ? ending(end) : nothing}</div>
            ${end ? nothing : html`<div class="deploy-row"><button type="button" class="plain" ?disabled=${stopping} @click=${stop}>Stop</button></div>`}
            ${log ? html`<pre class="deploy-log" tabindex="0" role="region" aria-label="Build log">${log}</pre>` : nothing}`;
    }

    return { follow, draw, isOn: () => run !== null && run.end === null, leave: () => { run = null; } };
}

/** @param {DeployEnd} end */
function ending({ url, stopped, message = "", hint = "" }) {
    if (url) return html`<a href=${url} target="_blank" rel="noopener" class="plain done">Open the Space</a><p class="note">${url}</p>`;
    return stopped ? html`<p class="note">What was uploaded stays. Deploy again to continue from there.</p>` : html`<p class="wrong">${message}</p><p class="note">${linked(hint)}</p>`;
}
