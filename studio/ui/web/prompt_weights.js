// Ctrl and an arrow up or down weigh the chosen words, or the one at the cursor: (words:1.1).
import { target } from "./dom.js";
import { ids } from "./ids.js";

const NUMBER = String.raw`:\s*(-?\d*\.?\d+)\s*`;
const LORA = new RegExp(String.raw`<(?:lora|lyco):[^:<>]+${NUMBER}>`, "g");
const GROUP = new RegExp(String.raw`\(([^()]*?)${NUMBER}\)`, "g");
const WORD = /[^\s,()[\]{}<>|:]+/g;
const STEP = 0.1;
const LORA_STEP = 0.05;

document.addEventListener("keydown", (event) => {
    const entry = /** @type {HTMLTextAreaElement | null} */ (target(event));
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!by || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    if (!entry?.matches(`#${ids.field}prompt textarea, #${ids.field}negative_prompt textarea`)) return;
    event.preventDefault();
    weigh(entry, by);
});

/**
 * @param {RegExp} pattern
 * @param {string} text
 * @param {number} start
 * @param {number} end
 */
const around = (pattern, text, start, end) => [...text.matchAll(pattern)].find(({ index, 0: all }) => index <= start && end <= index + all.length);

/**
 * @param {HTMLTextAreaElement} entry
 * @param {number} by
 */
function weigh(entry, by) {
    const { value, selectionStart: start, selectionEnd: end } = entry;
    const lora = around(LORA, value, start, end);
    if (lora) {
        const number = String(sum(lora[1], by * LORA_STEP));
        const at = lora.index + lora[0].lastIndexOf(lora[1]);
        put(entry, at, at + lora[1].length, number, [at, at + number.length]);
        return;
    }
    const group = around(GROUP, value, start, end);
    const chosen = group ?? (start === end ? around(WORD, value, start, end) : trimmed(value, start, end));
    if (!chosen) return;
    const words = group ? group[1] : chosen[0];
    const weight = sum(group ? group[2] : 1, by * STEP);
    const text = weight === 1 ? words : `(${words}:${weight})`;
    const from = chosen.index + (weight === 1 ? 0 : 1);
    put(entry, chosen.index, chosen.index + chosen[0].length, text, [from, from + words.length]);
}

/**
 * @param {string | number} number
 * @param {number} by
 */
const sum = (number, by) => Math.max(-10, Math.min(10, Number((Number(number) + by).toFixed(2))));

/**
 * @param {any} value
 * @param {number} start
 * @param {number} end
 */
function trimmed(value, start, end) {
    const words = value.slice(start, end);
    const index = start + words.length - words.trimStart().length;
    return words.trim() ? { index, 0: words.trim() } : null;
}

/**
 * As if typed, so that the browser can undo it.
 * @param {HTMLTextAreaElement} entry
 * @param {number} start
 * @param {number} end
 * @param {string} text
 * @param {number[]} selection
 */
function put(entry, start, end, text, selection) {
    entry.setSelectionRange(start, end);
    if (!document.execCommand("insertText", false, text)) {
        entry.setRangeText(text, start, end);
        entry.dispatchEvent(new Event("input", { bubbles: true }));
    }
    entry.setSelectionRange(selection[0], selection[1]);
}
