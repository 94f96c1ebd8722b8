// Limits and weights: what of each metric sorts candidates out, how much it counts, and how it goes with a person's picks.
import { nice } from "./candidate_card.js";
import { make } from "./dom.js";
import { icon } from "./icon.js";

/**
 * @param {any} metrics
 * @param {any} acts
 */
export function metricWeights(metrics, acts) {
    const { changed, learn, measure, close } = acts;
    /** @type {Map<string, any>} */
    const rows = new Map();
    /** @type {Told | null} */
    let agreed = null;

    const picked = make("p", { class: "quiet" });
    const follow = make("button", {
        type: "button", class: "plain", disabled: true, onclick: learn, title: "Weighs each metric as it goes with what you kept, rejected and rated",
    }, "Weigh by my picks");
    const anew = make("button", { type: "button", class: "plain anew", onclick: measure, title: "When what is missing has been put in place" }, "Measure again");
    const body = make("aside", { class: "board-side", hidden: true, "aria-label": "Limits and weights" },
        make("header", {}, make("h2", {}, "Limits and weights"), make("button", { type: "button", class: "tool", "aria-label": "Close", onclick: close }, icon("remove"))),
        make("p", { class: "quiet" }, "Scores sort out; they do not judge. Your own marks always win. A picture’s score is the mean of its places in this set, by these weights."),
        make("div", { class: "learns" }, picked, follow),
        ...metrics.map(row), anew);

    /** @param {any} given */
    function row({ name, label, help, cost, better, minimum, maximum, step, usual }) {
        const moved = () => { words(name); changed(); };
        /**
         * @param {any} told
         * @param {Attributes} more
         */
        const range = (told, more) => make("input", { type: "range", "aria-label": `${label}: ${told}`, oninput: moved, ...more });
        /** @type {Told} */
        const made = {
            better,
            weight: range("weight", { min: 0, max: 2, step: 0.1 }),
            limited: make("input", { type: "checkbox", "aria-label": `${label}: limit`, onchange: moved }),
            limit: range("limit at", { min: minimum, max: maximum, step, value: usual }),
            weighs: make("span", { class: "value" }), bounds: make("span", { class: "value" }),
            missing: make("p", { class: "quiet missing" }), agrees: make("p", { class: "quiet" }),
        };
        made.controls = make("div", { class: "metric-controls" },
            make("label", {}, make("span", {}, "Weight"), made.weight, made.weighs),
            make("div", {}, make("label", {}, made.limited, make("span", {}, "Limit")), made.limit, made.bounds));
        made.body = make("section", { class: "metric", title: `Costs ${cost}.` }, make("h3", {}, label), make("p", { class: "quiet" }, help), made.controls, made.agrees, made.missing);
        rows.set(name, made);
        return made.body;
    }

    /**
     * What the sliders of a metric say.
     * @param {string} name
     */
    function words(name) {
        const { better, weight, limited, limit, weighs, bounds } = rows.get(name);
        limit.disabled = !limited.checked;
        weighs.textContent = Number(weight.value).toFixed(1);
        bounds.textContent = limited.checked ? `${better === "lower" ? "at most" : "at least"} ${nice(Number(limit.value))}` : "no limit";
    }

    /** @param {any} given */
    function draw({ rules, missing, busy }) {
        anew.hidden = !Object.keys(missing).length;
        anew.disabled = busy;
        for (const [name, made] of rows) {
            const limit = rules.limits[name];
            // What is being moved is ahead of what is told.
            if (!made.body.contains(document.activeElement)) {
                made.weight.value = rules.weights[name];
                made.limited.checked = limit !== null;
                if (limit !== null) made.limit.value = limit;
            }
            made.missing.textContent = missing[name] ?? "";
            made.body.classList.toggle("absent", name in missing);
            made.controls.hidden = name in missing;
            const found = agreed?.metrics[name];
            made.agrees.textContent = found ? `Your picks: ${found[0].toFixed(2)} (${found[1].toFixed(2)} to ${found[2].toFixed(2)})` : "";
            words(name);
        }
    }

    /**
     * @param {any} found
     * @param {any} view
     */
    function agree(found, view) {
        agreed = found;
        picked.textContent = found.count < found.few
            ? `${found.count} of your picks so far; from ${found.few} on, it shows how far each metric goes with them.`
            : `From ${found.count} of your picks: 1 goes with them, 0 has nothing to do with them, −1 against; in brackets what chance leaves open.`;
        follow.disabled = found.count < found.few;
        draw(view);
    }

    /**
     * Limits and weights as they stand here, of metrics that are there.
     * @param {any} given
     */
    function read({ limits, weights }) {
        const told = { limits: { ...limits }, weights: { ...weights } };
        for (const [name, made] of rows) {
            if (body.hidden || made.controls.hidden) continue;
            told.limits[name] = made.limited.checked ? Number(made.limit.value) : null;
            told.weights[name] = Number(made.weight.value);
        }
        return told;
    }

    return { body, draw, agree, read };
}
