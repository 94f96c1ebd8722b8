// The chosen tab's place in the address: the browser's Back and Forward walk the tabs.

// What the address said when it was last written or followed. Where it says another thing by now, the browser has
// walked, and the tab that it walked to is about to be chosen.
let followed = location.hash.slice(1);

/** The tab that the address names; none where it names none. */
export const addressed = () => location.hash.slice(1);

/**
 * Called when a tab was chosen on the page.
 * @param {string} tab
 */
export function write(tab) {
    if (tab === followed || addressed() !== followed) return;
    const address = new URL(location.href);
    address.hash = tab;
    history[followed ? "pushState" : "replaceState"](history.state, "", address);
    followed = tab;
}

/** @param {(tab: string) => void} choose */
export const onWalk = (choose) => addEventListener("hashchange", () => {
    followed = addressed();
    choose(followed);
});
