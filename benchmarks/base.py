"""The contract of a benchmark, and how two things are compared on a machine that others use too.

Both sides run in one session, in the order reference, candidate, reference, so that a drift of the machine falls on
both. The two halves of the reference, held against each other, tell how much of a ratio is noise.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Measured:
    """What one benchmark found.

    `ratio` is candidate over reference; `noise` is how far the reference is from itself (0.02: two percent), None
    where nothing random is measured; `details` are the figures behind it, with their unit in the name.
    """

    ratio: float
    noise: float | None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Benchmark:
    """One ratio: what it compares in a sentence, the goal, what is accepted, and the function that measures it."""

    compares: str
    goal: float
    accept: float
    measure: Callable[[], Measured]

    def verdict(self, measured: Measured) -> str:
        """How it went; noise larger than the margin between accept and 1, or the goal, makes it no result.

        Where the noise is larger than the goal itself, the goal cannot be shown to be reached.
        """
        if measured.noise is not None and measured.noise > max(abs(self.accept - 1), self.accept - self.goal, 0.02):
            return "no result: the machine is too noisy"
        if measured.ratio <= self.goal and (measured.noise or 0) <= self.goal:
            return "goal reached"
        return "accepted" if measured.ratio <= self.accept else "missed"


def compare(
    reference: Callable[[], float],
    candidate: Callable[[], float],
    rounds: int,
    estimate: Callable[[Sequence[float]], float] = statistics.median,
) -> Measured:
    """Run reference, candidate, reference `rounds` times, each returning its seconds; `estimate` sums up each side."""
    before, between, after = [], [], []
    for _ in range(rounds):
        before.append(reference())
        between.append(candidate())
        after.append(reference())
    return Measured(
        ratio=estimate(between) / estimate([*before, *after]),
        noise=abs(estimate(after) / estimate(before) - 1),
        details={
            "estimate": estimate.__name__,
            "rounds": rounds,
            "reference_seconds": round(estimate([*before, *after]), 4),
            "candidate_seconds": round(estimate(between), 4),
        },
    )
