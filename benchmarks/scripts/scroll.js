// How long each place in sight of the library's wall is empty, and how long a colour stands for its picture, frame by frame.
window.scrolling = (() => {
    const wall = document.querySelector(".library-wall");
    /** Since when a place is empty, and since when it has no picture, in milliseconds. */
    let [empty, waiting] = [new Map(), new Map()];
    let most = { blank: 0, colour: 0, frame: 0 };
    let before = 0;
    let isOn = false;

    /** How a cell's place is filled: by nothing, a colour, or the picture. */
    function state(cell) {
        if (!cell) return 0;
        const image = cell.querySelector("img");
        if (image?.complete && image.naturalWidth) return 2;
        const coloured = cell.style.background || (image ?? cell.querySelector(".library-tint"))?.style.background;
        return coloured ? 1 : 0;
    }

    function note(known, place, isSo, from, now, name) {
        if (isSo && !known.has(place)) known.set(place, from);
        if (known.has(place)) most[name] = Math.max(most[name], now - known.get(place));
        if (!isSo) known.delete(place);
    }

    function look(now) {
        if (!isOn) return;
        const [first, second] = wall.querySelectorAll(".library-cell");
        const side = first.offsetWidth;
        const gap = 8;
        const columns = Math.max(1, Math.round((wall.clientWidth - gap) / (side + gap)));
        const row = side + gap;
        const count = Number(second.getAttribute("aria-setsize"));
        const from = Math.max(0, Math.floor((wall.scrollTop - gap) / row)) * columns;
        const to = Math.min(count, Math.ceil((wall.scrollTop + wall.clientHeight - gap) / row) * columns);
        const seen = new Set();
        for (let place = from; place < to; place += 1) {
            seen.add(place);
            const is = state(document.getElementById(`library-${place}`));
            note(empty, place, is === 0, before, now, "blank");
            note(waiting, place, is === 1, before, now, "colour");
        }
        for (const known of [empty, waiting]) for (const place of known.keys()) if (!seen.has(place)) known.delete(place);
        most.frame = Math.max(most.frame, now - before);
        before = now;
        requestAnimationFrame(after);
    }

    // Behind what the page itself draws in the frame.
    const after = () => setTimeout(() => look(performance.now()));
    const rest = (/** @type {number} */ time) => new Promise((done) => { setTimeout(done, time); });
    const frame = () => new Promise((done) => { requestAnimationFrame(done); });

    return {
        begin() {
            [empty, waiting] = [new Map(), new Map()];
            most = { blank: 0, colour: 0, frame: 0 };
            before = performance.now();
            if (!isOn) requestAnimationFrame(after);
            isOn = true;
        },
        end() {
            isOn = false;
            return Object.fromEntries(Object.entries(most).map(([name, time]) => [name, time / 1000]));
        },
        /** To places far from each other, resting at each. */
        async jump(times, time) {
            const height = wall.scrollHeight - wall.clientHeight;
            for (let at = 0; at < times; at += 1) {
                wall.scrollTop = height * ((at * 0.618) % 1);
                await rest(time);
            }
        },
        /** From the first to the last and back, in as many milliseconds each. */
        async sweep(time) {
            const height = wall.scrollHeight - wall.clientHeight;
            for (const back of [false, true]) {
                const begun = performance.now();
                for (let share = 0; share < 1;) {
                    share = Math.min(1, (performance.now() - begun) / time);
                    wall.scrollTop = height * (back ? 1 - share : share);
                    await frame();
                }
            }
        },
    };
})();
