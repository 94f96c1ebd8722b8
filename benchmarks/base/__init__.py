"""What every benchmark is made of: its contract, scripts in processes of their own, and what it draws with."""

from benchmarks.base.contract import Benchmark, Goal, Measured
from benchmarks.base.processes import SCRIPTS, Script, compare, compare_scripts, environment
from benchmarks.base.suites import STARTER, SUITES, Suite, current, drawing

__all__ = [
    "SCRIPTS",
    "STARTER",
    "SUITES",
    "Benchmark",
    "Goal",
    "Measured",
    "Script",
    "Suite",
    "compare",
    "compare_scripts",
    "current",
    "drawing",
    "environment",
]
