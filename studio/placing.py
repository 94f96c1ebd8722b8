"""Where the pictures of a set stand by what metrics say of them, from the worst of the set to its best."""

from collections.abc import Callable, Mapping, Sequence

from studio.metrics import METRICS

Scores = Mapping[str, float]


def totals(scores: Sequence[Scores], weight: Callable[[str], float]) -> list[float | None]:
    """The score of each picture of a set, from 0 to 1; None where nothing was measured.

    It is the mean of its metrics' places in the set: sum(w * z) / sum(w), where z goes from 0, the worst of the set, to
    1, the best: (x - min) / (max - min), or 1 minus that where lower is better; 0.5 where all are the same. A metric
    that says nothing of a picture is left out of its mean.
    """
    columns = [places(scores, name) for name in METRICS]
    weights = [weight(name) for name in METRICS]
    return [_mean([column[at] for column in columns], weights) for at in range(len(scores))]


def places(scores: Sequence[Scores], name: str) -> list[float | None]:
    """Where each picture stands in the set by one metric, from 0, the worst, to 1."""
    known = [found[name] for found in scores if name in found]
    if not known:
        return [None for _ in scores]
    low, high = min(known), max(known)
    turned = METRICS[name].better == "lower"

    def place(score: float) -> float:
        at = (score - low) / (high - low) if high > low else 0.5
        return 1 - at if turned else at

    return [place(found[name]) if name in found else None for found in scores]


def _mean(of: Sequence[float | None], weights: Sequence[float]) -> float | None:
    weighted = [(place, weight) for place, weight in zip(of, weights, strict=True) if place is not None]
    if not weighted:
        return None
    whole = sum(weight for _, weight in weighted)
    return sum(place * weight for place, weight in weighted) / whole if whole else 0.5
