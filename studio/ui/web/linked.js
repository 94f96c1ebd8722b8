// A sentence with the addresses in it to click on.
import { html } from "./vendor/lit.js";

const ADDRESS = /(https?:\/\/[^\s()]*[^\s().,;:])/;

/** @param {string} words */
export const linked = (words) => words.split(ADDRESS).map((part, at) => (at % 2 ? html`<a href=${part} target="_blank" rel="noopener">${part}</a>` : part));
