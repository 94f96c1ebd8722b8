// The device in the status line; its dialog is fetched when it is first opened.
import { target } from "./dom.js";
import { keepLooking } from "./status.js";

/** @param {Island<string, null, import("./memory_dialog.js").MemoryActs>} island */
export function mount({ element, server, watch, tell }) {
    keepLooking(element, watch, tell);
    element.addEventListener("click", async (event) => {
        if (target(event)?.closest(".memory-open")) (await import("./memory_dialog.js")).openMemory(server);
    });
}
