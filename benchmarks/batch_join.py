"""How soon one who comes takes part while seven pictures are being made, in steps."""

from benchmarks.base import Benchmark, Goal, Measured, Script, current
from benchmarks.batch_users import crowd

ROUNDS = 8
# Pictures that are far from done when one comes or goes.
STEPS = 60


def measure() -> Measured:
    return measure_beside("joins")


def measure_beside(figure: str) -> Measured:
    """How many steps another picture made meanwhile, on average."""
    long = current().recipe.replace(steps=STEPS)
    with Script("studio_users", crowd([long.replace(seed=number) for number in range(2)])) as users:
        steps = [users.figures(-1)[figure] for _ in range(ROUNDS)]
    return Measured(sum(steps) / ROUNDS, None, {"rounds": ROUNDS, "most_steps": max(steps)})


BENCHMARK = Benchmark(
    "steps of another picture from asking for one to its first step / one step, seven being made",
    1.5,
    2,
    measure,
    {"sd15": Goal(1.5, 2)},
)
