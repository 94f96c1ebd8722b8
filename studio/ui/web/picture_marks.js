// What is known of pictures, and what their owner does with each: gives it a star, puts it into the bin, takes it back.
import { panels } from "./panels.js";

/** @typedef {{ star?: boolean, binned?: boolean }} Marked */

/** @param {(picture: Picture, change: Marked) => unknown} changed */
export function pictureMarks(changed) {
    /** @type {Map<string, PictureDetails>} */
    const known = new Map();
    /** @type {Set<string>} */
    const binned = new Set();

    /**
     * @param {"details" | "star" | "bin" | "restore"} act
     * @param {Picture} picture
     * @param {object} [more]
     */
    const ask = async (act, picture, more = {}) => panels.gallery?.server[act]({ ...picture.which, ...more });

    /** @param {Picture} picture */
    const isStarred = (picture) => known.get(picture.key)?.star ?? Boolean(/** @type {Partial<LibraryPicture>} */ (picture).star);

    return {
        /** @param {Picture} picture */
        of: (picture) => known.get(picture.key) ?? null,
        /** Whether its owner can do something with it: it is in the library. @param {Picture} picture */
        can: (picture) => Boolean(picture.which?.stored || picture.which?.job),
        isStarred,
        /** @param {Picture} picture */
        isBinned: (picture) => binned.has(picture.key),
        /**
         * Asks for what is known of a picture, once.
         * @param {Picture} picture
         */
        async learn(picture) {
            if (known.has(picture.key) || !(picture.which?.stored || picture.which?.job)) return;
            const told = /** @type {Answer<PictureDetails> | undefined} */ (await ask("details", picture));
            if (told && told.fault === undefined) known.set(picture.key, told);
        },
        /** @param {Picture} picture */
        async star(picture) {
            const on = !isStarred(picture);
            const told = await ask("star", picture, { on });
            if (told?.fault !== undefined) return told.fault;
            const details = known.get(picture.key);
            if (details) details.star = on;
            changed(picture, { star: on });
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
