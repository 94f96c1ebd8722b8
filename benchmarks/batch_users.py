"""What eight people get who ask at the same time: all their pictures, over the bare pipeline that makes them in turn.

Both take the number of threads that is best for them.
"""

import json
import statistics
from contextlib import ExitStack

from benchmarks.base import Benchmark, Goal, Measured, Script, current
from benchmarks.overhead import bare
from studio.recipe import Recipe

ROUNDS = 3
USERS, EACH = 8, 3
PICTURES = USERS * EACH
# As torch and the studio choose by themselves, and one: a card computes with neither.
THREADS = {"own": None, "one": 1}


def measure() -> Measured:
    suite = current()
    numbers = THREADS if suite.device == "cpu" else {"own": None}
    with ExitStack() as stack:
        ways = {
            name: stack.enter_context(
                Script("bare_pictures", bare(suite.recipe), variables={"OMP_NUM_THREADS": str(count)} if count else {})
            )
            for name, count in numbers.items()
        }
        users = {
            name: stack.enter_context(Script("studio_users", crowd(recipes(), threads=count)))
            for name, count in numbers.items()
        }
        before: dict[str, list[float]] = {name: [] for name in numbers}
        between: dict[str, list[float]] = {name: [] for name in numbers}
        after: dict[str, list[float]] = {name: [] for name in numbers}
        for _ in range(suite.rounds(ROUNDS)):
            for name, way in ways.items():
                before[name].append(sum(way() for _ in range(PICTURES)))
            for name, way in users.items():
                between[name].append(way())
            for name, way in ways.items():
                after[name].append(sum(way() for _ in range(PICTURES)))
    alone = {name: statistics.median([*before[name], *after[name]]) for name in numbers}
    together = {name: statistics.median(between[name]) for name in numbers}
    best, quickest = min(alone, key=alone.__getitem__), min(together, key=together.__getitem__)
    return Measured(
        ratio=together[quickest] / alone[best],
        noise=abs(statistics.median(after[best]) / statistics.median(before[best]) - 1),
        details={
            "rounds": suite.rounds(ROUNDS),
            "pictures": PICTURES,
            "times_as_many": round(alone[best] / together[quickest], 3),
            **{f"bare_{name}_seconds": round(seconds, 3) for name, seconds in alone.items()},
            **{f"users_{name}_seconds": round(seconds, 3) for name, seconds in together.items()},
        },
    )


def recipes(count: int = PICTURES) -> list[Recipe]:
    """One picture after the other, each of its own seed."""
    return [current().recipe.replace(seed=number) for number in range(count)]


def crowd(wanted: list[Recipe], threads: int | None = None, side_by_side: int = USERS, **settings: object) -> str:
    """What the script of the users has to be told."""
    given = {"side_by_side": side_by_side, **({"threads": threads} if threads else {}), **settings}
    return json.dumps({"recipes": [json.loads(recipe.to_json()) for recipe in wanted], "settings": given})


BENCHMARK = Benchmark(
    "24 pictures of eight people at a time through the studio / the same one after the other by the bare pipeline, "
    "both at their best number of threads",
    0.59,
    0.71,
    measure,
    {"sd15": Goal(0.27, 0.40), "sdxl": Goal(0.50, 0.625)},
)
