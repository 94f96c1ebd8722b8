// Templates that change only what is different: lit-html, as the page's scripts use it.
export { html, nothing, render } from "./vendor/lit-html.js";
export { repeat } from "./vendor/directives/repeat.js";
