// The well for pictures to start from: drop, paste, choose a file, or take a result.
import { make, part, tab } from "./dom.js";
import { ids } from "./ids.js";
import { icon } from "./icon.js";

/** @param {Island<{ pictures: StoredPicture[], faults: string[] }, { many: boolean }>} island */
export function mount({ element, props, watch, upload, tell, data: { many } }) {
    const root = part(element, ".source");
    const owner = /** @type {HTMLElement} */ (element.closest("[role=tabpanel]")).id.slice(ids.tab.length);

    /**
     * @param {Attributes} attributes
     * @param {string} label
     */
    const entry = (attributes, label) => make("input", {
        type: "file", class: "unseen", tabindex: -1, "aria-label": label, ...attributes,
        onchange: (event) => { take([...event.target.files]); event.target.value = ""; },
    });
    const files = entry({ accept: "image/*,.heic,.heif,.avif", multiple: many }, many ? "Picture files" : "Picture file");
    const folder = entry({ webkitdirectory: true }, "Folder of pictures");
    /**
     * @param {string} label
     * @param {Handler} act
     */
    const button = (label, act) => make("button", { type: "button", class: "plain", onclick: act }, label);
    const shown = make("div", { class: "well", role: "group", "aria-label": "Picture to start from" });
    const ways = make("div", { class: "ways" },
        button(many ? "Choose files" : "Choose a file", () => files.click()),
        ...(many ? [button("Folder", () => folder.click())] : []),
        button("From results", async () => (await import("./choose_result.js")).chooseResult((/** @type {any} */ { which }) => tell.pick(which))), files, folder);
    const line = make("p", { class: "note", role: "status" });
    const faults = make("div", { class: "faults", role: "alert" });
    root.append(shown, line, ways, faults);

    // Files that did not reach the server.
    /** @type {string[]} */
    let lost = [];
    const pictures = () => props.value?.pictures ?? [];

    function draw() {
        const held = pictures();
        root.classList.toggle("full", held.length > 0);
        root.classList.toggle("several", held.length > 1);
        shown.replaceChildren(...(held.length ? held.map(figure) : [make("p", { class: "invite" }, icon("picture"), many ? "Drop pictures here, or paste" : "Drop a picture here, or paste")]));
        const [first] = held;
        line.textContent = held.length > 1
            ? `${held.length} pictures: one result of each`
            : first ? [`${first.width} × ${first.height}`, first.name].filter(Boolean).join(" · ") : "";
        const notes = held.length === 1 ? first.notes : held.flatMap((/** @type {any} */ one) => one.notes.map((/** @type {any} */ note) => `${one.name}: ${note}`));
        faults.replaceChildren(
            ...notes.map((/** @type {any} */ note) => make("p", { class: "note" }, note)),
            ...[...(props.value?.faults ?? []), ...lost].map((fault) => make("p", { class: "fault" }, fault)));
    }

    /** @param {StoredPicture} picture */
    const figure = (picture) => make("figure", {},
        make("img", { src: picture.shown, alt: picture.name || "Picture to start from", width: picture.width, height: picture.height }),
        make("button", { type: "button", class: "remove", "aria-label": `Remove ${picture.name || "this picture"}`, title: "Remove", onclick: () => remove(picture.id) }, icon("remove")));

    /** @param {string} id */
    function remove(id) {
        props.value = { pictures: pictures().filter((/** @type {StoredPicture} */ picture) => picture.id !== id), faults: [] };
        draw();
    }

    /**
     * Files are sent one after the other, so that a folder of large ones does not fill the memory of either side.
     * @param {File[]} given
     */
    async function take(given) {
        const chosen = many ? given : given.slice(0, 1);
        const sent = [];
        lost = [];
        for (const [at, file] of chosen.entries()) {
            line.textContent = chosen.length > 1 ? `Reading ${at + 1} of ${chosen.length}` : "Reading the picture";
            try {
                sent.push({ path: (await upload(file)).path, name: file.name });
            } catch {
                lost.push(`${file.name} did not arrive. Check the connection and try again.`);
            }
        }
        if (sent.length) tell.bring({ files: sent });
        else draw();
    }

    /** @param {DragEvent} event */
    function drop(event) {
        const result = event.dataTransfer?.getData("application/x-studio");
        if (result) tell.pick(JSON.parse(result));
        else take([...event.dataTransfer?.files ?? []]);
    }

    // A picture that misses the well would otherwise take the page's place in the browser.
    const here = () => tab() === owner;
    /** @param {DragEvent} event */
    const carries = (event) => [...event.dataTransfer?.types ?? []].some((type) => type === "Files" || type === "application/x-studio");
    document.addEventListener("dragover", (event) => {
        if (!here() || !carries(event)) return;
        event.preventDefault();
        root.classList.add("over");
    });
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) root.classList.remove("over"); });
    document.addEventListener("drop", (event) => {
        root.classList.remove("over");
        if (!here() || !carries(event) || event.defaultPrevented) return;
        event.preventDefault();
        drop(event);
    });
    document.addEventListener("paste", (event) => {
        const pasted = [...(event.clipboardData?.files ?? [])];
        if (!here() || !pasted.length || event.defaultPrevented) return;
        event.preventDefault();
        take(pasted);
    });

    watch("value", draw);
    draw();
}
