// What is known of pictures, and what their owner does with each: gives it a star, puts it into the bin, takes it back.
import { panels } from "./panels.js";

/** @typedef {{ star?: boolean, binned?: boolean }} Marked */

/** @param {(picture: Picture, change: Marked) => unknown} changed */
export function pictureMarks(changed) {
    /** @type {Map<string, PictureDetails>} */
    const known = new Map();
    // Stars that were given or taken here: an answer that was on its way meanwhile knows nothing of them.
    /** @type {Map<string, { on: boolean, isStored: boolean }>} */
    const stars = new Map();
    /** @type {Set<string>} */
    const binned = new Set();

    /**
     * @param {"details" | "star" | "bin" | "restore"} act
     * @param {Picture} picture
     * @param {object} [more]
     */
    const ask = async (act, picture, more = {}) => panels.gallery?.server[act]({ ...picture.which, ...more });

    /** @param {Picture} picture */
    const isStarred = (picture) => stars.get(picture.key)?.on ?? known.get(picture.key)?.star ?? Boolean(/** @type {Partial<LibraryPicture>} */ (picture).star);
    /** @param {Picture} picture */
    const can = (picture) => Boolean(picture.which?.stored || picture.which?.job);

    return {
        /** @param {Picture} picture */
        of: (picture) => known.get(picture.key) ?? null,
        /** Whether its owner can do something with it: it is in the library. */
        can,
        isStarred,
        /** @param {Picture} picture */
        isBinned: (picture) => binned.has(picture.key),
        /**
         * Asks for what is known of a picture, each time it is seen: its star may be given elsewhere, too.
         * @param {Picture} picture
         */
        async learn(picture) {
            if (!can(picture)) return;
            const star = stars.get(picture.key);
            const wasStored = star?.isStored;
            const told = /** @type {Answer<PictureDetails> | undefined} */ (await ask("details", picture));
            if (!told || told.fault !== undefined) return;
            known.set(picture.key, told);
            if (wasStored && star === stars.get(picture.key)) stars.delete(picture.key);
        },
        /**
         * Gives a star or takes it, which shows at once; returns what went wrong.
         * @param {Picture} picture
         */
        async star(picture) {
            const star = { on: !isStarred(picture), isStored: false };
            stars.set(picture.key, star);
            const told = await ask("star", picture, { on: star.on });
            if (told?.fault !== undefined) {
                if (star === stars.get(picture.key)) stars.delete(picture.key);
                return told.fault;
            }
            star.isStored = true;
            changed(picture, { star: star.on });
            return "";
        },
        /**
         * @param {Picture} picture
         * @param {boolean} on
         */
        async bin(picture, on) {
            const told = await ask(on ? "bin" : "restore", picture);
            if (told?.fault !== undefined) return told.fault;
            if (on) binned.add(picture.key);
            else binned.delete(picture.key);
            changed(picture, { binned: on });
            return "";
        },
    };
}
