"""Twenty switches between models of which memory has room for one: nothing may be left of the one before."""

from benchmarks.base import Benchmark, Goal, Measured
from benchmarks.switch_memory import measure_script


def measure() -> Measured:
    return measure_script("studio_switch_models")


BENCHMARK = Benchmark(
    "memory after twenty switches of model, one having room / before them",
    1.00,
    1.02,
    measure,
    {"sd15": Goal(1.00, 1.02)},
)
