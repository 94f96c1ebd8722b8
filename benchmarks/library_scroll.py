"""A library of 100,000 pictures in a real browser: the longest that a place in sight stays empty while one scrolls."""

import tempfile

from benchmarks.base import Benchmark, Measured, Script

COUNT, ROUNDS = 100_000, 3
BLANK_SECONDS = 0.3


def measure() -> Measured:
    with tempfile.TemporaryDirectory() as home, Script("studio_scroll", home, COUNT) as scroll:
        found = [scroll.figures() for _ in range(ROUNDS)]
    # The worst of all rounds: one blank is one too many.
    worst = {name: max(one[name] for one in found) for name in found[0] if name != "cpu_seconds"}
    return Measured(
        ratio=worst.pop("seconds") / BLANK_SECONDS,
        noise=None,
        details={"pictures": COUNT, **{name: round(value, 4) for name, value in worst.items()}},
    )


BENCHMARK = Benchmark(
    "the longest that a place in sight is empty while 100,000 pictures are scrolled through / 300 ms", 1, 1, measure
)
