// In which order candidates stand, which of them are shown, and the number that says why.
import { nice } from "./candidate_card.js";

/**
 * @param {CandidatesView} view
 * @param {{ sort: string, shows: string }} look
 * @param {Metric[]} metrics
 */
export function ordered(view, { sort, shows }, metrics) {
    const shown = sorted(view, sort, metrics).filter((cell) => shows === "all" || cell.kept === (shows === "kept"));
    return [...shown, ...(shows === "all" ? view.coming : []), ...(shows === "kept" ? [] : view.dropped)];
}

/**
 * @param {CandidatesView} view
 * @param {string} sort
 * @param {Metric[]} metrics
 */
function sorted({ cells, making }, sort, metrics) {
    // Nothing moves while pictures still come.
    if (sort === "made" || making) return cells;
    const lower = metrics.find(({ name }) => name === sort)?.better === "lower";
    /** @param {Candidate | LostCandidate} cell */
    const key = ({ rank, mark, scores }) => (sort === "rank" ? -(rank ?? Infinity) : sort === "mine" ? liked(mark) : (lower ? -1 : 1) * (scores[sort] ?? (lower ? Infinity : -Infinity)));
    return cells.toSorted((a, b) => key(b) - key(a) || a.number - b.number);
}

/** @param {CandidateMark} mark */
const liked = ({ star, rating, verdict }) => (star ? 100 : 0) + (rating ?? 0) * 10 + (verdict === "keep" ? 5 : verdict === "reject" ? -5 : 0);

/**
 * The number that a picture is sorted by, in words; its score where that is none.
 * @param {Candidate | LostCandidate | ComingCandidate | DroppedCandidate} cell
 * @param {string} sort
 * @param {Metric[]} metrics
 */
export function scored(cell, sort, metrics) {
    if (!("scores" in cell)) return "";
    const by = metrics.find(({ name }) => name === sort && name in cell.scores);
    return by ? `${by.label} ${nice(cell.scores[by.name])}` : typeof cell.score === "number" ? `score ${cell.score.toFixed(2)}` : "";
}
