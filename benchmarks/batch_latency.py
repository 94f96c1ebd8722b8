"""How long people wait who come one after the other, at nine tenths of what the studio can make one at a time."""

import random
import statistics
from collections.abc import Mapping
from functools import cache

from benchmarks.base import Benchmark, Goal, Measured, Script, current
from benchmarks.batch_users import crowd
from studio.recipe import Recipe

# Of few, nobody has waited long before the last has come: of 40, one who had a card to himself would wait 0.45 times as
# long as in the line of all.
PICTURES = 240
LOAD = 0.9
STEPS = (8, 50)

Figures = Mapping[str, float]


def measure() -> Measured:
    return measure_beside("wait_p95")


def measure_beside(figure: str) -> Measured:
    """The ratio of a figure of people who come at random: pictures side by side over one at a time."""
    before, between, after, gap = rounds(current().to_json())
    one_at_a_time = statistics.median([before[figure], after[figure]])
    return Measured(
        ratio=between[figure] / one_at_a_time,
        noise=abs(after[figure] / before[figure] - 1),
        details={
            "pictures": PICTURES,
            "mean_gap_ms": gap,
            "one_at_a_time_seconds": round(one_at_a_time, 3),
            "side_by_side_seconds": round(between[figure], 3),
        },
    )


@cache
def rounds(suite: str) -> tuple[Figures, Figures, Figures, int]:  # noqa: ARG001 - the scripts draw with it
    """What people saw one at a time, side by side, and one at a time again, and the gap between them in milliseconds.

    It takes long, so benchmarks that are measured in one go share it.
    """
    wanted = mixed()
    with (
        Script("studio_users", crowd(wanted, side_by_side=1)) as alone,
        Script("studio_users", crowd(wanted)) as together,
    ):
        gap = round(1000 * alone() / PICTURES / LOAD)
        return alone.figures(gap), together.figures(gap), alone.figures(gap), gap


def mixed() -> list[Recipe]:
    """Pictures of few and many steps."""
    steps = random.Random(1)
    return [current().recipe.replace(seed=number, steps=steps.randint(*STEPS)) for number in range(PICTURES)]


BENCHMARK = Benchmark(
    "the 95th percentile of the wait at 0.9 load, side by side / one at a time",
    0.20,
    0.35,
    measure,
    {"sd15": Goal(0.20, 0.35)},
)
