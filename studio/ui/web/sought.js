// The way into the Library from elsewhere: what is to be searched for there, also before that tab was ever open.
import { part } from "./dom.js";
import { ids } from "./ids.js";

/** @type {((term: string) => void) | null} */
let listener = null;
let wanted = "";

/**
 * Shows the pictures of a search.
 * @param {string} term
 */
export function seek(term) {
    if (listener) listener(term);
    else wanted = term;
    part(document, `#${ids.tabs} [role=tab][data-tab-id=library]`).click();
}

/** @param {(term: string) => void} search */
export function onSought(search) {
    listener = search;
    if (wanted) search(wanted);
    wanted = "";
}
