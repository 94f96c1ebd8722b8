"""What many candidates cost: a set of nine, measured and ranked, over one picture."""

import itertools
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.base import Benchmark, Measured, compare
from benchmarks.overhead import RECIPE, Timed, through_the_studio
from studio.settings import Settings
from studio.studio import Studio

ROUNDS = 5
CANDIDATES = 9


def measure() -> Measured:
    # No seed twice.
    seeds = itertools.count(100, CANDIDATES)
    with tempfile.TemporaryDirectory() as home, Studio(Settings.load(home=Path(home))) as studio:
        one = Timed(lambda: through_the_studio(studio, RECIPE.replace(seed=next(seeds))))
        nine = Timed(lambda: whole_set(studio, seeds))
        for warming in (one, nine):
            warming()
        measured = compare(one, nine, ROUNDS)
        # Others on the machine lengthen the wall time of a side by chance, but hardly its own work.
        cpu_ratio = statistics.median(nine.cpu_seconds[1:]) / statistics.median(one.cpu_seconds[1:])
        return replace(measured, details=measured.details | {"cpu_ratio": round(cpu_ratio, 3)})


def whole_set(studio: Studio, seeds: Iterator[int]) -> None:
    """Begin a set, and wait until all of it is made and measured."""
    recipe = RECIPE.replace(seed=next(seeds), count=CANDIDATES)
    set_id, serial = studio.candidates.begin([recipe], "bench"), -1
    while studio.candidates.busy(studio.candidates.get(set_id, "bench")):
        serial = studio.candidates.news(serial)


BENCHMARK = Benchmark("nine candidates, measured and ranked / one picture", 8.2, 8.2, measure)
