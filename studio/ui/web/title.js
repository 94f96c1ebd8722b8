// What the browser's tab says: how far the job is, in its title and its icon.
import { make } from "./dom.js";

const RING = 2 * Math.PI * 9;
let shown = "";

/**
 * @param {string} title
 * @param {number | null} fraction
 */
export function showProgress(title, fraction) {
    const now = `${title} ${fraction?.toFixed(2)}`;
    if (now === shown) return;
    shown = now;
    document.title = title ? `${title} · Image Studio` : "Image Studio";
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1e1e1e"/>${arc(fraction)}</svg>`;
    /** @type {HTMLLinkElement | null} */
    let link = document.querySelector("link[rel~=icon]");
    if (!link) document.head.append((link = make("link", { rel: "icon" })));
    link.type = "image/svg+xml";
    link.href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** @param {number | null} fraction */
const arc = (fraction) => (fraction === null
    ? `<circle cx="16" cy="16" r="9" fill="none" stroke="#78a6f5" stroke-width="4"/>`
    : `<circle cx="16" cy="16" r="9" fill="none" stroke="#5c5c5c" stroke-width="4"/>
       <circle cx="16" cy="16" r="9" fill="none" stroke="#78a6f5" stroke-width="4"
           stroke-dasharray="${(RING * fraction).toFixed(1)} ${RING.toFixed(1)}" transform="rotate(-90 16 16)"/>`);
