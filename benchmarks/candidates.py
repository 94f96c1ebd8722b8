"""What many candidates cost: a set of nine, measured and ranked, over one picture of the bare pipeline."""

from benchmarks.base import Benchmark, Goal, Measured, Script, compare_scripts, current
from benchmarks.overhead import bare

ROUNDS = 5
CANDIDATES = 9


def measure() -> Measured:
    recipe = current().recipe
    request = recipe.replace(count=CANDIDATES).to_json()
    with Script("bare_pictures", bare(recipe)) as one, Script("studio_candidates", request) as nine:
        return compare_scripts(one, nine, current().rounds(ROUNDS))


BENCHMARK = Benchmark(
    "nine candidates, measured and ranked / one picture of the bare pipeline",
    8.2,
    8.2,
    measure,
    {"sd15": Goal(4.3, 5.5)},
)
