// Where memory went: the device and the computer as bars, what is loaded, and a button that gives it all back.
import { keepingFocus } from "./dom.js";
import { drawerHead, openDrawer } from "./drawer.js";
import { html, nothing, render } from "./vendor/lit.js";

/** How often is asked while it is open, in milliseconds. */
const ASK = 2000;

/** @typedef {{ look: MemoryLook, free: Freed }} MemoryActs */

/** @param {number} bytes */
const size = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`);

/** @param {Server<MemoryActs>} server */
export function openMemory(server) {
    /** @type {Memory | null} */
    let memory = null;
    let line = "Looking…";
    const { dialog, again } = openDrawer({ name: "memory", label: "Memory", every: ASK, look });

    async function look() {
        const answer = await server.look();
        if (answer.fault !== undefined) line = answer.fault;
        else {
            memory = answer.memory;
            if (line === "Looking…") line = "";
        }
        draw();
    }

    async function free() {
        line = "Freeing…";
        draw();
        const answer = await server.free();
        line = answer.fault ?? `${size(answer.freed)} of weights freed. What is needed next will be loaded again.`;
        await again();
    }

    function draw() {
        keepingFocus(() => render(html`${drawerHead("Memory")}
            ${memory ? body(memory) : nothing}
            <p class="memory-line" role="status">${line}</p>`, dialog));
    }

    /** @param {Memory} memory */
    function body({ device, device_bytes, device_free, ram_bytes, ram_free, held, may_free }) {
        const weights = held.reduce((sum, one) => sum + one.device_bytes, 0);
        return html`${bar(device, device_bytes, device_free, weights)}
            ${ram_bytes === null || ram_free === null ? nothing : bar("The computer’s memory", ram_bytes, ram_free, held.reduce((sum, one) => sum + one.ram_bytes, 0))}
            <h3>Loaded</h3>
            ${held.length ? html`<ul class="memory-held">${held.map(thing)}</ul>` : html`<p class="note">Nothing is loaded.</p>`}
            ${may_free ? html`<button type="button" class="plain memory-free" ?disabled=${!held.length} @click=${free}>Free memory now</button>` : nothing}`;
    }

    /**
     * @param {string} name
     * @param {number} total
     * @param {number} free
     * @param {number} weights
     */
    function bar(name, total, free, weights) {
        const used = total - free;
        const words = `${size(used)} of ${size(total)} used, ${size(weights)} of it by what is loaded`;
        return html`<div class="memory-of"><p class="memory-name">${name}</p>
            <div class="memory-whole" role="img" aria-label=${words} style=${`--used: ${used / total}; --weights: ${weights / total}`}><i></i><b></b></div><p class="note">${words}</p></div>`;
    }

    /** @param {HeldThing} thing */
    const thing = ({ kind, name, device_bytes, ram_bytes, in_use, how }) => html`<li><p class="memory-name">${name || kind}</p>
        <p class="note">${[name ? kind : "", device_bytes ? size(device_bytes) : "", ram_bytes ? `${size(ram_bytes)} beside the device` : "", in_use ? "in use" : "", how].filter(Boolean).join(" · ")}</p></li>`;

    draw();
    again();
}
