// The page's own behaviour: the chosen tab, keys, light and dark, what the browser tab's title tells.
window.studio = (() => {
    "use strict";

    const KEYS = [
        ["Ctrl Enter", "Generate, from anywhere"],
        ["Esc", "Close the full view; else stop the running job"],
        ["← →", "Previous and next picture"],
        ["1 – 9", "Choose in a picker that has the focus"],
        ["/", "Go to the prompt"],
        ["K R S", "Candidates: keep, reject, star; 1 to 5 rate"],
        ["Z", "Candidates: undo the last mark"],
        ["Ctrl ↑ ↓", "In a prompt: the chosen words count more or less"],
        ["?", "This sheet"],
    ];
    const tab = () => document.querySelector("#tabs [role=tab][aria-selected=true]")?.dataset.tabId;
    // The field of the chosen tab; else the one that all tabs share.
    const field = (name) => document.getElementById(`field-${tab()}-${name}`) ?? document.getElementById(`field-${name}`);
    const input = (name) => field(name)?.querySelector("textarea, input:not([type=file])");
    // Gradio confines the style sheet to this part of its page.
    const host = () => document.querySelector(".gradio-container .contain");
    const narrow = () => window.matchMedia("(max-width: 800px)").matches;
    const make = (tag, attributes = {}, ...children) => {
        const element = document.createElement(tag);
        for (const [name, value] of Object.entries(attributes)) {
            if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
            else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
        }
        element.append(...children.filter((child) => child !== null));
        return element;
    };

    // What a tab has to finish before its values are read, such as the export of a mask.
    const hooks = {};
    const before = (tab, hook) => { hooks[tab] = hook; };

    // Draws what the chosen tab says, or hands it on to the tab `to`.
    async function go(to) {
        await window.studio.ready;
        const chosen = tab();
        if (!window.studio.facts()?.tabs[chosen]) return;
        await window.studio.followed();
        await hooks[chosen]?.();
        if (to) window.studio.ask(`${chosen}_into`, { to });
        else window.studio.ask(chosen);
    }

    // A number field hands its value over when it is left, so it is left first.
    function generate() {
        document.activeElement?.blur();
        setTimeout(() => {
            document.getElementById("generate")?.click();
            input("prompt")?.focus({ preventScroll: true });
        }, 0);
    }

    function type(entry, text) {
        entry.value = text;
        entry.dispatchEvent(new Event("input", { bubbles: true }));
    }

    function fill(text) {
        type(input("prompt"), text);
        input("prompt").focus();
    }

    let told = "";

    function tell(title, fraction) {
        const now = `${title} ${fraction?.toFixed(2)}`;
        if (now === told) return;
        told = now;
        document.title = title ? `${title} · Image Studio` : "Image Studio";
        const ring = 2 * Math.PI * 9;
        const arc = fraction === null
            ? `<circle cx="16" cy="16" r="9" fill="none" stroke="#78a6f5" stroke-width="4"/>`
            : `<circle cx="16" cy="16" r="9" fill="none" stroke="#5c5c5c" stroke-width="4"/>
               <circle cx="16" cy="16" r="9" fill="none" stroke="#78a6f5" stroke-width="4"
                   stroke-dasharray="${(ring * fraction).toFixed(1)} ${ring.toFixed(1)}" transform="rotate(-90 16 16)"/>`;
        const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1e1e1e"/>${arc}</svg>`;
        let link = document.querySelector("link[rel~=icon]");
        if (!link) document.head.append((link = make("link", { rel: "icon" })));
        link.type = "image/svg+xml";
        link.href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
    }

    function sheet() {
        const rows = KEYS.map(([keys, what]) => make("tr", {},
            make("th", { scope: "row" }, ...keys.split(" ").map((key) => make("kbd", {}, key))), make("td", {}, what)));
        const dialog = make("dialog", { class: "sheet", "aria-label": "Keyboard", onclose: () => dialog.remove() },
            make("h2", {}, "Keyboard"), make("table", {}, ...rows),
            make("form", { method: "dialog" }, make("button", { class: "plain" }, "Close")));
        host().append(dialog);
        dialog.showModal();
    }

    function tools(element) {
        const light = localStorage.getItem("image-studio-light");
        if (light) document.body.classList.toggle("dark", light === "dark");
        element.addEventListener("click", (event) => {
            const tool = event.target.closest("[data-tool]")?.dataset.tool;
            if (tool === "sheet") sheet();
            if (tool === "light") {
                const dark = document.body.classList.toggle("dark");
                localStorage.setItem("image-studio-light", dark ? "dark" : "light");
            }
        });
    }

    // Gradio gives each radio button a group of its own, so arrows would do nothing.
    function pick(event, target) {
        const radios = [...target.closest("fieldset").querySelectorAll("input[type=radio]")];
        const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
        const at = by ? (radios.indexOf(target) + by + radios.length) % radios.length : Number(event.key) - 1;
        if (!radios[at]) return;
        event.preventDefault();
        radios[at].focus();
        radios[at].click();
    }

    document.addEventListener("keydown", (event) => {
        const target = event.target;
        const typing = target.matches?.("textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=range])");
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            event.stopPropagation();
            generate();
        } else if (document.querySelector("dialog[open], [popover]:popover-open") || event.ctrlKey || event.metaKey || event.altKey) {
            return;
        } else if (event.key === "Escape") {
            document.querySelector("#stage .halt:not([hidden])")?.click();
        } else if (!typing && event.key === "?") {
            sheet();
        } else if (!typing && event.key === "/") {
            event.preventDefault();
            input("prompt")?.focus();
        } else if (target.matches?.("input[type=radio]")) {
            pick(event, target);
        }
    }, true);

    return { tab, field, input, host, narrow, make, before, go, type, fill, tell, tools };
})();
