// What is copied from the page, and in words whether that went well.
import { make } from "./dom.js";

const REFUSED = "The browser did not allow the page to copy. ";

/**
 * @param {string} text
 * @param {string} what
 */
export async function copyText(text, what) {
    try {
        await navigator.clipboard.writeText(text);
    } catch {
        // Where the page is not served by https nor by this machine, browsers have no other way.
        const held = /** @type {HTMLElement | null} */ (document.activeElement);
        const entry = make("textarea", { readonly: true, class: "unseen" });
        entry.value = text;
        (document.querySelector("dialog[open]") ?? document.body).append(entry);
        entry.select();
        const copied = document.execCommand("copy");
        entry.remove();
        held?.focus();
        if (!copied) return `${REFUSED}Select the text and copy it by hand.`;
    }
    return `${what} copied.`;
}

/**
 * A picture as PNG, which is what other programs take.
 * @param {string} address
 */
export async function copyPicture(address) {
    try {
        const picture = fetch(address).then((answer) => answer.blob()).then(asPng);
        await navigator.clipboard.write([new ClipboardItem({ "image/png": picture })]);
    } catch {
        return `${REFUSED}Download the picture instead.`;
    }
    return "Picture copied.";
}

/** @param {Blob} blob */
async function asPng(blob) {
    if (blob.type === "image/png") return blob;
    const bitmap = await createImageBitmap(blob);
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
    return canvas.convertToBlob({ type: "image/png" });
}
