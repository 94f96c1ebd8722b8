// The queue: a button in the header, and beside the page what runs, what waits and what one may do with one's own.
import { host, make } from "./dom.js";
import { icon } from "./icon.js";

/** How often is asked while it is open, in milliseconds. */
const ASK = 1000;
const LOST = "The studio did not answer. Check the connection and try again.";

/**
 * One picture of a job that is not made.
 * @typedef {{ number: number, state: string, fault: string }} QueueItem
 * A job in the list; of another person's only the first half is told.
 * @typedef {{
 *     id: string, mine: boolean, kind: string, images: number, done: number, state: string, paused: boolean,
 *     priority: string, title?: string, line?: string, share?: number, fault?: string, items?: QueueItem[],
 * }} QueueJob
 * @typedef {{ jobs: QueueJob[], ended: QueueJob[], halted: string, fault?: string }} Queue
 */

/**
 * The button of the header.
 * @param {Island<null>} island
 */
export function mount({ element, server }) {
    const opener = element.querySelector(".queue-open");
    opener?.addEventListener("click", () => open(server));
}

/** @param {Island<null>["server"]} server */
function open(server) {
    const line = make("p", { class: "queue-line", role: "status" });
    const now = make("ul", { class: "queue-jobs", "aria-label": "Running and waiting" });
    const ended = make("ul", { class: "queue-jobs", "aria-label": "Ended" });
    const past = make("h3", {}, "Ended");
    const dialog = make("dialog", { class: "queue", "aria-label": "Queue", onclose: shut },
        make("header", {}, make("h2", {}, "Queue"), make("form", { method: "dialog" }, make("button", { class: "plain" }, "Close"))),
        line, now, past, ended);
    let asking = 0;
    let dragging = false;

    /**
     * @param {string} name
     * @param {object} [asked]
     */
    async function call(name, asked = {}) {
        return (await server[name]?.(asked)) ?? { fault: LOST };
    }

    async function look() {
        clearTimeout(asking);
        const told = /** @type {Queue} */ (await call("look"));
        if (told.fault) line.textContent = told.fault;
        else if (!dragging) show(told);
        if (dialog.open) asking = window.setTimeout(look, ASK);
    }

    /** @param {Queue} told */
    function show(told) {
        const running = told.jobs.filter(({ state }) => state === "running").length;
        line.textContent = told.halted || (told.jobs.length ? `${running} running, ${told.jobs.length - running} waiting` : "Nothing runs, nothing waits.");
        place(now, told.jobs);
        past.hidden = !told.ended.length;
        place(ended, told.ended);
    }

    /**
     * Rows as they are told; one that says the same stays as it is, so that nothing loses the focus.
     * @param {HTMLElement} list
     * @param {QueueJob[]} jobs
     */
    function place(list, jobs) {
        const before = new Map([...list.children].map((row) => [/** @type {HTMLElement} */ (row).dataset.key, /** @type {HTMLElement} */ (row)]));
        const focused = /** @type {HTMLElement | null} */ (document.activeElement);
        const [held, act] = [focused?.closest("li")?.dataset.key, focused?.dataset.act];
        list.replaceChildren(...jobs.map((job, at) => {
            const key = job.id || `other ${at}`;
            const says = JSON.stringify(job);
            const known = before.get(key);
            return known?.dataset.says === says ? known : row(job, key, says);
        }));
        if (held && act) /** @type {HTMLElement | null} */ (list.querySelector(`[data-key="${CSS.escape(held)}"] [data-act="${act}"]`))?.focus();
    }

    /**
     * @param {QueueJob} job
     * @param {string} key
     * @param {string} says
     */
    function row(job, key, says) {
        const count = job.images === 1 ? "1 picture" : `${job.done} of ${job.images} pictures`;
        const whose = job.mine ? job.title || "Without words" : "Somebody else’s";
        const what = make("div", { class: "queue-what" }, make("p", { class: "queue-title" }, whose),
            make("p", { class: "note" }, [job.kind, count, job.priority === "background" ? "in the background" : "", job.mine ? job.line ?? "" : words(job)].filter(Boolean).join(" · ")));
        if (job.mine && job.state === "running") {
            const bar = make("progress", { max: "1", "aria-label": "Progress" });
            bar.value = job.share ?? 0;
            what.append(bar);
        }
        if (job.fault) what.append(make("p", { class: "wrong" }, job.fault));
        if (job.mine) what.append(...pictures(job));
        const held = job.mine && ["waiting", "running"].includes(job.state);
        return make("li", { class: "queue-job", "data-key": key, "data-says": says, "data-state": job.state },
            held && job.state === "waiting" ? grip(job) : make("span", { class: "queue-gap" }), what, make("div", { class: "queue-acts" }, ...(held ? acts(job) : again(job))));
    }

    /** @param {QueueJob} job */
    const words = ({ state, paused }) => (paused ? "paused" : state);

    /**
     * @param {string} label
     * @param {string} name
     * @param {QueueJob} job
     * @param {object} [asked]
     */
    function act(label, name, job, asked = {}) {
        return make("button", { type: "button", class: "plain", "data-act": label, "aria-label": `${label}: ${job.title}`, onclick: () => change(name, { job: job.id, ...asked }) }, label);
    }

    /** @param {QueueJob} job */
    function acts(job) {
        const background = job.priority === "background";
        return [
            act(job.paused ? "Resume" : "Pause", "pause", job, { paused: !job.paused }),
            act(background ? "Foreground" : "Background", "set_background", job, { background: !background }),
            act("Cancel", "stop", job),
        ];
    }

    /** @param {QueueJob} job */
    function again(job) {
        const left = job.items?.length ?? 0;
        return left ? [act(left === job.images ? "Make again" : `Make the missing ${left}`, "retry", job)] : [];
    }

    /**
     * The pictures of a job that failed, and those that can still be left out.
     * @param {QueueJob} job
     */
    function pictures(job) {
        const items = job.items ?? [];
        const failed = items.filter(({ fault }) => fault && fault !== job.fault).map(({ number, fault }) => make("p", { class: "wrong" }, `Picture ${number + 1}: ${fault}`));
        const open = items.filter(({ state }) => state === "waiting" || state === "running");
        if (job.images < 2 || !open.length) return failed;
        return [...failed, make("details", { class: "queue-pictures" }, make("summary", {}, `${open.length} to be made`),
            ...open.map(({ number }) => make("button", { type: "button", class: "plain", "data-act": `picture ${number}`, "aria-label": `Leave out picture ${number + 1}`, onclick: () => change("stop_item", { job: job.id, number }) }, `${number + 1}`, icon("remove"))))];
    }

    /**
     * Drag it among one's own that wait, or move it with the arrows.
     * @param {QueueJob} job
     */
    function grip(job) {
        const handle = make("button", { type: "button", class: "queue-grip", "data-act": "grip", "aria-label": `Move: ${job.title}`, title: "Drag, or arrow up and down" }, icon("grip"));
        handle.addEventListener("keydown", (event) => {
            const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
            if (!by) return;
            event.preventDefault();
            const own = waiting();
            const at = own.indexOf(/** @type {HTMLElement} */ (handle.closest("li")));
            if (at + by < 0 || at + by >= own.length) return;
            change("move", { job: job.id, before: own[at + (by < 0 ? -1 : 2)]?.dataset.key ?? null });
        });
        handle.addEventListener("pointerdown", (event) => drag(event, handle, job));
        return handle;
    }

    /** One's own rows that wait, which can change places. */
    const waiting = () => /** @type {HTMLElement[]} */ ([...now.querySelectorAll("li:has(.queue-grip)")]);

    /**
     * @param {PointerEvent} event
     * @param {HTMLElement} handle
     * @param {QueueJob} job
     */
    function drag(event, handle, job) {
        const moved = /** @type {HTMLElement} */ (handle.closest("li"));
        event.preventDefault();
        dragging = true;
        moved.classList.add("moving");
        handle.setPointerCapture(event.pointerId);
        /** @param {PointerEvent} at */
        const follow = ({ clientY }) => {
            const below = waiting().find((row) => row !== moved && clientY < row.getBoundingClientRect().top + row.offsetHeight / 2);
            if (below) below.before(moved);
            else waiting().at(-1)?.after(moved);
        };
        const drop = () => {
            handle.removeEventListener("pointermove", follow);
            moved.classList.remove("moving");
            dragging = false;
            const own = waiting();
            change("move", { job: job.id, before: own[own.indexOf(moved) + 1]?.dataset.key ?? null });
        };
        handle.addEventListener("pointermove", follow);
        handle.addEventListener("lostpointercapture", drop, { once: true });
    }

    /**
     * @param {string} name
     * @param {object} asked
     */
    async function change(name, asked) {
        const told = await call(name, asked);
        await look();
        if (told.fault) line.textContent = told.fault;
    }

    function shut() {
        clearTimeout(asking);
        dialog.remove();
    }

    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    host().append(dialog);
    dialog.showModal();
    look();
}
