// Where a browser keeps nothing of this page, even a look at its storage is an error: here it lasts as long as the page.
for (const name of /** @type {const} */ (["localStorage", "sessionStorage"])) {
    try {
        void window[name];
    } catch {
        /** @type {Map<string, string>} */
        const kept = new Map();
        /** @type {Pick<Storage, "getItem" | "setItem" | "removeItem" | "clear">} */
        const storage = {
            getItem: (key) => kept.get(key) ?? null,
            setItem: (key, value) => void kept.set(key, String(value)),
            removeItem: (key) => void kept.delete(key),
            clear: () => kept.clear(),
        };
        Object.defineProperty(window, name, { value: storage });
    }
}

// While Gradio waits for something it counts the seconds in every frame, and for the page itself it goes on when that is there: once a second will do.
const COUNTS = /^\(\) *=> *\{[^}]*\(performance\.now\(\) *-/;
const frame = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (act) => (COUNTS.test(String(act)) ? window.setTimeout(() => frame(act), 1000) : frame(act));

// Gradio clones whatever its components hold, value by value, whenever one of them changes: what is no object is its own clone, and a function has none.
const clone = window.structuredClone.bind(window);
const UNCLONED = new DOMException("A function cannot be cloned.", "DataCloneError");
window.structuredClone = (value, options) => {
    if (typeof value === "function") throw UNCLONED;
    return Object(value) === value ? clone(value, options) : value;
};

// Gradio draws the first tab until it is told which one was chosen last, which has another shape: until that is there, its place is empty.
const chosen = location.hash.slice(1) || /"tab":"(\w+)"/.exec(localStorage.getItem("image-studio-kept") ?? "")?.[1];
if (chosen && chosen !== "FIRST") document.documentElement.dataset.turning = chosen;
/** @param {number} by How many parts of the page are being drawn. */
const count = (by) => { document.documentElement.dataset.mounting = String(Number(document.documentElement.dataset.mounting ?? 0) + by); };

// What the page says where nothing comes back, wherever it asks.
const LOST = { fault: "The studio did not answer. Check the connection and try again." };
/** @param {Record<string, (asked: object) => Promise<any>>} server */
const answering = (server) => new Proxy(server, { get: (acts, name) => async (/** @type {object} */ asked = {}) => (await acts[String(name)](asked).catch(() => null)) ?? LOST });

// The page's one global: a module by its name, mounted where it is given an element. Gradio's own strings begin here.
window.studio = async (name, island) => {
    let module;
    if (island) count(1);
    try {
        module = await import(new URL(`studio/web/VERSION/${name}.js`, document.baseURI).href);
        if (island) await module.mount({ ...island, server: answering(island.server) });
    } catch (error) {
        if (island && !module) island.element.textContent = "This part of the page did not arrive. Reload the page.";
        throw error;
    } finally {
        if (island) count(-1);
    }
    return module;
};
