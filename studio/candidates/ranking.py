"""From scores to ranks, verdicts and their reasons; and how far the metrics go with a person's own picks.

Scores triage: they put what is likely to be thrown away last. A person's mark always wins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import atanh, floor, sqrt, tanh
from typing import Literal

from studio.metrics import METRICS
from studio.metrics.base import Metric
from studio.placing import Scores, places, totals

# With fewer picks, a correlation says nothing.
FEW = 12
SURE = 1.96


@dataclass(frozen=True)
class Filter:
    """What is kept: each metric's limit and weight (those of the metric itself unless told), and how many at all.

    `keep` is the number of the best that are kept, `reject_share` the share of the worst that is not. With `race`,
    those that fall behind while they are made are not made to their end.
    """

    limits: Mapping[str, float | None] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    keep: int | None = None
    reject_share: float | None = None
    race: bool = False

    def limit(self, name: str) -> float | None:
        """Where a metric's limit is."""
        return self.limits.get(name, METRICS[name].limit)

    def weight(self, name: str) -> float:
        """A metric's part in the ranking."""
        return self.weights.get(name, METRICS[name].weight)


@dataclass(frozen=True)
class Rating:
    """What a person said of a picture; a star keeps it too. `rating` is from 1 to 5."""

    verdict: Literal["keep", "reject"] | None = None
    star: bool = False
    rating: int | None = None

    @property
    def value(self) -> int | None:
        """How much it was liked, from -2 to 2; None where nothing was said."""
        if self.rating is not None:
            return self.rating - 3
        if self.verdict == "reject":
            return -2
        return 2 if self.star else 1 if self.verdict == "keep" else None


@dataclass(frozen=True)
class Decision:
    """Whether a picture is kept and why not; `score` from 0 to 1, `rank` from 1, both None before it was measured."""

    kept: bool
    reason: str
    rank: int | None
    score: float | None


@dataclass(frozen=True)
class Agreement:
    """The rank correlation of a metric with a person's picks, and between which values chance leaves it."""

    correlation: float
    low: float
    high: float


def judge(scores: Sequence[Scores], marks: Sequence[Rating], rules: Filter) -> list[Decision]:
    """The verdict on each picture of a set; its score is as `placing.totals` has it, weighted by the filter."""
    of_set = totals(scores, rules.weight)
    measured = [at for at, total in enumerate(of_set) if total is not None]
    order = sorted(measured, key=lambda at: -(of_set[at] or 0.0))
    ranks = {at: rank for rank, at in enumerate(order, start=1)}
    faults = [_fault(found, rules) for found in scores]
    spared = _spared(order, marks, faults, rules)
    return [
        Decision(*_verdict(mark, fault, at in spared, ranks.get(at), len(order), rules), ranks.get(at), of_set[at])
        for at, (mark, fault) in enumerate(zip(marks, faults, strict=True))
    ]


def agreement(sets: Sequence[tuple[Sequence[Scores], Sequence[Rating]]]) -> tuple[int, dict[str, Agreement]]:
    """How many picks a person made in these sets, and how each metric goes with them; nothing where they are too few.

    Each picture counts by its places within its own set, since prompts do not compare.
    """
    picks: dict[str, list[tuple[float, int]]] = {}
    count = 0
    for scores, marks in sets:
        count += sum(mark.value is not None for mark in marks)
        for name in METRICS:
            placed = zip(places(scores, name), marks, strict=True)
            picks.setdefault(name, []).extend(
                (place, mark.value) for place, mark in placed if place is not None and mark.value is not None
            )
    found = {name: _correlation(pairs) for name, pairs in picks.items()}
    return count, {name: one for name, one in found.items() if one}


def learned(agreements: Mapping[str, Agreement]) -> dict[str, float]:
    """Weights by which the ranking follows a person's picks; empty where no metric clearly goes with them."""
    clear = {name: round(one.correlation, 2) for name, one in agreements.items() if one.low > 0}
    return {name: clear.get(name, 0.0) for name in METRICS} if clear else {}


def _fault(found: Scores, rules: Filter) -> str:
    """In what a picture is beyond a limit; empty where in nothing."""
    for name, score in found.items():
        metric, limit = METRICS[name], rules.limit(name)
        if limit is not None and metric.fails(score, limit):
            return _beyond(metric, score, limit)
    return ""


def _beyond(metric: Metric, score: float, limit: float) -> str:
    if metric.step == metric.maximum - metric.minimum:  # it says yes or no
        return metric.fault
    return f"{metric.fault}: {score:.3g} {'<' if metric.better == 'higher' else '>'} {limit:.3g}"


def _spared(order: Sequence[int], marks: Sequence[Rating], faults: Sequence[str], rules: Filter) -> set[int]:
    """Those that are among the best; a person's own picks come before."""
    room = _room(len(order), rules)
    kept = [at for at in order if _is_kept(marks[at])]
    rest = [at for at in order if at not in kept and not faults[at] and marks[at].verdict != "reject"]
    return {*kept, *rest[: max(0, room - len(kept))]}


def _room(measured: int, rules: Filter) -> int:
    if rules.keep is not None:
        return rules.keep
    return measured - floor((rules.reject_share or 0.0) * measured)


def _is_kept(mark: Rating) -> bool:
    return mark.verdict == "keep" or (mark.star and mark.verdict != "reject")


def _verdict(
    mark: Rating, fault: str, spared: bool, rank: int | None, measured: int, rules: Filter
) -> tuple[bool, str]:
    if mark.verdict == "reject":
        return False, "rejected by you"
    if _is_kept(mark):
        return True, "kept by you"
    if fault or rank is None or spared:
        return not fault, fault
    return False, f"rank {rank} of {measured}: {_crowded_out(rank, rules)}"


def _crowded_out(rank: int, rules: Filter) -> str:
    if rules.keep is None:
        return f"among the worst {100 * (rules.reject_share or 0):.3g} %"
    # A person's own picks come first.
    return f"others have the {rules.keep} places" if rank <= rules.keep else f"not among the best {rules.keep}"


def _correlation(pairs: Sequence[tuple[float, int]]) -> Agreement | None:
    """Spearman's, with Fisher's interval; None where there are too few picks or all are alike."""
    if len(pairs) < FEW or any(len(set(column)) < 2 for column in zip(*pairs, strict=True)):
        return None
    from scipy.stats import spearmanr

    found = float(spearmanr(*zip(*pairs, strict=True)).statistic)
    middle, reach = atanh(max(-0.999, min(0.999, found))), SURE / sqrt(len(pairs) - 3)
    return Agreement(found, tanh(middle - reach), tanh(middle + reach))
