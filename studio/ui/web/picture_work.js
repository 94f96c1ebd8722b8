// What is done with one picture beside drawing: made again and compared, its steps shown, saved in another form.
import { saveAs } from "./download.js";
import { panels } from "./panels.js";

/** @typedef {{ replay: WorkBegun, film: WorkBegun, news: WorkNews, save: SavedPicture, eject: SavedPicture }} WorkActs */

/** What the menu of a picture offers, by what is asked for. */
export const WORK = [["replay", "Make again and compare"], ["film", "Show its steps"], ["webp", "Download as WebP"], ["jpeg", "Download as JPEG"], ["cut", "Download without its background"], ["bare", "Download without its recipe"], ["eject", "As a diffusers script"]];

/** @param {Island<null, null, WorkActs>} island */
export function mount({ server }) {
    panels.work = async (what, picture) => {
        const { openEject, openWork, sayFault } = await import("./work_dialog.js");
        if (what === "eject") return openEject(server, picture);
        if (what === "replay" || what === "film") return openWork(server, what, picture);
        const answer = await server.save({ ...picture.which, format: what === "bare" || what === "cut" ? "png" : what, recipe: what !== "bare", cut_out: what === "cut" });
        if (answer.fault === undefined) saveAs(answer.name, answer.data);
        else sayFault(answer.fault);
    };
}
