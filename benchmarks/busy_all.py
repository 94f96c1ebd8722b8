"""The same while other programs hold every core."""

from benchmarks.base import Benchmark, Measured
from benchmarks.busy_one import cores, measure_beside


def measure() -> Measured:
    return measure_beside(cores())


BENCHMARK = Benchmark(
    "an image while other programs hold every core / the best of three ways to set up a bare script", 1.0, 1.1, measure
)
