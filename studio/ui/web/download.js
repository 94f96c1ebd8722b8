// A file of these bytes, in base64, as a download.
import { make } from "./dom.js";

/**
 * @param {string} name
 * @param {string} data
 */
export function saveAs(name, data) {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const url = URL.createObjectURL(new Blob([bytes]));
    make("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
