"""An image while other programs hold some of the cores, over the best of what a script could be told for that."""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.base import Benchmark, Measured, Script, environment
from benchmarks.overhead import RECIPE, bare, through

ROUNDS = 5
# How a script can have its threads wait for one another, or have but one.
WAYS = {"plain": {}, "passive": {"OMP_WAIT_POLICY": "PASSIVE"}, "one thread": {"OMP_NUM_THREADS": "1"}}


def measure() -> Measured:
    return measure_beside(1)


def measure_beside(programs: int) -> Measured:
    """The ratio while so many other programs do nothing but compute."""
    with ExitStack() as stack:
        request = bare(RECIPE)
        ways = {
            name: stack.enter_context(Script("bare_pictures", request, variables=way)) for name, way in WAYS.items()
        }
        studio = stack.enter_context(Script("studio_pictures", through(RECIPE)))
        stack.enter_context(_taken(programs))
        before: dict[str, list[float]] = {name: [] for name in ways}
        after: dict[str, list[float]] = {name: [] for name in ways}
        ours = []
        for _ in range(ROUNDS):
            for name, way in ways.items():
                before[name].append(way())
            ours.append(studio())
            for name, way in ways.items():
                after[name].append(way())
    seconds = {name: statistics.median([*before[name], *after[name]]) for name in ways}
    best = min(seconds, key=lambda name: seconds[name])
    return Measured(
        ratio=statistics.median(ours) / seconds[best],
        noise=abs(statistics.median(after[best]) / statistics.median(before[best]) - 1),
        details={
            "rounds": ROUNDS,
            "best": best,
            "candidate_seconds": round(statistics.median(ours), 4),
            **{f"{name.replace(' ', '_')}_seconds": round(value, 4) for name, value in seconds.items()},
        },
    )


@contextmanager
def _taken(programs: int) -> Iterator[None]:
    """Other programs that compute while this lasts."""
    command = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(command, env=environment("bare")) for _ in range(programs)]
    try:
        yield
    finally:
        for other in others:
            other.terminate()
            other.wait()


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


BENCHMARK = Benchmark(
    "an image while another program holds a core / the best of three ways to set up a bare script", 1.0, 1.1, measure
)
