// The Models tab: all that has weights, what is here and what can be had; downloads with their progress, and removal.
import { make } from "./dom.js";

export function mount({ element, server, tell: { arrive: arrived } }) {
    // How often is asked how far the downloads are, in milliseconds.
    const ASK = 700;
    const LOST = "The studio did not answer. Check the connection and try again.";
    // The chip that shows what is on its way, beside those of the kinds.
    const COMING = "coming";
    const ADDRESS = /(https?:\/\/[^\s()]*[^\s().,;:])/;
    const WAYS = { waiting: "In line", running: "" };
    const plain = (text) => text.toLowerCase().replace(/[\s_-]+/g, " ");
    const call = async (name, asked = {}) => (await server[name](asked)) ?? { fault: LOST };
    const button = (words, act, more = {}) => make("button", { type: "button", class: "plain", onclick: act, ...more }, words);
    const note = (...words) => make("p", { class: "note" }, ...words);

    const home = element.querySelector(".models");
    let data = null;
    let asking = 0;
    let kind = "";
    const rows = new Map();

    const search = make("input", { type: "search", placeholder: "Search names, families, licences", "aria-label": "Search models", oninput: draw });
    const only = make("input", { type: "checkbox", onchange: draw });
    const kinds = make("div", { class: "models-kinds", role: "group", "aria-label": "Kind" });
    const sum = make("p", { class: "note models-sum" });
    const line = make("p", { class: "unseen", role: "status" });
    const fault = make("p", { class: "wrong", role: "alert" });
    const list = make("div", { class: "models-list" });
    home.append(make("header", {}, make("div", { class: "models-tools" }, search, make("label", { class: "models-only" }, only, "Here only")), kinds, sum, fault), list, line);
    // Files may have come while the tab was away; until it is seen, nothing is asked.
    new IntersectionObserver(([{ isIntersecting }]) => { if (isIntersecting) load(); }).observe(home);

    async function load() {
        const told = await call("all");
        fault.textContent = told.fault ?? (told.off ? "The hub is switched off (HF_HUB_OFFLINE), so nothing can be downloaded." : "");
        if (told.fault) return;
        data = told;
        sum.textContent = `${data.here} here · ${data.free} free on the disk`;
        draw();
        follow();
    }

    const isComing = ({ coming }) => coming !== null && ["waiting", "running", "failed"].includes(coming.state);

    function draw() {
        if (!data) return;
        const chip = (id, title) => button(title, () => { kind = id; draw(); }, { "aria-pressed": String(kind === id) });
        const under = data.items.filter(isComing).length;
        if (kind === COMING && !under) kind = "";
        kinds.replaceChildren(chip("", "All"), ...(under ? [chip(COMING, `Downloads ${under}`)] : []), ...data.kinds.filter(({ id }) => data.items.some((item) => item.kind === id)).map(({ id, title }) => chip(id, title)));
        const words = plain(search.value).split(" ").filter(Boolean);
        const text = (item) => plain([item.name, item.id, item.family, item.licence, item.summary].join(" "));
        const found = data.items.filter((item) => (!kind || item.kind === kind || (kind === COMING && isComing(item))) && (!only.checked || item.state === "here") && words.every((word) => text(item).includes(word)));
        rows.clear();
        const groups = data.kinds.map(({ id, title }) => group(title, found.filter((item) => item.kind === id)));
        list.replaceChildren(...[...groups, kind || words.length || only.checked ? null : faults()].filter(Boolean));
        if (!list.children.length) list.replaceChildren(note("Nothing is called so."));
    }

    function group(title, items) {
        if (!items.length) return null;
        const sorted = [...items].sort((a, b) => (b.state === "here") - (a.state === "here"));
        return make("section", { "aria-label": title }, make("h2", {}, title), make("ul", { class: "models-rows" }, ...sorted.map(row)));
    }

    function faults() {
        return data.faults.length ? make("section", { "aria-label": "Cannot be used" }, make("h2", {}, "Cannot be used"), ...data.faults.map((words) => make("p", { class: "wrong" }, words))) : null;
    }

    function row(item) {
        const facts = [item.licence, item.used ? `Last used ${ago(item.used)}` : "", item.place].filter(Boolean);
        const name = item.page ? make("a", { href: item.page, target: "_blank", rel: "noopener", title: "Its page on the hub" }, item.name) : item.name;
        const act = make("div", { class: "models-act" });
        rows.set(item.key, { item, act });
        show(item, act);
        return make("li", { class: "models-row", "data-key": item.key, "data-state": item.state },
            make("div", { class: "models-what" }, make("h3", {}, name), item.summary ? note(item.summary) : null,
                make("p", { class: "note models-facts" }, ...facts.flatMap((words, at) => (at ? [" · ", make("span", {}, words)] : [make("span", {}, words)]))),
                wrong(isComing(item) ? item.coming.fault : item.fault)),
            make("p", { class: "models-family" }, item.family), make("p", { class: "models-size" }, item.size), act);
    }

    // A fault, with the addresses in it to click on.
    function wrong(words) {
        if (!words) return null;
        return make("p", { class: "wrong" }, ...words.split(ADDRESS).map((part, at) => (at % 2 ? make("a", { href: part, target: "_blank", rel: "noopener" }, part) : part)));
    }

    function ago(seconds) {
        const days = (Date.now() / 1000 - seconds) / 86400;
        const name = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
        return days < 1 ? "today" : days < 60 ? name.format(-Math.floor(days), "day") : name.format(-Math.floor(days / 30), "month");
    }

    // What can be done with it now.
    function show(item, act) {
        if (isComing(item)) return act.replaceChildren(...coming(item));
        if (item.state === "here") return act.replaceChildren(...here(item, act));
        const words = item.unfinished ? `Resume, ${item.unfinished} is here` : "Download";
        act.replaceChildren(data.fetches && !data.off ? button(words, () => begin(item), { "aria-label": `${words}: ${item.name}${item.size ? `, ${item.size}` : ""}` }) : note("Not here"));
        return undefined;
    }

    function here(item, act) {
        if (item.own || !data.removes) return [note(item.ours ? "Comes with the studio" : item.own ? "Your file" : "Here")];
        return [note("Here"), button("Remove", () => {
            const keep = button("Keep", () => show(item, act));
            act.replaceChildren(make("span", { class: "models-ask" }, `Remove ${item.size}?`), button("Remove", () => drop(item, act), { class: "plain danger", "aria-label": `Remove ${item.name} from the disk` }), keep);
            keep.focus();
        }, { "aria-label": `Remove ${item.name}` })];
    }

    function coming(item) {
        const now = item.coming;
        if (now.state === "failed") {
            return [button("Try again", () => begin(item), { "aria-label": `Try again: ${item.name}` }),
                button("Dismiss", async () => { await call("dismiss", { key: item.key }); load(); }, { "aria-label": `Dismiss: ${item.name}` })];
        }
        const bar = make("progress", { max: "1", "aria-label": `Download of ${item.name}` });
        if (now.share !== null) bar.value = now.share;
        return [make("div", { class: "models-way" }, bar, make("p", { class: "note" }, WAYS[now.state] || now.line)),
            data.fetches ? button("Cancel", () => stop(item), { "aria-label": `Cancel the download of ${item.name}` }) : null].filter(Boolean);
    }

    async function begin(item) {
        await act("fetch", item);
        line.textContent = `Downloading ${item.name}`;
    }

    async function stop(item) {
        await act("cancel", item);
        line.textContent = `Cancelled. What has arrived of ${item.name} is kept.`;
    }

    async function drop(item, act) {
        const told = await call("remove", { key: item.key });
        if (told.fault) return act.replaceChildren(make("p", { class: "wrong", role: "alert" }, told.fault), button("Keep", () => show(item, act)));
        await load();
        arrived();
        line.textContent = `${item.name} is removed.`;
        return undefined;
    }

    async function act(name, item) {
        const told = await call(name, { key: item.key });
        await load();
        if (told.fault) fault.textContent = told.fault;
    }

    // While something is on its way, only its row changes; what ended has the whole list told anew.
    function follow() {
        clearTimeout(asking);
        if (data.items.some(({ coming }) => coming && !coming.over)) asking = setTimeout(look, ASK);
    }

    async function look() {
        const told = await call("look");
        if (told.fault) { asking = setTimeout(look, 4 * ASK); return; }
        let ended = false;
        for (const now of told.coming) {
            const known = rows.get(now.key);
            if (!known) continue;
            const before = known.item.coming;
            known.item.coming = now;
            if (before?.state !== now.state) ended = true;
            else if (!now.over) move(known, now);
        }
        if (!ended) return follow();
        const done = told.coming.filter(({ state }) => state === "done").map(({ name }) => name);
        await load();
        arrived();
        if (done.length) line.textContent = `${done.at(-1)} is here.`;
        return undefined;
    }

    function move({ act }, now) {
        const bar = act.querySelector("progress");
        if (!bar) return;
        if (now.share !== null) bar.value = now.share;
        act.querySelector(".note").textContent = WAYS[now.state] || now.line;
    }
}
