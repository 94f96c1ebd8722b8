// What is asked for before there is a set, or beside the one that is shown: a prompt, how many pictures, and how long that takes.
import { exampleCards } from "./examples.js";
import { facts, maker } from "./form.js";
import { html, live, nothing } from "./vendor/lit.js";

// As many are proposed.
export const USUAL = 8;
export const RACE = "Scores the pictures while they are made and drops those that fall behind: little more than half of the steps";
// A set of one has nothing to be ranked against.
const LEAST = 2;

/**
 * What is written here; `base` is the recipe of a picture that more are to be made of, else empty, and then the form says the rest.
 * @typedef {{ base: string, prompt: string, count: number, race: boolean, fault: string }} Composed
 */

/**
 * @param {Composed} draft
 * @param {NoCandidates | null} told
 * @param {boolean} races whether they can be raced here
 * @param {{ write: (change: Partial<Composed>) => void, make: () => void, back: (() => void) | null }} acts
 */
export function candidateComposer({ base, prompt, count, race, fault }, told, races, { write, make, back }) {
    const form = facts();
    const seconds = told?.seconds[form?.model.id ?? ""] ?? 0;
    const price = form?.tabs[maker()]?.price;
    /** @param {any} event */
    const submit = (event) => {
        event.preventDefault();
        make();
    };
    return html`<form class="composer" @submit=${submit}>
        <h2>Candidates</h2>
        <p class="summary">Many pictures of one prompt, measured and ranked as they come, so that the few worth keeping are found fast.</p>
        <label class="composer-field"><span>Prompt</span><textarea name="composed" rows="3" maxlength="200000" placeholder="Describe the picture" aria-invalid=${fault ? "true" : nothing} aria-describedby="composer-fault"
            .value=${prompt} @input=${(event) => write({ prompt: event.target.value, fault: "" })}></textarea></label>
        <p class="fault" id="composer-fault" role="alert">${fault}</p>
        <p class="quiet">${base ? "All other settings come from the picture." : `Model, size and all other settings come from the form: ${form?.model.name ?? ""}.`}</p>
        <div class="composer-row"><label class="tool-field"><span>Pictures</span><input name="count" type="number" min=${LEAST} max=${told?.most ?? nothing} step="1" required .value=${String(count)} @input=${(event) => write({ count: Number(event.target.value) })}></label>
            <label class="tool-field" ?hidden=${!races} title=${RACE}><input name="race" type="checkbox" .checked=${live(race)} @change=${(event) => write({ race: event.target.checked })}><span>Race</span></label>
            <output class="quiet">${[!base && seconds ? `about ${lasting(seconds * count)}` : "", !base && price ? price : ""].filter(Boolean).join(" · ")}</output></div>
        <div class="composer-row"><button class="primary">${count >= LEAST ? `Make ${count} candidates` : "Make candidates"}</button>
            ${back ? html`<button type="button" class="plain" @click=${back}>Back to the candidates</button>` : nothing}</div>
        ${prompt ? nothing : exampleCards(({ prompt }) => write({ prompt, fault: "" }))}
    </form>`;
}

/**
 * How long something takes, in words.
 * @param {number} seconds
 */
export const lasting = (seconds) => (seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`);
