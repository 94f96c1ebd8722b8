// The queue's button in the header; its dialog is fetched when it is first opened.
import { part } from "./dom.js";

/** @param {Island<null, null, import("./queue_dialog.js").QueueActs>} island */
export function mount({ element, server }) {
    part(element, ".queue-open").addEventListener("click", async () => (await import("./queue_dialog.js")).openQueue(server));
}
