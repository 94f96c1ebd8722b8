// The full view: one picture, one way back, arrows through all of them.
import { beforeAfter } from "./before_after.js";
import { host, make, part, target } from "./dom.js";
import { icon } from "./icon.js";
import { pictureFacts } from "./picture.js";

/** @param {{ all: () => any[], acts: (picture: any, worded: boolean, more: object) => Node, magnify: number, closed: (key: string) => unknown }} stage */
export function fullView(stage) {
    const { all, acts, magnify, closed } = stage;
    /** @type {string} */
    let key = /** @type {any} */ (null);

    const image = make("img");
    const frame = make("div", { class: "full-frame" }, image);
    const count = make("span", { class: "quiet" });
    const words = make("div", { class: "full-said" });
    const deeds = make("div");
    /**
     * @param {number} by
     * @param {import("./icon.js").IconName} name
     * @param {string} label
     */
    const step = (by, name, label) => make("button", { type: "button", class: "turn", "aria-label": label, onclick: () => turn(by) }, icon(name));
    const dialog = make("dialog", { class: "full", "aria-label": "Full view" },
        make("header", {}, make("button", { type: "button", class: "plain back", onclick: shut }, icon("back"), "Back to results"), count, deeds),
        make("div", { class: "full-picture", onclick: (event) => { if (event.target === event.currentTarget) shut(); } },
            step(-1, "back", "Previous picture"), frame, step(1, "next", "Next picture")),
        words);
    dialog.addEventListener("keydown", (event) => {
        if (target(event)?.closest("[popover]")) return;
        if (event.key === "ArrowLeft") turn(-1);
        if (event.key === "ArrowRight") turn(1);
    });
    dialog.addEventListener("close", () => closed(key));
    host().append(dialog);

    function show() {
        const pictures = all();
        const at = pictures.findIndex((/** @type {any} */ picture) => picture.key === key);
        if (at < 0) return shut();
        const picture = pictures[at];
        image.src = picture.file;
        image.alt = picture.prompt;
        frame.style.setProperty("--natural", `${picture.width * magnify}px`);
        frame.style.setProperty("--aspect", `${picture.width} / ${picture.height}`);
        frame.style.setProperty("--shape", String(picture.width / picture.height));
        count.textContent = pictures.length > 1 ? `${at + 1} of ${pictures.length}` : "";
        dialog.classList.toggle("alone", pictures.length < 2);
        const comparison = frame.querySelector(".compare");
        let comparing = Boolean(comparison) && Boolean(picture.before);
        comparison?.remove();
        if (comparing) frame.append(beforeAfter(picture));
        deeds.replaceChildren(acts(picture, true, {
            comparing: () => comparing,
            compare: (/** @type {any} */ event) => {
                comparing = !comparing;
                event.currentTarget.setAttribute("aria-pressed", String(comparing));
                if (comparing) frame.append(beforeAfter(picture));
                else part(frame, ".compare").remove();
            },
        }));
        words.replaceChildren(make("p", { class: "full-prompt" }, picture.prompt), pictureFacts(picture),
            ...(picture.check?.length ? [make("p", {}, picture.check[1])] : []), ...[picture.how, picture.loras].filter(Boolean).map((line) => make("p", { class: "quiet" }, line)));
    }

    /** @param {number} by */
    function turn(by) {
        const pictures = all();
        const at = pictures.findIndex((/** @type {any} */ picture) => picture.key === key);
        key = pictures[(at + by + pictures.length) % pictures.length].key;
        show();
    }

    /** @param {any} wanted */
    function open(wanted) {
        key = wanted;
        show();
        if (!dialog.open) dialog.showModal();
    }

    function shut() {
        if (dialog.open) dialog.close();
    }

    return { open, shut };
}
