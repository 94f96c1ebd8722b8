// The handles that stand in a menu at the end of the strip, and the chosen tab's place in the address.
import { onWalk } from "./address.js";
import { make, part, parts } from "./dom.js";
import { onFacts } from "./form.js";
import { ids } from "./ids.js";
import { menu } from "./menu.js";
import { render } from "./vendor/lit.js";

/** @typedef {{ id: string, group: string, label: string }} GroupedTab */

/** @param {string} id */
const handle = (id) => parts(document, `#${ids.tabs} [role=tab]`).find(({ dataset }) => dataset.tabId === id);

/** @param {string} id */
function choose(id) {
    // An address may name anything.
    if (!handle(id)) return;
    // A handle from the menu takes no focus before it is drawn: the form gives it to that one where nothing has it.
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    handle(id)?.click();
    handle(id)?.focus();
}

/** @param {Island<null, GroupedTab[]>} island */
export function mount({ data }) {
    const place = make("div", { class: "more-tabs" });
    const groups = Object.entries(Object.groupBy(data, ({ group }) => group));
    const choices = groups.flatMap(([title, tabs = []]) => [[title], ...tabs.map(({ id, label }) => [id, label])]);
    render(menu({ face: "Other tabs", look: "more-tabs-open" }, choices, choose), place);
    // By the first facts, Gradio has drawn its tabs.
    onFacts(() => {
        if (place.isConnected) return;
        part(document, `#${ids.tabs} .tab-wrapper`).append(place);
    });
    onWalk(choose);
}
