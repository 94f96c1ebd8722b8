// Files and folders that are dropped, pasted or chosen, brought into the library one after the other.
import { make } from "./dom.js";

const AT_ONCE = 8;
const PICTURE = /\.(png|jpe?g|webp|gif|bmp|tiff?|avif|heic|heif)$/i;

/**
 * All pictures in what was dropped, also within folders.
 * @param {DataTransfer} data
 */
export async function filesIn(data) {
    const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry !== null && entry !== undefined);
    if (!entries.length) return [...data.files].filter(isPicture);
    const found = await Promise.all(entries.map(within));
    return found.flat().filter(isPicture);
}

/** @param {File} file */
const isPicture = ({ name, type }) => type.startsWith("image/") || PICTURE.test(name);

/**
 * @param {FileSystemEntry} entry
 * @returns {Promise<File[]>}
 */
async function within(entry) {
    if (entry.isFile) return [await new Promise((resolve, reject) => { /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject); })];
    const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
    /** @type {FileSystemEntry[]} */
    const entries = [];
    // A reader gives a hundred at a time.
    for (let some = await read(reader); some.length; some = await read(reader)) entries.push(...some);
    return (await Promise.all(entries.map(within))).flat();
}

/**
 * @param {FileSystemDirectoryReader} reader
 * @returns {Promise<FileSystemEntry[]>}
 */
const read = (reader) => new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });

/**
 * @param {boolean} folder
 * @param {(files: File[]) => unknown} chosen
 */
export function chooseFiles(folder, chosen) {
    const entry = make("input", { type: "file", multiple: true, accept: folder ? null : "image/*", webkitdirectory: folder, onchange: () => { chosen([...entry.files ?? []].filter(isPicture)); } });
    entry.click();
}

/**
 * Sends files a few at a time, so that a folder of large ones fills the memory of neither side; returns what could not be had.
 * @param {File[]} files
 * @param {{ upload: Upload, bring: (files: object[]) => Promise<Answer<LibraryImported>>, told: (words: string) => unknown }} way
 */
export async function importFiles(files, { upload, bring, told }) {
    const sum = { added: 0, known: 0, ids: /** @type {string[]} */ ([]), faults: /** @type {string[]} */ ([]) };
    for (let at = 0; at < files.length; at += AT_ONCE) {
        told(`Importing ${at + 1} of ${files.length}`);
        const sent = await Promise.all(files.slice(at, at + AT_ONCE).map(async (file) => {
            try {
                return { path: (await upload(file)).path, name: file.name };
            } catch {
                sum.faults.push(`${file.name} did not arrive.`);
                return null;
            }
        }));
        const arrived = sent.filter((one) => one !== null);
        const answer = arrived.length ? await bring(arrived) : { added: 0, known: 0, ids: [], faults: [] };
        if (answer.fault !== undefined) return { ...sum, faults: [...sum.faults, answer.fault] };
        sum.added += answer.added;
        sum.known += answer.known;
        sum.ids.push(...answer.ids);
        sum.faults.push(...answer.faults);
    }
    return sum;
}
