// Which pictures of the library are selected: one by one, from one to another, or all that a search finds.

/**
 * @param {ReturnType<typeof import("./library_pages.js").libraryPages>} pages
 * @param {Server<{ ids: LibraryIds }>} server
 * @param {() => unknown} changed
 * @param {() => number} most As many can be selected at once.
 */
export function librarySelection(pages, server, changed, most) {
    /** @type {Set<string>} */
    let selected = new Set();
    // Where a range begins, and what was selected before it.
    /** @type {number | null} */
    let anchor = null;
    /** @type {Set<string>} */
    let before = new Set();

    /**
     * @param {number} place
     * @param {"one" | "range" | "toggle"} how
     */
    function choose(place, how) {
        if (how === "range" && anchor !== null) return range(anchor, place);
        const id = pages.at(place)?.id;
        if (!id) return;
        if (how === "one") selected.add(id);
        else if (!selected.delete(id)) selected.add(id);
        anchor = place;
        before = new Set(selected);
        changed();
    }

    /**
     * @param {number} from
     * @param {number} to
     */
    async function range(from, to) {
        const [start, count] = [Math.min(from, to), Math.min(most(), Math.abs(to - from) + 1)];
        const known = Array.from({ length: count }, (_, at) => pages.at(start + at)?.id ?? "");
        const ids = known.includes("") ? await asked(start, count) : known;
        selected = new Set([...before, ...ids]);
        changed();
    }

    /**
     * @param {number} start
     * @param {number} count
     */
    async function asked(start, count) {
        const answer = await server.ids({ ...pages.asked(), start, count });
        return answer.fault === undefined ? answer.ids : [];
    }

    return {
        choose,
        /** Whether no more can be selected. */
        isFull: () => selected.size >= most(),
        /** @param {string} id */
        has: (id) => selected.has(id),
        size: () => selected.size,
        ids: () => [...selected],
        async all() {
            selected = new Set(await asked(0, Math.min(pages.count(), most())));
            changed();
        },
        clear() {
            if (!selected.size) return;
            selected = new Set();
            anchor = null;
            before = new Set();
            changed();
        },
    };
}
