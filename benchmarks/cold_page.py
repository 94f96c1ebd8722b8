"""From nothing to the first image with the page up: an image asked for as soon as the page answers."""

import tempfile
from pathlib import Path

from benchmarks.base import Benchmark, Measured, compare
from benchmarks.cold import PROMPT, ROUNDS, bare_script, seconds

WITH_PAGE = """
import sys
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
home, prompt = sys.argv[1:]
with Studio(Settings.load(home=home, port=0)) as studio, serve(studio):
    job = studio.submit(Recipe(prompt=prompt, model="starter", seed=7), "bench")
    list(job.follow())
    assert job.state == "done", job.events[-1]
    print(job.results[0].path, flush=True)
"""


def measure() -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        script = bare_script(Path(folder))
        return compare(lambda: seconds(script, "bare"), lambda: seconds(["-c", WITH_PAGE, folder, PROMPT]), ROUNDS, min)


BENCHMARK = Benchmark(
    "launch, page, first image / a bare script that imports, loads, draws and saves", 1.05, 1.25, measure
)
