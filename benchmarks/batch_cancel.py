"""The same for one who is stopped: how soon its place is free."""

from benchmarks.base import Benchmark, Goal, Measured
from benchmarks.batch_join import measure_beside


def measure() -> Measured:
    return measure_beside("leaves")


BENCHMARK = Benchmark(
    "steps of another picture from stopping one to its place being free / one step, eight being made",
    2,
    3,
    measure,
    {"sd15": Goal(2, 3)},
)
