"""The same for the first look at one's picture."""

from benchmarks.base import Benchmark, Goal, Measured
from benchmarks.batch_latency import measure_beside


def measure() -> Measured:
    return measure_beside("look_p95")


BENCHMARK = Benchmark(
    "the 95th percentile of the wait for a first look at 0.9 load, side by side / one at a time",
    0.06,
    0.12,
    measure,
    {"sd15": Goal(0.06, 0.12)},
)
