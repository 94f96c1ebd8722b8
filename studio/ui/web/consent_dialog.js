// Asks before gigabytes are downloaded; what was wanted goes on with a yes.
import { host, make } from "./dom.js";
import { again } from "./form.js";
import { html, render } from "./vendor/lit.js";

/**
 * @param {Fault} fault
 * @param {Server<{ agree: {} }>} server
 */
export function askConsent({ message }, server) {
    let wrong = "";
    const dialog = make("dialog", { class: "sheet consent", "aria-label": "Download", onclose: () => { dialog.remove(); } });
    draw();
    host().append(dialog);
    dialog.showModal();

    function draw() {
        render(html`<h2>Download first?</h2><p>${message}</p><p class="quiet">The picture is made as soon as the download is complete. You can follow or cancel it in the Models tab.</p>
            <p class="wrong" role="alert">${wrong}</p>
            <form method="dialog"><button type="button" class="plain model-yes" @click=${agree}>Download and make it</button><button class="plain">Cancel</button></form>`, dialog);
    }

    async function agree() {
        const answer = await server.agree();
        wrong = answer.fault ?? "";
        if (wrong) return draw();
        dialog.close();
        again();
    }
}
