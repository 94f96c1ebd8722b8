// The queue beside the page: what runs, what waits, and what one may do with one's own.
import { keepingFocus, parts } from "./dom.js";
import { drawerHead, openDrawer } from "./drawer.js";
import { icon } from "./icon.js";
import { html, nothing, render, repeat } from "./vendor/lit.js";

/** How often is asked while it is open, in milliseconds. */
const ASK = 1000;

/** @typedef {{ look: Queue, stop: {}, stop_item: {}, pause: {}, move: {}, set_background: {}, retry: {} }} QueueActs */

/** @param {Server<QueueActs>} server */
export function openQueue(server) {
    /** @type {Queue} */
    let queue = { jobs: [], ended: [], halted: "" };
    let line = "";
    /** The job that is dragged. */
    let held = "";
    const { dialog, again: lookAgain } = openDrawer({ name: "queue", label: "Queue", every: ASK, look });

    async function look() {
        const answer = await server.look();
        if (answer.fault !== undefined) line = answer.fault;
        else if (!held) {
            const running = answer.jobs.filter(({ state }) => state === "running").length;
            queue = answer;
            line = answer.halted || (answer.jobs.length ? `${running} running, ${answer.jobs.length - running} waiting` : "Nothing is running or waiting.");
        }
        draw();
    }

    function draw() {
        const { jobs, ended } = queue;
        keepingFocus(() => render(html`${drawerHead("Queue")}
            <p class="queue-line" role="status">${line}</p>
            <ul class="queue-jobs" aria-label="Running and waiting">${rows(jobs)}</ul>
            <h3 ?hidden=${!ended.length}>Ended</h3>
            <ul class="queue-jobs" aria-label="Ended">${rows(ended)}</ul>`, dialog));
    }

    /** @param {QueueJob[]} jobs */
    const rows = (jobs) => repeat(jobs.map((job, at) => ({ job, key: job.id || `other ${at}` })), ({ key }) => key, ({ job, key }) => row(job, key));

    /**
     * @param {QueueJob} job
     * @param {string} key
     */
    function row(job, key) {
        const count = job.images === 1 ? "1 picture" : `${job.done} of ${job.images} pictures`;
        const how = job.mine ? job.line : job.paused ? "paused" : job.state;
        const about = [job.kind, count, job.priority === "background" ? "in the background" : "", how].filter(Boolean).join(" · ");
        const open = job.mine && ["waiting", "running"].includes(job.state);
        return html`<li class=${held && held === job.id ? "queue-job moving" : "queue-job"} data-key=${key} data-state=${job.state}>
            ${open && job.state === "waiting" ? grip(job) : html`<span class="queue-gap"></span>`}
            <div class="queue-what">
                <p class="queue-title">${job.mine ? job.title || "No prompt" : "Somebody else’s"}</p><p class="note">${about}</p>
                ${job.mine && job.state === "running" ? html`<progress max="1" aria-label="Progress" .value=${job.share ?? 0}></progress>` : nothing}
                ${job.fault ? html`<p class="wrong">${job.fault}</p>` : nothing}${job.mine ? pictures(job) : nothing}
            </div>
            <div class="queue-acts">${open ? acts(job) : again(job)}</div>
        </li>`;
    }

    /**
     * @param {string} label
     * @param {QueueJob} job
     * @param {keyof QueueActs} name
     * @param {object} [asked]
     */
    const act = (label, job, name, asked = {}) => html`<button type="button" class="plain" aria-label=${`${label}: ${job.title}`} @click=${() => change(name, { job: job.id, ...asked })}>${label}</button>`;

    /** @param {QueueJob} job */
    function acts(job) {
        const background = job.priority === "background";
        return [
            act(job.paused ? "Resume" : "Pause", job, "pause", { paused: !job.paused }),
            act(background ? "Foreground" : "Background", job, "set_background", { background: !background }),
            act("Cancel", job, "stop"),
        ];
    }

    /** @param {QueueJob} job */
    function again(job) {
        const left = (job.items ?? []).filter(({ state }) => state !== "done").length;
        return left ? act(left === job.images ? "Make again" : `Make the ${left} missing`, job, "retry") : nothing;
    }

    /**
     * The pictures of a job that failed, and those that can still be left out.
     * @param {QueueJob} job
     */
    function pictures(job) {
        const items = job.items ?? [];
        const open = items.filter(({ state }) => state === "waiting" || state === "running");
        /** @param {QueueItem} item */
        const leave = ({ number }) => html`<button type="button" class="plain" aria-label=${`Leave out picture ${number + 1}`} @click=${() => change("stop_item", { job: job.id, number })}>${number + 1}${icon("remove")}</button>`;
        return html`${items.filter(({ fault }) => fault && fault !== job.fault).map(({ number, fault }) => html`<p class="wrong">Picture ${number + 1}: ${fault}</p>`)}
            ${job.images > 1 && open.length ? html`<details class="queue-pictures"><summary>${open.length} to be made</summary>${repeat(open, ({ number }) => number, leave)}</details>` : nothing}`;
    }

    /**
     * Drag it among one's own that wait, or move it with the arrows.
     * @param {QueueJob} job
     */
    const grip = (job) => html`<button type="button" class="queue-grip" aria-label=${`Move: ${job.title}`} title="Drag, or arrow up and down"
        @pointerdown=${(event) => drag(event, job)} @keydown=${(event) => step(event, job)}>${icon("grip")}</button>`;

    /** One's own jobs that wait, which can change places. */
    const waiting = () => queue.jobs.filter(({ mine, state }) => mine && state === "waiting");

    /**
     * @param {KeyboardEvent} event
     * @param {QueueJob} job
     */
    function step(event, job) {
        const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
        if (!by) return;
        event.preventDefault();
        const own = waiting();
        const at = own.findIndex(({ id }) => id === job.id);
        if (own[at + by]) change("move", { job: job.id, before: own[at + (by < 0 ? -1 : 2)]?.id ?? null });
    }

    /**
     * The row follows the pointer; it is taken out and put in again meanwhile, so that it cannot hold the pointer itself.
     * @param {PointerEvent} event
     * @param {QueueJob} job
     */
    function drag(event, job) {
        event.preventDefault();
        held = job.id;
        const ends = new AbortController();
        addEventListener("pointermove", ({ clientY }) => {
            const others = parts(dialog, "li:has(.queue-grip)").filter((row) => row.dataset.key !== held);
            const below = others.find((row) => clientY < row.getBoundingClientRect().top + row.offsetHeight / 2);
            place(job, (below ?? others.at(-1))?.dataset.key, Boolean(below));
        }, ends);
        for (const end of ["pointerup", "pointercancel"]) addEventListener(end, drop, ends);

        function drop() {
            ends.abort();
            held = "";
            const own = waiting();
            change("move", { job: job.id, before: own[own.indexOf(job) + 1]?.id ?? null });
        }
    }

    /**
     * @param {QueueJob} job
     * @param {string | undefined} beside
     * @param {boolean} above
     */
    function place(job, beside, above) {
        const others = queue.jobs.filter((one) => one !== job);
        const at = others.findIndex(({ id }) => id && id === beside);
        if (at < 0) return;
        queue = { ...queue, jobs: others.toSpliced(above ? at : at + 1, 0, job) };
        draw();
    }

    /**
     * @param {keyof QueueActs} name
     * @param {object} asked
     */
    async function change(name, asked) {
        const answer = await server[name](asked);
        await lookAgain();
        if (answer.fault === undefined) return;
        line = answer.fault;
        draw();
    }

    draw();
    lookAgain();
}
