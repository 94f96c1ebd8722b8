// What can be said of a picture and done with it, in small below it and in words in the full view.
Object.assign(window.studio, (() => {
    "use strict";
    const { make } = window.studio;

    const ICONS = {
        use: "M4 7h10M18 7h2M4 17h2M10 17h10M14 4v6M10 14v6",
        another: "M20 12a8 8 0 1 1-2.4-5.7M20 3v5h-5",
        again: "M4 12a8 8 0 0 1 13.7-5.6L20 9M20 4v5h-5M20 12a8 8 0 0 1-13.7 5.6L4 15M4 20v-5h5",
        compare: "M12 4v16M4 6h5v12H4zM15 6h5v12h-5z",
        send: "M4 12h14M13 6l6 6-6 6",
        save: "M12 4v11M7 11l5 5 5-5M5 20h14",
        back: "M15 5l-7 7 7 7",
        next: "M9 5l7 7-7 7",
        picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.5h.01",
        remove: "M6 6l12 12M18 6L6 18",
        add: "M12 6v12M6 12h12",
        keep: "M5 12.5l5 5 9-10",
        star: "M12 4l2.5 5.2 5.7.8-4.1 4 1 5.7-5.1-2.7-5.1 2.7 1-5.7-4.1-4 5.7-.8z",
        grip: "M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01",
        star: "M12 4l2.4 5 5.6.8-4 3.9 1 5.5-5-2.6-5 2.6 1-5.5-4-3.9 5.6-.8z",
        about: "M12 11v6M12 7.5h.01M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18",
    };
    const icon = (name) => {
        const holder = make("span", { class: "icon", "aria-hidden": "true" });
        holder.innerHTML = `<svg viewBox="0 0 24 24"><path d="${ICONS[name]}"/></svg>`;
        return holder;
    };

    const seconds = (s) => (s < 9.95 ? `${s.toFixed(1)} s` : s < 90 ? `${Math.round(s)} s` : `${Math.round(s / 60)} min`);

    const said = (picture) => make("p", { class: "said" },
        ...(picture.check?.length ? [make("span", { class: "checked", title: picture.check[1] }, picture.check[0])] : []),
        ...(picture.seed === null ? [] : [make("span", {}, `seed ${picture.seed}`)]),
        make("span", {}, seconds(picture.seconds)),
        make("span", {}, `${picture.width} × ${picture.height}`),
        make("span", {}, picture.model));

    const RARER = ["compare", "another", "again"];

    // `tell` hands an act on to the server, `takers` are the tabs that it can be sent to, `shut` leaves the full view.
    // What no form can say has no task, what is not in the library no `which`; `away` is where nothing that draws is seen.
    function acts(picture, worded, { tell, takers, shut, compare, comparing, away }) {
        const which = picture.which;
        const act = (name, label, attributes, tag = "button") => make(tag, {
            class: ["act", worded ? "plain" : "", RARER.includes(name) ? "rarer" : ""].join(" ").trim(), "aria-label": label, title: worded ? null : label,
            ...(tag === "button" ? { type: "button" } : {}), ...attributes,
        }, icon(name), ...(worded ? [make("span", { class: "act-word" }, label)] : []));
        const asks = (name) => ({ onclick: () => { shut(); tell[name](which); } });
        return make("div", { class: "acts" },
            ...(picture.before ? [act("compare", "Compare with the original", { "aria-pressed": String(comparing()), onclick: compare })] : []),
            ...(picture.task ? [act("use", "Use these settings", asks("use"))] : []),
            ...(away || picture.seed === null ? [] : [act("another", "Another like it", asks("another"))]),
            ...(!away && picture.task === "img2img" ? [act("again", "Again from this result", asks("again"))] : []),
            ...(which ? [menu(act("send", "Send to", {}), Object.entries(takers), (tab) => { shut(); tell.send({ ...which, tab }); })] : []),
            act("save", "Download", { href: picture.file, download: picture.name }, "a"));
    }

    // A button with a menu below it, in the top layer, so that nothing cuts it off.
    function menu(button, choices, choose) {
        const list = make("div", { class: "menu", role: "menu", popover: "auto" },
            ...choices.map(([value, label]) => make("button", { type: "button", role: "menuitem", onclick: () => { list.hidePopover(); choose(value); } }, label)));
        const items = [...list.children];
        button.setAttribute("aria-haspopup", "menu");
        button.addEventListener("click", () => list.togglePopover());
        list.addEventListener("toggle", (event) => {
            const open = event.newState === "open";
            button.setAttribute("aria-expanded", String(open));
            if (!open) return;
            const at = button.getBoundingClientRect();
            list.style.left = `${Math.max(8, Math.min(at.right - list.offsetWidth, innerWidth - list.offsetWidth - 8))}px`;
            list.style.top = `${at.bottom + 4 + list.offsetHeight > innerHeight ? at.top - list.offsetHeight - 4 : at.bottom + 4}px`;
            items[0]?.focus();
        });
        list.addEventListener("keydown", (event) => {
            const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
            if (event.key === "Escape") button.focus();
            if (!by) return;
            event.preventDefault();
            items[(items.indexOf(document.activeElement) + by + items.length) % items.length].focus();
        });
        return make("span", { class: "opens" }, button, list);
    }

    return { icon, said, acts, menu };
})());
