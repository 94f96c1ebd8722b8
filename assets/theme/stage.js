// The stage: the job in front as a wall of pictures, its progress, and earlier pictures in a strip below.
window.studio.stage = (element, props, watch, tell) => {
    "use strict";
    const { make } = window.studio;
    // Small pictures are not blown up beyond this.
    const MAGNIFY = 5;
    const GAP = 16;
    const CAPTION = 56;

    const ICONS = {
        use: "M4 7h10M18 7h2M4 17h2M10 17h10M14 4v6M10 14v6",
        another: "M20 12a8 8 0 1 1-2.4-5.7M20 3v5h-5",
        save: "M12 4v11M7 11l5 5 5-5M5 20h14",
        back: "M15 5l-7 7 7 7",
        next: "M9 5l7 7-7 7",
    };
    const icon = (name) => {
        const holder = make("span", { class: "icon", "aria-hidden": "true" });
        holder.innerHTML = `<svg viewBox="0 0 24 24"><path d="${ICONS[name]}"/></svg>`;
        return holder;
    };

    const root = element.querySelector(".stage");
    const wall = make("div", { class: "pictures" });
    const empty = make("div", { class: "empty" });
    const line = make("p", { class: "line" });
    const behind = make("p", { class: "behind" });
    const halt = make("button", { type: "button", class: "halt plain", title: "Stop (Esc)" }, "Stop");
    const bar = make("div", { class: "bar", role: "progressbar", "aria-label": "Progress", "aria-valuemin": "0", "aria-valuemax": "100" }, make("div"));
    const foot = make("div", { class: "foot" }, bar, make("div", { class: "foot-row" }, line, behind, halt));
    const news = make("p", { class: "unseen", role: "status", "aria-live": "polite" });
    const strip = make("div", { class: "strip", role: "list", "aria-label": "Earlier pictures" });
    root.append(wall, empty, foot, strip, news);

    let view = null;
    let serial = 0;
    let announced = "";
    // The ended job whose field has been marked, or that was over when the page came.
    let blamed = null;
    const cells = new Map();

    halt.addEventListener("click", () => {
        if (!view?.job) return;
        halt.disabled = true;
        line.textContent = "Stopping";
        tell.stop({ job: view.job.id });
    });

    const running = (job) => job && (job.state === "waiting" || job.state === "running");

    function take() {
        // Two listeners may tell at once; the newest view is the true one.
        if (!props.value || props.value.serial <= serial) return;
        const before = view?.job;
        if (!view) {
            blamed = props.value.job?.id;
            element.closest("#stage").dataset.ready = "";
        }
        view = props.value;
        serial = view.serial;
        if (before?.id !== view.job?.id || before?.state !== view.job?.state) halt.disabled = false;
        drawWall();
        drawFoot();
        drawStrip();
        if (view.fault && !window.studio.blame(view.fault)) complain(view.fault);
    }

    function drawWall() {
        const job = view.job;
        const wanted = job?.cells ?? [];
        const shown = wanted.filter((cell) => cell.done || running(job));
        const keys = new Set(shown.map((cell) => cell.key));
        for (const [key, cell] of cells) if (!keys.has(key)) { cell.figure.remove(); cells.delete(key); }
        shown.forEach((cell) => place(cell));
        root.classList.toggle("has-pictures", shown.length > 0);
        empty.hidden = shown.length > 0 || Boolean(job?.fault);
        if (shown.length === 0) drawEmpty();
        arrange(shown);
    }

    function place(cell) {
        let known = cells.get(cell.key);
        if (!known) {
            known = { figure: make("figure", { class: "cell" }), state: null };
            known.image = make("img", { alt: cell.prompt, width: cell.width, height: cell.height, hidden: true });
            known.look = make("button", { type: "button", class: "look", disabled: true, onclick: () => open(cell.key) }, known.image);
            known.caption = make("figcaption");
            known.figure.append(known.look, known.caption);
            known.figure.style.setProperty("--aspect", `${cell.width} / ${cell.height}`);
            cells.set(cell.key, known);
            wall.append(known.figure);
        }
        if (cell.shown && known.image.getAttribute("src") !== cell.shown) {
            known.image.src = cell.shown;
            known.image.hidden = false;
        }
        if (cell.done && known.state !== "done") {
            known.look.disabled = false;
            known.look.setAttribute("aria-label", `Open: ${cell.prompt}, seed ${cell.seed}`);
            known.caption.replaceChildren(said(cell), acts(cell, false));
        }
        known.state = cell.done ? "done" : "open";
        known.figure.classList.toggle("done", cell.done);
        known.figure.classList.toggle("waits", !cell.shown);
    }

    const said = (cell) => make("p", { class: "said" },
        make("span", {}, `seed ${cell.seed}`),
        make("span", {}, seconds(cell.seconds)),
        make("span", {}, `${cell.width} × ${cell.height}`),
        make("span", {}, cell.model));

    const seconds = (s) => (s < 9.95 ? `${s.toFixed(1)} s` : s < 90 ? `${Math.round(s)} s` : `${Math.round(s / 60)} min`);

    function acts(cell, worded) {
        const act = (name, label, attributes, tag = "button") => make(tag, {
            class: worded ? "act plain" : "act", "aria-label": label, title: worded ? null : label,
            ...(tag === "button" ? { type: "button" } : {}), ...attributes,
        }, icon(name), ...(worded ? [make("span", { class: "act-word" }, label)] : []));
        const which = { job: cell.job, image: cell.image };
        return make("div", { class: "acts" },
            act("use", "Use these settings", { onclick: () => { shut(); tell.use(which); } }),
            act("another", "Another like it", { onclick: () => { shut(); tell.another(which); } }),
            act("save", "Download", { href: cell.file, download: cell.name }, "a"));
    }

    // As large as the room allows: try every number of columns.
    function arrange(shown = view?.job?.cells ?? []) {
        if (!shown.length) return;
        const narrow = window.matchMedia("(max-width: 800px)").matches;
        const aspect = shown[0].width / shown[0].height;
        const room = { width: wall.clientWidth, height: wall.clientHeight };
        let best = { columns: 1, width: 0 };
        for (let columns = 1; columns <= shown.length; columns++) {
            const rows = Math.ceil(shown.length / columns);
            const across = (room.width - GAP * (columns - 1)) / columns;
            const up = narrow ? Infinity : ((room.height - GAP * (rows - 1)) / rows - CAPTION) * aspect;
            const width = Math.min(across, up, shown[0].width * MAGNIFY);
            if (narrow && columns !== (shown.length > 1 ? 2 : 1)) continue;
            if (width > best.width) best = { columns, width };
        }
        wall.style.setProperty("--columns", best.columns);
        wall.style.setProperty("--cell", `${Math.floor(best.width)}px`);
        wall.classList.toggle("small", best.width < 300);
    }

    function drawFoot() {
        const job = view.job;
        const busy = running(job);
        root.classList.toggle("busy", Boolean(busy));
        halt.hidden = !busy;
        behind.textContent = view.behind ? `${view.behind} more waiting` : "";
        const left = busy && job.seconds_left !== null ? ` · ${leftOver(job.seconds_left)}` : "";
        const ended = { done: "", stopped: "Stopped", failed: "" };
        line.className = "line";
        if (!halt.disabled) line.textContent = busy ? job.line + left : ended[job?.state] ?? "";
        if (job?.fault && (job.id === blamed || !window.studio.blame(job.fault))) complain(job.fault);
        blamed = busy ? null : job?.id;
        const percent = busy ? Math.round(job.fraction * 100) : 0;
        bar.firstChild.style.width = `${percent}%`;
        bar.setAttribute("aria-valuenow", percent);
        window.studio.tell(busy ? (job.step ? `${percent} %` : job.line) : "", busy ? job.fraction : null);
        announce(busy ? (job.state === "waiting" ? job.line : "Drawing") : { done: "The picture is ready", stopped: "Stopped", failed: "" }[job?.state] ?? "");
    }

    const leftOver = (s) => (s < 1 ? "under 1 s left" : s < 90 ? `${Math.ceil(s)} s left` : `${Math.ceil(s / 60)} min left`);

    function complain(fault) {
        line.className = "line wrong";
        line.textContent = `${fault.message} ${fault.hint}`.trim();
        announce(line.textContent);
    }

    function announce(text) {
        if (text !== announced) news.textContent = announced = text;
    }

    function drawStrip() {
        const keys = view.earlier.map((picture) => picture.key).join();
        if (strip.dataset.keys === keys) return;
        strip.dataset.keys = keys;
        strip.replaceChildren(...view.earlier.map((picture) => make("button", {
            type: "button", class: "small-look", role: "listitem", "aria-label": `Open: ${picture.prompt}, seed ${picture.seed}`,
            onclick: () => open(picture.key),
        }, make("img", { src: picture.shown, alt: picture.prompt, loading: "lazy" }))));
    }

    function drawEmpty() {
        const model = window.studio.facts()?.model;
        if (!model || empty.dataset.model === model.id) return;
        empty.dataset.model = model.id;
        const chips = model.examples.map((text) => make("button", { type: "button", class: "chip", onclick: () => window.studio.fill(text) }, text));
        const groups = Object.entries(model.knows).map(([group, words]) =>
            make("div", {}, make("dt", {}, group), make("dd", {}, words.join(", "))));
        empty.replaceChildren(
            make("h2", {}, model.name),
            make("p", { class: "summary" }, model.summary),
            make("p", { class: "quiet" }, [model.family === model.name ? "" : model.family, model.place, model.licence].filter(Boolean).join(" · ")),
            ...(model.fault ? [make("p", { class: "wrong" }, model.fault)] : []),
            ...(chips.length ? [make("div", { class: "chips", role: "group", "aria-label": "Example prompts" }, ...chips)] : []),
            ...(groups.length ? [make("details", { class: "knows" }, make("summary", {}, "Words it knows"), make("dl", {}, ...groups))] : []),
        );
    }

    // The full view: one picture, one way back, arrows through all of them.
    let full = null;

    const all = () => [...(view?.job?.cells ?? []).filter((cell) => cell.done), ...(view?.earlier ?? [])];

    function open(key) {
        if (!full) full = build();
        full.key = key;
        show();
        if (!full.dialog.open) full.dialog.showModal();
    }

    function build() {
        const dialog = make("dialog", { class: "full", "aria-label": "Full view" });
        const parts = { dialog, image: make("img"), count: make("span", { class: "quiet" }), said: make("div", { class: "full-said" }), acts: make("div") };
        const step = (by, name, label) => make("button", { type: "button", class: "turn", "aria-label": label, onclick: () => turn(by) }, icon(name));
        dialog.append(
            make("header", {}, make("button", { type: "button", class: "plain back", onclick: shut }, icon("back"), "Back to results"), parts.count, parts.acts),
            make("div", { class: "full-picture", onclick: (event) => { if (event.target === event.currentTarget) shut(); } },
                step(-1, "back", "Previous picture"), parts.image, step(1, "next", "Next picture")),
            parts.said);
        dialog.addEventListener("keydown", (event) => {
            if (event.key === "ArrowLeft") turn(-1);
            if (event.key === "ArrowRight") turn(1);
        });
        dialog.addEventListener("close", () => cells.get(full.key)?.look.focus());
        window.studio.host().append(dialog);
        return parts;
    }

    function show() {
        const pictures = all();
        const at = pictures.findIndex((picture) => picture.key === full.key);
        if (at < 0) return shut();
        const picture = pictures[at];
        full.image.src = picture.file;
        full.image.alt = picture.prompt;
        full.image.style.setProperty("--natural", `${picture.width * MAGNIFY}px`);
        full.image.style.aspectRatio = `${picture.width} / ${picture.height}`;
        full.count.textContent = pictures.length > 1 ? `${at + 1} of ${pictures.length}` : "";
        full.dialog.classList.toggle("alone", pictures.length < 2);
        full.acts.replaceChildren(acts(picture, true));
        full.said.replaceChildren(make("p", { class: "full-prompt" }, picture.prompt), said(picture), ...(picture.how ? [make("p", { class: "quiet" }, picture.how)] : []));
    }

    function turn(by) {
        const pictures = all();
        const at = pictures.findIndex((picture) => picture.key === full.key);
        full.key = pictures[(at + by + pictures.length) % pictures.length].key;
        show();
    }

    function shut() {
        if (full?.dialog.open) full.dialog.close();
    }

    wall.addEventListener("keydown", (event) => {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!by) return;
        const looks = [...wall.querySelectorAll(".look:not(:disabled)")];
        const at = looks.indexOf(document.activeElement);
        if (at >= 0) looks[(at + by + looks.length) % looks.length].focus();
    });

    new ResizeObserver(() => arrange()).observe(wall);
    window.studio.onfacts(() => drawEmpty());
    watch("value", take);
    take();
    drawEmpty();
};
