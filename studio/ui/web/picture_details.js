// All that a picture tells of itself, to be read and copied: its prompts, each setting, how it was made, its file.
import { copyText } from "./clipboard.js";
import { icon } from "./icon.js";
import { pictureFacts } from "./picture.js";
import { html, nothing } from "./vendor/lit.js";

/**
 * `details` is null as long as they are on their way; `said` is told what became of a copy.
 * @param {Picture} picture
 * @param {PictureDetails | null} details
 * @param {(words: string) => unknown} said
 * @param {Part} [more] what else is known of it where it is shown
 */
export function pictureDetails(picture, details, said, more = nothing) {
    /**
     * @param {string} text
     * @param {string} what
     */
    const copy = (text, what) => html`<button type="button" class="copy" aria-label=${`Copy: ${what}`} title="Copy" @click=${async () => said(await copyText(text, what))}>${icon("copy")}</button>`;
    /**
     * @param {string} title
     * @param {string} text
     */
    const prompt = (title, text) => html`<section><h2>${title}${copy(text, title)}</h2><p class="details-prompt">${text}</p></section>`;
    /** @param {SettingLine} line */
    const row = ({ label, value }) => html`<div><dt>${label}</dt><dd><span>${value}</span>${copy(value, label)}</dd></div>`;
    return html`${picture.check.length ? html`<p class="details-check">${picture.check[1]}</p>` : nothing}
        ${picture.prompt ? prompt("Prompt", picture.prompt) : nothing}
        ${picture.negative ? prompt("Negative prompt", picture.negative) : nothing}
        ${more}
        ${details ? html`${details.recipe ? html`<div class="details-whole">
                <button type="button" class="plain" @click=${async () => said(await copyText(details.infotext, "All settings"))}>Copy all settings</button>
                <button type="button" class="plain" @click=${async () => said(await copyText(details.recipe, "The recipe"))}>Copy as JSON</button></div>` : nothing}
            ${details.groups.map(({ title, lines }) => html`<section><h2>${title}</h2><dl>${lines.map(row)}</dl></section>`)}`
        : html`${pictureFacts(picture)}${[picture.how, picture.loras].filter(Boolean).map((line) => html`<p class="quiet">${line}</p>`)}`}`;
}
