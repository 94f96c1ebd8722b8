// The page's own behaviour: keys, light and dark.
import { watchConnection } from "./connection.js";
import { host, input, make, parts, target } from "./dom.js";
import { ids } from "./ids.js";
import { panels } from "./panels.js";

const KEYS = [
    ["Ctrl Enter", "Generate, from anywhere"],
    ["Esc", "Close the full view or the comparison with the original; else stop the running job"],
    ["← →", "Previous and next picture"],
    ["F A + −", "Full view: fit, actual size, zoom in, zoom out; Shift and arrows move"],
    ["C P I", "Full view: copy the picture, copy the prompt, details"],
    ["S Delete Z", "Full view and Library: star, delete, take it back"],
    ["Space Shift", "Library: select; with arrows, select up to there"],
    ["1 – 9", "Choose in a picker that has the focus"],
    ["/", "Go to the prompt, or to the search of the library"],
    ["K R S", "Candidates: keep, reject, star; 1 to 5 rate"],
    ["← → ↑ ↓", "Arena: the left or the right one is better, both are good, both are bad; Enter shows the next pair"],
    ["Z", "Candidates and Arena: undo the last mark or vote"],
    ["B E L R G C", "Inpainting: brush, eraser, lasso, rectangle, fill, colour"],
    ["[ ] I 0", "Inpainting: smaller and larger brush, invert, fit; hold Space to move"],
    ["Ctrl ↑ ↓", "In a prompt: the selected words count more or less"],
    ["?", "This sheet"],
];

const LIGHT = "image-studio-light";
/** @type {Record<string, number>} */
const ARROWS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

/**
 * The tools of the header: light or dark, and the sheet of keys.
 * @param {Island<null>} island
 */
export function mount({ element }) {
    watchConnection();
    const light = localStorage.getItem(LIGHT);
    if (light) document.body.classList.toggle("dark", light === "dark");
    element.addEventListener("click", (event) => {
        const tool = target(event)?.closest("[data-tool]");
        if (tool?.matches("[data-tool=sheet]")) sheet();
        if (tool?.matches("[data-tool=light]")) localStorage.setItem(LIGHT, document.body.classList.toggle("dark") ? "dark" : "light");
    });
}

/** The sheet of keys. */
export function sheet() {
    const rows = KEYS.map(([keys, what]) => make("tr", {},
        make("th", { scope: "row" }, ...keys.split(" ").map((key) => make("kbd", {}, key))), make("td", {}, what)));
    const dialog = make("dialog", { class: "sheet", "aria-label": "Keyboard", onclose: () => { dialog.remove(); } },
        make("h2", {}, "Keyboard"), make("table", {}, ...rows),
        make("form", { method: "dialog" }, make("button", { class: "plain" }, "Close")));
    host().append(dialog);
    dialog.showModal();
}

// A number field hands its value over when it is left, so it is left first.
function generate() {
    /** @type {HTMLElement | null} */ (document.activeElement)?.blur();
    setTimeout(() => {
        document.getElementById(ids.generate)?.click();
        input("prompt")?.focus({ preventScroll: true });
    }, 0);
}

/**
 * Gradio gives each radio button a group of its own, so arrows would do nothing.
 * @param {KeyboardEvent} event
 * @param {Element} radio
 */
function pick(event, radio) {
    const radios = parts(radio.closest("fieldset") ?? document, "input[type=radio]");
    const by = ARROWS[event.key];
    const at = by ? (radios.findIndex((one) => one === radio) + by + radios.length) % radios.length : Number(event.key) - 1;
    if (!radios[at]) return;
    event.preventDefault();
    radios[at].focus();
    radios[at].click();
}

document.addEventListener("keydown", (event) => {
    const at = target(event);
    const typing = at?.matches("textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=range])");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        event.stopPropagation();
        generate();
    } else if (document.querySelector("dialog[open], [popover]:popover-open") || event.ctrlKey || event.metaKey || event.altKey) {
        return;
    } else if (event.key === "Escape") {
        if (!panels.gallery?.leave()) parts(document, `#${ids.stage} .halt:not([hidden])`)[0]?.click();
    } else if (!typing && event.key === "?") {
        sheet();
    } else if (!typing && event.key === "/") {
        event.preventDefault();
        (parts(document, "[data-search]").find((search) => search.checkVisibility()) ?? input("prompt"))?.focus();
    } else if (at?.matches("input[type=radio]")) {
        pick(event, at);
    }
}, true);
