// What a set is asked, one thing after the other; a filter that is still waiting is replaced by the next.

/**
 * What an act answers beside the set: the picture whose mark is undone, or how metrics go with one's picks.
 * @typedef {CandidatesView & { undone?: number | null, agreement?: Agreement }} Answered
 */

/**
 * `heard` is told each answer, with the set that was asked; `done` the last of them.
 * @param {Server<Record<string, Answered>>} server
 * @param {{ heard: (answer: Answered, act: string, set: string) => void, done: (answer: Answer<Answered>) => void }} listener
 */
export function askingInTurn(server, { heard, done }) {
    /** @type {{ act: string, given: { set: string } }[]} */
    let waiting = [];
    let busy = false;

    async function pump() {
        busy = true;
        /** @type {Answer<Answered> | null} */
        let answer = null;
        for (let next = waiting.shift(); next; next = waiting.shift()) {
            answer = await server[next.act](next.given);
            if (answer.fault === undefined) heard(answer, next.act, next.given.set);
        }
        busy = false;
        if (answer) done(answer);
    }

    return {
        get busy() { return busy; },
        /**
         * @param {string} act
         * @param {{ set: string }} given
         */
        ask(act, given) {
            waiting = waiting.filter((one) => act !== "sift" || one.act !== "sift");
            waiting.push({ act, given });
            if (!busy) pump();
        },
    };
}
