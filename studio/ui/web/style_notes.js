// What the chosen styles and negative prompts say, below their fields.
import { field } from "./dom.js";
import { note, onValues, value } from "./form.js";

const WORDS = ["styles", "negative_presets"];

/** @param {Ask} server */
export function styleNotes(server) {
    let told = JSON.stringify(WORDS.map(() => []));
    onValues(async () => {
        const names = WORDS.map((name) => value(name) ?? []);
        const now = JSON.stringify(names);
        if (now === told) return;
        told = now;
        const words = names.flat().length ? await server.words(Object.fromEntries(WORDS.map((name, at) => [name, names[at]]))) : {};
        if (now === told && words && !words.fault) WORDS.forEach((name) => note(field(name), words[name] ?? ""));
    });
}
