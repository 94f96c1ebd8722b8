// One candidate as a card: its picture and rank; below it keep, star and reject, why it is out, and what it is sorted by.
import { make } from "./dom.js";
import { icon } from "./icon.js";

// A score as it is shown.
export const nice = (value) => Number(value.toPrecision(3));

// Keep, star, reject and the rating of a picture; `alone` where keys reach its buttons one by one.
export function triage(cell, mark, alone = false) {
    const act = (name, label, pressed, key, given) => make("button", {
        type: "button", class: `triage-${name}`, tabindex: alone ? null : "-1", "aria-label": label, title: `${label} (${key})`, "aria-pressed": String(pressed), onclick: () => mark(cell.number, given),
    }, icon(name));
    const { verdict, star, rating } = cell.mark;
    const rates = [1, 2, 3, 4, 5].map((stars) => make("button", {
        type: "button", title: `Rate ${stars} of 5 (${stars})`, "aria-pressed": String(rating === stars), onclick: () => mark(cell.number, { rating: stars }),
    }, String(stars)));
    return make("div", { class: "triage" },
        act("keep", "Keep", verdict === "keep", "K", { verdict: "keep" }),
        act("star", "Star", star, "S", { star: !star }),
        act("remove", "Reject", verdict === "reject", "R", { verdict: "reject" }),
        alone ? make("span", { class: "rates", role: "group", "aria-label": "Rating" }, ...rates)
            : make("span", { class: "rating", "aria-label": rating ? `Rated ${rating} of 5` : null, title: "Rate with 1 to 5" }, rating ? `${rating}/5` : ""));
}

// `draw` tells the cell, whether it is `picked`, the `value` it is sorted by, all `scores` in words, and the `source` shown.
export function candidateCard(number, { mark, pick, look, point }) {
    const image = make("img", { alt: "", draggable: "false" });
    const open = make("button", { type: "button", class: "look", tabindex: "-1", onfocus: () => point(number, false), onclick: () => look(number) }, image);
    const rank = make("span", { class: "rank" });
    const picked = make("button", { type: "button", class: "pick", tabindex: "-1", "aria-label": "Pick to compare", title: "Pick to compare (space)", onclick: () => pick(number) }, icon("compare"));
    const foot = make("figcaption");
    const figure = make("figure", { class: "candidate", "data-number": number }, make("div", { class: "frame" }, open, rank, picked), foot);
    let before = "";

    function draw(cell, told) {
        const now = JSON.stringify([cell, told]);
        if (now === before) return;
        before = now;
        figure.style.setProperty("--aspect", cell.width ? `${cell.width} / ${cell.height}` : "1");
        image.hidden = !told.source;
        if (told.source && image.getAttribute("src") !== told.source) image.src = told.source;
        figure.classList.toggle("coming", !cell.mark);
        figure.classList.toggle("out", Boolean(cell.mark) && !cell.kept);
        open.disabled = !cell.mark || Boolean(cell.gone);
        picked.hidden = open.disabled;
        picked.setAttribute("aria-pressed", String(told.picked));
        rank.textContent = cell.rank ?? "";
        if (!cell.mark) return;
        const why = cell.gone ? "The file is gone" : cell.reason || (cell.measured ? "" : "Measuring");
        open.setAttribute("aria-label", `${cell.kept ? "Kept" : "Rejected"}${cell.reason ? `, ${cell.reason}` : ""}. Rank ${cell.rank ?? "open"}, seed ${cell.seed}`);
        foot.replaceChildren(triage(cell, mark),
            make("div", { class: "verdict", title: told.scores }, make("p", { class: "why" }, why), make("span", { class: "quiet" }, told.value)));
    }

    return { figure, look: open, draw };
}
