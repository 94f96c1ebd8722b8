// What its owner says of a picture of the library, and its small tree: what it came from and what was made from it.
import { icon } from "./icon.js";
import { menu } from "./menu.js";
import { html, nothing } from "./vendor/lit.js";

const RATINGS = [1, 2, 3, 4, 5];
/** @type {Record<string, string>} */
const ROLES = { init_image: "started from", mask_image: "its mask", mask_sketch: "its sketch", control: "its ControlNet picture", variation: "a variation" };

/**
 * `say` changes something of the picture, `visit` shows another one, `like` searches for such as are like it, in one of the `ways`.
 * @typedef {{ say: (act: "rate" | "tag" | "note" | "put" | "off", given: object, change: Partial<LibraryPicture>) => unknown, visit: (picture: LibraryPicture) => unknown,
 *     like: (how: "like" | "alike", picture: LibraryPicture) => unknown, ways: ["like" | "alike", string][], boards: LibraryBoard[], tags: string[] }} Sayings
 */

/**
 * @param {LibraryPicture} picture
 * @param {LibraryTree | null} tree
 * @param {Sayings} sayings
 */
export function libraryAbout(picture, tree, { say, visit, like, ways, boards, tags }) {
    const { rating, note } = picture;
    /** @param {number} value */
    const rate = (value) => say("rate", { rating: value === rating ? null : value }, { rating: value === rating ? null : value });
    return html`<section class="about-said"><h2>Rating</h2>
            <div class="about-rates" role="group" aria-label="Rating">${RATINGS.map((value) => html`<button type="button" aria-label=${`Rate ${value} of 5`} aria-pressed=${String((rating ?? 0) >= value)} @click=${() => rate(value)}>${icon("star")}</button>`)}</div>
            ${tagsOf(picture, tags, say)}${boardsOf(picture, boards, say)}
            <label class="about-note"><span>Note</span><textarea rows="2" .value=${note} @change=${(event) => say("note", { text: event.target.value }, { note: event.target.value })}></textarea></label>
            <div class="about-like">${menu({ face: "More like this", look: "plain" }, ways.filter(([how]) => how !== "like" || picture.prompt), (how) => like(how, picture))}</div></section>
        ${tree && (tree.sources.length || tree.results.length) ? html`<section class="about-tree">${branch("Came from", tree.sources, visit)}${branch("Made from it", tree.results, visit)}</section>` : nothing}`;
}

/**
 * @param {LibraryPicture} picture
 * @param {string[]} known
 * @param {Sayings["say"]} say
 */
function tagsOf({ tags }, known, say) {
    /** @param {any} event */
    const add = ({ target: entry }) => {
        const fresh = entry.value.split(",").map((/** @type {string} */ tag) => tag.trim()).filter((/** @type {string} */ tag) => tag && !tags.includes(tag));
        entry.value = "";
        if (fresh.length) say("tag", { add: fresh, remove: [] }, { tags: [...tags, ...fresh] });
    };
    return html`<h2>Tags</h2><div class="about-chips">${tags.map((tag) => chip(tag, () => say("tag", { add: [], remove: [tag] }, { tags: tags.filter((one) => one !== tag) })))}
        <input type="text" aria-label="Add tags" placeholder="Add a tag" list="library-tags" @change=${add}></div>
        <datalist id="library-tags">${known.map((tag) => html`<option value=${tag}></option>`)}</datalist>`;
}

/**
 * @param {LibraryPicture} picture
 * @param {LibraryBoard[]} boards
 * @param {Sayings["say"]} say
 */
function boardsOf({ boards: on }, boards, say) {
    const others = boards.filter(({ id }) => !on.includes(id));
    const named = boards.filter(({ id }) => on.includes(id));
    if (!boards.length) return nothing;
    return html`<h2>Boards</h2><div class="about-chips">${named.map(({ id, name }) => chip(name, () => say("off", { board: id }, { boards: on.filter((one) => one !== id) })))}
        ${others.length ? html`<select aria-label="Add to a board" @change=${(event) => { const id = event.target.value; event.target.value = ""; say("put", { board: id }, { boards: [...on, id] }); }}>
            <option value="">Add to a board</option>${others.map(({ id, name }) => html`<option value=${id}>${name}</option>`)}</select>` : nothing}</div>`;
}

/**
 * @param {string} words
 * @param {() => unknown} drop
 */
const chip = (words, drop) => html`<span class="about-chip">${words}<button type="button" aria-label=${`Remove ${words}`} @click=${drop}>${icon("remove")}</button></span>`;

/**
 * @param {string} title
 * @param {LibraryRelative[]} relatives
 * @param {Sayings["visit"]} visit
 */
const branch = (title, relatives, visit) => (relatives.length ? html`<h2>${title}</h2><ul>${relatives.map((relative) => leaf(relative, visit))}</ul>` : nothing);

/**
 * @param {LibraryRelative} relative
 * @param {Sayings["visit"]} visit
 */
function leaf({ role, depth, shown, picture }, visit) {
    const face = html`${shown ? html`<img src=${shown} alt="">` : html`<span class="library-blank"></span>`}<span>${ROLES[role] ?? role}</span>`;
    const style = `--depth: ${depth}`;
    return html`<li style=${style}>${picture ? html`<button type="button" class="about-leaf" aria-label=${`Show: ${picture.prompt || picture.name}`} @click=${() => visit(picture)}>${face}</button>` : html`<span class="about-leaf">${face}</span>`}</li>`;
}
