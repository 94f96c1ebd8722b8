"""How long people wait who come one after the other, at nine tenths of what the studio can make one at a time."""

import random
import statistics

from benchmarks.base import Benchmark, Goal, Measured, Script, current
from benchmarks.batch_users import crowd
from studio.recipe import Recipe

ROUNDS = 1
# Of few, nobody has waited long before the last has come: of 40, one who had a card to himself would wait 0.45 times as
# long as in the line of all.
PICTURES = 240
LOAD = 0.9
STEPS = (8, 50)


def measure() -> Measured:
    return measure_beside("wait_p95")


def measure_beside(figure: str) -> Measured:
    """The ratio of a figure of people who come at random: pictures side by side over one at a time."""
    wanted = mixed()
    before, between, after = [], [], []
    with (
        Script("studio_users", crowd(wanted, side_by_side=1)) as alone,
        Script("studio_users", crowd(wanted)) as together,
    ):
        gap = round(1000 * alone() / PICTURES / LOAD)
        for _ in range(ROUNDS):
            before.append(alone.figures(gap)[figure])
            between.append(together.figures(gap)[figure])
            after.append(alone.figures(gap)[figure])
    one_at_a_time = statistics.median([*before, *after])
    return Measured(
        ratio=statistics.median(between) / one_at_a_time,
        noise=abs(statistics.median(after) / statistics.median(before) - 1),
        details={
            "rounds": ROUNDS,
            "pictures": PICTURES,
            "mean_gap_ms": gap,
            "one_at_a_time_seconds": round(one_at_a_time, 3),
            "side_by_side_seconds": round(statistics.median(between), 3),
        },
    )


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
