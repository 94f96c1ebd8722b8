// The pictures that a search of the library finds: a page at a time as they are wanted, kept for a while, seen by their place.

// Pictures of a page, pages that are kept, how many are asked for at once, and how many ahead of where one scrolls to.
const PAGE = 60;
const KEPT = 120;
// Colours that are asked for at once: those of all pictures come, page for page of them, so that no place is ever empty.
const TINTS = 10_000;
const AT_ONCE = 2;
const AHEAD = 3;

/**
 * @typedef {{ search: LibraryPage, tints: LibraryTints }} PageActs
 * @typedef {{ query: string, order: string }} Asked
 */

/**
 * `heard` is told each page that came, `failed` what is wrong with a search.
 * @param {Server<PageActs>} server
 * @param {{ heard: (page: LibraryPage) => unknown, failed: (fault: string) => unknown }} listener
 */
export function libraryPages(server, { heard, failed }) {
    /** @type {Asked} */
    let asked = { query: "", order: "newest" };
    /** @type {number | null} */
    let total = null;
    // What was asked last counts: answers to what was asked before come too late.
    let serial = 0;
    /** @type {Map<number, LibraryPicture[]>} */
    let pages = new Map();
    // What was known before all is asked anew is shown until that has come.
    /** @type {Map<number, LibraryPicture[]>} */
    let before = new Map();
    /** @type {Map<number, Promise<unknown>>} */
    const coming = new Map();
    /** @type {number[]} */
    let waiting = [];
    /** @type {Set<number>} */
    let urgent = new Set();
    let [top, way] = [0, 1];
    // Where one looks, from which the nearest colours are wanted first.
    let here = 0;
    /** @type {Map<number, Uint8Array>} */
    const tints = new Map();
    /** @type {Set<number>} */
    let fresh = new Set();
    let isTinting = false;

    /** Fetches the colours that are not there yet, those of where one is first. */
    async function colour() {
        if (isTinting) return;
        isTinting = true;
        for (let number = lacking(); number >= 0; number = lacking()) {
            const of = serial;
            const answer = await server.tints({ ...asked, start: number * TINTS, count: TINTS });
            if (of !== serial) continue;
            fresh.add(number);
            if (answer.fault !== undefined) break;
            tints.set(number, Uint8Array.from(atob(answer.rgb), (sign) => sign.charCodeAt(0)));
        }
        isTinting = false;
    }

    function lacking() {
        const middle = Math.floor(here / TINTS);
        const all = Array.from({ length: Math.ceil((total ?? 0) / TINTS) }, (_, number) => number);
        // What only changed its places is asked for anew where one is.
        const wanted = all.filter((number) => (Math.abs(number - middle) <= 1 ? !fresh.has(number) : !tints.has(number)));
        return wanted.sort((one, other) => Math.abs(one - middle) - Math.abs(other - middle))[0] ?? -1;
    }

    /** @param {number} place */
    function tint(place) {
        const at = 3 * (place % TINTS);
        const known = tints.get(Math.floor(place / TINTS))?.subarray(at, at + 3);
        return known?.length === 3 ? `rgb(${known.join(" ")})` : "";
    }

    /** @param {number} number */
    function load(number) {
        if (pages.has(number)) return Promise.resolve();
        const under = coming.get(number);
        if (under) return under;
        const of = serial;
        const loading = server.search({ ...asked, start: number * PAGE, count: PAGE }).then((answer) => {
            if (of !== serial) return;
            coming.delete(number);
            if (answer.fault === undefined) take(number, answer);
            else failed(answer.fault);
            next();
        });
        coming.set(number, loading);
        return loading;
    }

    /**
     * @param {number} number
     * @param {LibraryPage} page
     */
    function take(number, page) {
        ({ total } = page);
        pages.set(number, page.pictures);
        const oldest = pages.keys().next().value;
        if (pages.size > KEPT && oldest !== undefined) pages.delete(oldest);
        if (!coming.size && !waiting.length) before = new Map();
        heard(page);
        colour();
    }

    // What is seen comes first, and what may be seen next when that is there.
    function next() {
        while (waiting.length && coming.size < (urgent.has(waiting[0]) ? AT_ONCE : 1)) load(/** @type {number} */ (waiting.shift()));
    }

    /**
     * Asks for all between two places, then for what comes next that way, and for no others any more that are not on their way.
     * @param {number} first
     * @param {number} last
     */
    function want(first, last) {
        here = first;
        if (first !== top) [top, way] = [first, Math.sign(first - top)];
        const [from, to] = [Math.max(0, Math.floor(first / PAGE)), Math.floor(Math.max(0, last) / PAGE)];
        const seen = Array.from({ length: to - from + 1 }, (_, at) => from + at);
        const ahead = Array.from({ length: AHEAD }, (_, at) => (way > 0 ? to + 1 + at : from - 1 - at));
        const end = Math.ceil((total ?? 0) / PAGE);
        urgent = new Set(seen);
        if (total) colour();
        waiting = [...seen, ...ahead.filter((number) => number >= 0 && number < end)].filter((number) => !pages.has(number) && !coming.has(number));
        next();
    }

    /** @param {boolean} keeping */
    function anew(keeping) {
        serial += 1;
        before = keeping ? new Map([...before, ...pages]) : new Map();
        fresh = new Set();
        if (!keeping) tints.clear();
        pages = new Map();
        coming.clear();
        waiting = [];
    }

    /** @param {number} place */
    const at = (place) => (pages.get(Math.floor(place / PAGE)) ?? before.get(Math.floor(place / PAGE)))?.[place % PAGE];

    /** @param {string} id */
    function place(id) {
        for (const known of [pages, before]) {
            for (const [number, pictures] of known) {
                const found = pictures.findIndex((picture) => picture.id === id);
                if (found >= 0) return number * PAGE + found;
            }
        }
        return -1;
    }

    return {
        asked: () => asked,
        total: () => total,
        count: () => total ?? 0,
        at,
        tint,
        place,
        want,
        /**
         * Colours of here are needed first, and no pictures yet.
         * @param {number} first
         */
        near(first) {
            here = first;
            if (total) colour();
        },
        /** @param {number} place */
        bring: (place) => load(Math.floor(place / PAGE)),
        /** @param {Partial<Asked>} wanted */
        search(wanted) {
            asked = { ...asked, ...wanted };
            anew(false);
            return load(0);
        },
        /**
         * Asks anew for what is shown between two places.
         * @param {number} first
         * @param {number} last
         */
        renew(first, last) {
            anew(true);
            want(first, last);
        },
        /**
         * What is known of a picture is otherwise now.
         * @param {string} id
         * @param {Partial<LibraryPicture>} change
         */
        change(id, change) {
            const picture = at(place(id));
            if (picture) Object.assign(picture, change);
        },
    };
}
