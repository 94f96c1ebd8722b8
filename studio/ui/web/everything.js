// What one comes from, and behind it everything else that was made, the newest first.

const PAGE = 60;

/**
 * @param {() => Picture[]} all
 * @param {Server<{ search: LibraryPage }>} server
 */
export function everythingBehind(all, server) {
    /** @type {Picture[]} */
    let rest = [];
    let total = 0;
    let asked = 0;

    /** Brings some more; whether there were any. */
    async function more() {
        const answer = await server.search({ query: "", order: "newest", start: asked, count: PAGE });
        if (answer.fault !== undefined || !answer.pictures.length) return false;
        const known = new Set([...all(), ...rest].map(({ id }) => id));
        rest.push(...answer.pictures.filter(({ id }) => !known.has(id)));
        asked += answer.pictures.length;
        ({ total } = answer);
        return true;
    }

    const both = () => [...all(), ...rest];
    return {
        count: () => Math.max(all().length + rest.length, total),
        /** @param {number} place */
        at: (place) => both()[place],
        /** @param {string} key */
        place: (key) => both().findIndex((picture) => picture.key === key),
        /** @param {number} place */
        async bring(place) {
            while (both().length <= place && await more());
        },
        /** Pictures may have come since. */
        begin() {
            [rest, total, asked] = [[], 0, 0];
            return more();
        },
    };
}
