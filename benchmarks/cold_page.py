"""From nothing to the first image with the page up: an image asked for as soon as the page answers."""

import tempfile
from pathlib import Path

from benchmarks.base import SCRIPTS, Benchmark, Measured, compare
from benchmarks.cold import PROMPT, ROUNDS, bare_script, seconds


def measure() -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        script = bare_script(Path(folder))
        page = [SCRIPTS / "studio_page.py", folder, PROMPT]
        return compare(lambda: seconds(script, "bare"), lambda: seconds(page), ROUNDS, min)


BENCHMARK = Benchmark(
    "launch, page, first image / a bare script that imports, loads, draws and saves", 1.05, 1.25, measure
)
