// The page's own behaviour: keys, marks at changed fields, faults at their field, light and dark, what the tab's title tells.
window.studio = (() => {
    "use strict";

    const KEYS = [
        ["Ctrl Enter", "Generate, from anywhere"],
        ["Esc", "Close the full view; else stop the running job"],
        ["← →", "Previous and next picture"],
        ["1 – 9", "Choose in a picker that has the focus"],
        ["/", "Go to the prompt"],
        ["?", "This sheet"],
    ];
    const field = (name) => document.getElementById(`field-${name}`);
    const input = (name) => field(name)?.querySelector("textarea, input");
    // Gradio confines the style sheet to this part of its page.
    const host = () => document.querySelector(".gradio-container .contain");
    const make = (tag, attributes = {}, ...children) => {
        const element = document.createElement(tag);
        for (const [name, value] of Object.entries(attributes)) {
            if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
            else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
        }
        element.append(...children.filter((child) => child !== null));
        return element;
    };

    // What the server said last about the chosen model, and what the form says now.
    let facts = null;
    let values = {};
    let reset = () => {};
    const listeners = [];

    // Called by Gradio whenever a field changes; the last value is what the browser keeps so far.
    function keep(names, given) {
        const kept = given[given.length - 1];
        if (!facts) return kept;
        const before = values;
        values = Object.fromEntries(names.map((name, at) => [name, given[at]]));
        for (const name of names) if (before[name] !== undefined && before[name] !== values[name]) forgive(name);
        mark();
        return values;
    }

    function form(element, props, watch, tell) {
        reset = tell;
        const take = () => {
            if (!props.value) return;
            facts = props.value;
            name();
            mark();
            describe(facts.model);
            listeners.forEach((listener) => listener(facts));
        };
        watch("value", take);
        take();
    }

    // What Gradio leaves out.
    function name() {
        for (const group of document.querySelectorAll("fieldset.block")) {
            group.setAttribute("aria-label", group.querySelector("[data-testid=block-info]")?.textContent.trim() ?? "");
            group.setAttribute("role", "radiogroup");
        }
        input("seed")?.setAttribute("inputmode", "numeric");
    }

    const describe = (model) => {
        const said = [model.family === model.name ? "" : model.family, model.place, model.licence].filter(Boolean).join(" · ");
        const about = document.querySelector("#about .about");
        about.textContent = about.title = said;
    };

    function mark() {
        for (const [name, standard] of Object.entries(facts.standards)) {
            const block = field(name);
            if (!block || values[name] === undefined) continue;
            const changed = values[name] !== null && values[name] !== standard;
            block.classList.toggle("changed", changed);
            let button = block.querySelector(":scope > .reset");
            if (changed && !button) {
                button = make("button", {
                    type: "button",
                    class: "reset",
                    onclick: () => reset({ field: name }),
                }, "Reset");
                block.append(button);
            }
            if (button) {
                button.hidden = !changed;
                button.title = `Back to ${standard}`;
                button.setAttribute("aria-label", `Reset ${name.replace("_", " ")} to ${standard}`);
            }
        }
        const size = facts.sizes[values.shape];
        const own = size && (size[0] !== values.width || size[1] !== values.height);
        field("shape")?.classList.toggle("own", Boolean(own));
        field("seed")?.classList.toggle("fixed", Boolean(values.seed));
        showPresets();
    }

    function showPresets() {
        const block = field("negative_presets");
        if (!block) return;
        let text = block.querySelector(":scope > .preset-text");
        if (!text) block.append((text = make("p", { class: "preset-text" })));
        text.textContent = (values.negative_presets ?? []).map((id) => facts.negatives[id] ?? "").join(", ");
    }

    // A fault stands at its field until the field changes.
    function blame(fault) {
        const block = fault.field && field(fault.field);
        if (!block) return false;
        forgive(fault.field);
        const more = block.closest("#more");
        if (more && !block.offsetParent) more.querySelector("button")?.click();
        block.classList.add("at-fault");
        const id = `fault-${fault.field}`;
        block.append(make("p", { class: "fault", id, role: "alert" }, `${fault.message} ${fault.hint}`.trim()));
        const entry = input(fault.field);
        entry?.setAttribute("aria-invalid", "true");
        entry?.setAttribute("aria-describedby", id);
        requestAnimationFrame(() => {
            block.scrollIntoView({ block: "center" });
            entry?.focus({ preventScroll: true });
        });
        return true;
    }

    function forgive(name) {
        const block = field(name);
        block?.classList.remove("at-fault");
        block?.querySelector(":scope > .fault")?.remove();
        input(name)?.removeAttribute("aria-invalid");
        input(name)?.removeAttribute("aria-describedby");
    }

    function fill(text) {
        const prompt = input("prompt");
        prompt.value = text;
        prompt.dispatchEvent(new Event("input", { bubbles: true }));
        prompt.focus();
    }

    // A number field hands its value over when it is left, so it is left first.
    function generate() {
        document.activeElement?.blur();
        setTimeout(() => {
            document.getElementById("generate")?.click();
            input("prompt")?.focus({ preventScroll: true });
        }, 0);
    }

    function tell(title, fraction) {
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
        } else if (document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) {
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

    return {
        keep, form, tools, blame, fill, tell, make, host,
        facts: () => facts,
        onfacts: (listener) => listeners.push(listener),
    };
})();
