"""What the studio adds to an image: its whole way of a job, saving and previews included, over the bare pipeline.

Two processes of one script differ by a few percent for as long as they live, and no number of rounds shows it. So
several pairs of processes are compared, and the noise is the standard error of their ratios.
"""

import json
import statistics
import tempfile
from pathlib import Path

from benchmarks.base import Benchmark, Measured, Script, compare_scripts
from studio.recipe import Recipe
from studio.schedulers import SCHEDULERS
from studio.settings import ASSETS, Settings
from studio.studio import Studio

PAIRS, ROUNDS = 6, 5
RECIPE = Recipe(prompt="a red house on the left, a green tree, at sunset", model="starter", seed=7)


def measure() -> Measured:
    pairs = [_pair() for _ in range(PAIRS)]
    ratios = [pair.ratio for pair in pairs]
    return Measured(
        ratio=statistics.median(ratios),
        noise=statistics.stdev(ratios) / PAIRS**0.5,
        details={
            "pairs": PAIRS,
            "rounds": ROUNDS,
            "ratios": [round(ratio, 4) for ratio in ratios],
            "cpu_ratio": statistics.median(pair.details["cpu_ratio"] for pair in pairs),
        },
    )


def _pair() -> Measured:
    with Script("bare_pictures", bare(RECIPE)) as reference, Script("studio_pictures", through(RECIPE)) as candidate:
        return compare_scripts(reference, candidate, ROUNDS)


def bare(recipe: Recipe) -> str:
    """What the bare script has to be told, for the picture that the studio makes of a recipe of the starter."""
    with tempfile.TemporaryDirectory() as home, Studio(Settings.load(home=Path(home)), durable=False) as studio:
        (resolved,) = studio.resolve(recipe)
    row = SCHEDULERS[str(resolved.scheduler)]
    call = {
        "prompt": resolved.prompt,
        "width": resolved.width,
        "height": resolved.height,
        "num_inference_steps": resolved.steps,
        "guidance_scale": resolved.guidance_scale,
    }
    request = {"folder": str(ASSETS / "starter"), "scheduler": row.diffusers, "options": dict(row.options)}
    return json.dumps(request | {"call": call, "seed": resolved.seed})


def through(*recipes: Recipe) -> str:
    """What the studio's script has to be told."""
    return json.dumps([json.loads(recipe.to_json()) for recipe in recipes])


BENCHMARK = Benchmark("an image through the studio / a script with the bare diffusers pipeline", 1.02, 1.05, measure)
