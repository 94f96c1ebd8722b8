"""What it costs to keep a model off the card between its turns, over keeping it there."""

from benchmarks.base import Benchmark, Measured, Script, compare_scripts, current
from benchmarks.overhead import through

ROUNDS = 5


def measure() -> Measured:
    recipe = current().recipe
    with (
        Script("studio_pictures", through(recipe, offload="none")) as resident,
        Script("studio_pictures", through(recipe, offload="model")) as offloaded,
    ):
        return compare_scripts(resident, offloaded, current().rounds(ROUNDS))


BENCHMARK = Benchmark(
    "an image by a model that is kept off the card between its turns / by one that is kept there",
    1.15,
    1.3,
    measure,
    suite="sdxl",
)
