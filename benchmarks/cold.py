"""From nothing to the first image on disk, over the shortest script that does the same."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.base import SCRIPTS, Benchmark, Measured, compare, environment
from studio.recipe import Recipe
from studio.settings import ASSETS, Settings
from studio.studio import Studio

ROUNDS = 4
PROMPT = "a red house on the left, a green tree, at sunset"


def measure() -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        command = ["-m", "studio", "generate", PROMPT, "--model", "starter", "--seed", 7, "--out", home, "--home", home]
        script = bare_script(home)
        return compare(lambda: seconds(script, "bare"), lambda: seconds(command), ROUNDS, min)


def bare_script(home: Path) -> list[object]:
    """Python's arguments for the bare way to the image that the studio makes by default."""
    with Studio(Settings.load(home=home), durable=False) as studio:
        (recipe,) = studio.resolve(Recipe(prompt=PROMPT, model="starter", seed=7))
    return [
        SCRIPTS / "bare_first_picture.py",
        ASSETS / "starter",
        PROMPT,
        recipe.steps,
        recipe.guidance_scale,
        home / "bare.png",
    ]


def seconds(arguments: list[object], script: str = "") -> float:
    """Wall time of a Python process of its own, until its image is on disk; `script` as `environment`."""
    began = time.perf_counter()
    command = [sys.executable, *map(str, arguments)]
    pipe, variables = subprocess.PIPE, environment(script)
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=variables) as process:
        assert process.stdout
        process.stdout.readline()
        took = time.perf_counter() - began
        _, errors = process.communicate()
    if process.returncode:
        raise RuntimeError(errors)
    return took


BENCHMARK = Benchmark(
    "studio generate from cold / a bare script that imports, loads, draws and saves", 1.05, 1.25, measure
)
