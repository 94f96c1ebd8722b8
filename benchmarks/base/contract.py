"""The contract of a benchmark: one ratio, what is wanted of it, and how it went."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from benchmarks.base.suites import STARTER


class Goal(NamedTuple):
    """The ratio that is aimed at, and the one that is accepted."""

    goal: float
    accept: float


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
    """One ratio: what it compares in a sentence, the goal, what is accepted, and the function that measures it.

    Those are of the embedded model, or of the `suite` named; `others` has those of further suites that it is of use in.
    """

    compares: str
    goal: float
    accept: float
    measure: Callable[[], Measured]
    others: Mapping[str, Goal] = field(default_factory=dict)
    suite: str = STARTER

    @property
    def goals(self) -> dict[str, Goal]:
        """What is wanted, by suite."""
        return {self.suite: Goal(self.goal, self.accept), **self.others}

    def verdict(self, measured: Measured, suite: str = "") -> str:
        """How it went; noise larger than the margin between accept and 1, or the goal, makes it no result.

        Where the noise is larger than the goal itself, the goal cannot be shown to be reached.
        """
        goal, accept = self.goals[suite or self.suite]
        if measured.noise is not None and measured.noise > max(abs(accept - 1), accept - goal, 0.02):
            return "no result: the machine is too noisy"
        if measured.ratio <= goal and (measured.noise or 0) <= goal:
            return "goal reached"
        return "accepted" if measured.ratio <= accept else "missed"
