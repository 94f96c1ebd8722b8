// The well for pictures to start from: drop, paste, choose a file, or take a result.
import { part, parts, tab } from "./dom.js";
import { samplePictures } from "./examples.js";
import { onFacts } from "./form.js";
import { icon } from "./icon.js";
import { ids } from "./ids.js";
import { panels } from "./panels.js";
import { html, nothing, render } from "./vendor/lit.js";

/** @param {Island<{ pictures: StoredPicture[], faults: string[] }, { many: boolean }>} island */
export function mount({ element, props, watch, upload, tell, data: { many } }) {
    const root = part(element, ".source");
    const owner = /** @type {HTMLElement} */ (element.closest("[role=tabpanel]")).id.slice(ids.tab.length);

    // Files that did not reach the server.
    /** @type {string[]} */
    let lost = [];
    const pictures = () => props.value?.pictures ?? [];

    function heard() {
        reading = "";
        draw();
    }

    // What is being read, while it is.
    let reading = "";

    function draw() {
        const held = pictures();
        const [first] = held;
        const notes = held.length === 1 ? first.notes : held.flatMap((one) => one.notes.map((note) => `${one.name}: ${note}`));
        const line = reading || (held.length > 1 ? `${held.length} pictures: one result of each` : first ? [`${first.width} × ${first.height}`, first.name].filter(Boolean).join(" · ") : "");
        root.classList.toggle("full", held.length > 0);
        root.classList.toggle("several", held.length > 1);
        render(html`<div class="well" role="group" aria-label="Picture to start from">${held.length ? held.map(figure) : html`<p class="invite">${icon("picture")}${many ? "Drop pictures here, or paste" : "Drop a picture here, or paste"}</p>`}</div>
            <p class="note" role="status">${line}</p>
            <div class="ways">${button(many ? "Choose files" : "Choose a file", () => parts(root, "[type=file]")[0].click())}${many ? button("Folder", () => parts(root, "[type=file]")[1].click()) : nothing}${
                button("From results", async () => (await import("./choose_result.js")).chooseResult(({ which }) => tell.pick(which)))}
                <input type="file" class="unseen" tabindex="-1" accept="image/*,.heic,.heif,.avif" ?multiple=${many} aria-label=${many ? "Picture files" : "Picture file"} @change=${chosen}>
                <input type="file" class="unseen" tabindex="-1" webkitdirectory aria-label="Folder of pictures" @change=${chosen}></div>
            ${held.length || reading ? nothing : samplePictures(owner)}
            <div class="faults" role="alert">${notes.map((note) => html`<p class="note">${note}</p>`)}${[...(props.value?.faults ?? []), ...lost].map((fault) => html`<p class="fault">${fault}</p>`)}</div>`, root);
    }

    /** @param {any} event */
    function chosen({ target: entry }) {
        take([...entry.files]);
        entry.value = "";
    }

    /**
     * @param {string} words
     * @param {() => unknown} act
     */
    const button = (words, act) => html`<button type="button" class="plain" @click=${act}>${words}</button>`;

    /** @param {StoredPicture} picture */
    const figure = ({ id, name, shown, width, height }) => html`<figure><img src=${shown} alt=${name || "Picture to start from"} width=${width} height=${height}>
        <button type="button" class="remove" aria-label=${`Remove ${name || "this picture"}`} title="Remove" @click=${() => remove(id)}>${icon("remove")}</button></figure>`;

    /** @param {string} id */
    function remove(id) {
        props.value = { pictures: pictures().filter((picture) => picture.id !== id), faults: [] };
        draw();
    }

    /**
     * Files are sent one after the other, so that a folder of large ones does not fill the memory of either side.
     * @param {File[]} given
     */
    async function take(given) {
        const brought = many ? given : given.slice(0, 1);
        const sent = [];
        lost = [];
        for (const [at, file] of brought.entries()) {
            reading = brought.length > 1 ? `Reading ${at + 1} of ${brought.length}` : "Reading the picture";
            draw();
            try {
                sent.push({ path: (await upload(file)).path, name: file.name });
            } catch {
                lost.push(`${file.name} did not arrive. Check the connection and try again.`);
            }
        }
        if (sent.length) tell.bring({ files: sent });
        else heard();
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

    panels.sources[owner] = take;
    onFacts(draw);
    watch("value", heard);
    draw();
}
