"""Ten switches between the starter's ControlNets: nothing may be left of them in memory."""

from benchmarks.base import Benchmark, Measured
from benchmarks.switch_memory import measure_script


def measure() -> Measured:
    return measure_script("studio_switch_controls")


BENCHMARK = Benchmark("memory after ten switches of ControlNet / before them", 1.01, 1.05, measure)
