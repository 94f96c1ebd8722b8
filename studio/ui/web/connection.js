// Where the studio does not answer, that is said in the studio's words instead of Gradio's, which loads the page anew when it is back.
import { make, part } from "./dom.js";

// How Gradio's own notice of it begins.
const LOST = /Connection to the server was lost/;
const WORDS = "The studio is not answering. What you wrote is kept, and this page continues as soon as the studio is back.";

/** Says so at the top of the page, as long as it is so. */
export function watchConnection() {
    const toasts = part(document, ".gradio-container .toast-wrap");
    const notice = make("p", { class: "lost", role: "alert", hidden: true });
    toasts.before(notice);
    new MutationObserver(() => {
        const lost = LOST.test(toasts.textContent);
        if (lost === !notice.hidden) return;
        toasts.classList.toggle("unseen", lost);
        notice.hidden = !lost;
        // An alert is read out when its words come.
        notice.textContent = lost ? WORDS : "";
    }).observe(toasts, { childList: true, subtree: true });
}
