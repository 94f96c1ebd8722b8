"""What many candidates cost: a set of nine, measured and ranked, over one picture of the bare pipeline."""

from benchmarks.base import Benchmark, Measured, Script, compare_scripts
from benchmarks.overhead import RECIPE, bare

ROUNDS = 5
CANDIDATES = 9


def measure() -> Measured:
    request = RECIPE.replace(count=CANDIDATES).to_json()
    with Script("bare_pictures", bare(RECIPE)) as one, Script("studio_candidates", request) as nine:
        return compare_scripts(one, nine, ROUNDS)


BENCHMARK = Benchmark("nine candidates, measured and ranked / one picture of the bare pipeline", 8.2, 8.2, measure)
