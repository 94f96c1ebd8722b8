"""What the studio adds to an image: its whole way of a job, saving and previews included, over the bare pipeline.

Two processes of one script differ by a few percent for as long as they live, and no number of rounds shows it. So
several pairs of processes are compared, and the noise is the standard error of their ratios.
"""

import json
import statistics

from benchmarks.base import SUITES, Benchmark, Goal, Measured, Script, compare_scripts, current
from studio.recipe import Recipe
from studio.schedulers import SCHEDULERS
from studio.settings import ASSETS
from studio.studio import Studio

PAIRS, ROUNDS = 6, 5
RECIPE = SUITES["starter"]


def measure() -> Measured:
    pairs = [_pair() for _ in range(current().rounds(PAIRS))]
    ratios = [pair.ratio for pair in pairs]
    return Measured(
        ratio=statistics.median(ratios),
        noise=statistics.stdev(ratios) / len(ratios) ** 0.5 if len(ratios) > 1 else pairs[0].noise,
        details={
            "pairs": len(pairs),
            "rounds": current().rounds(ROUNDS),
            "ratios": [round(ratio, 4) for ratio in ratios],
            "cpu_ratio": statistics.median(pair.details["cpu_ratio"] for pair in pairs),
        },
    )


def _pair() -> Measured:
    recipe = current().recipe
    with Script("bare_pictures", bare(recipe)) as reference, Script("studio_pictures", through(recipe)) as candidate:
        return compare_scripts(reference, candidate, current().rounds(ROUNDS))


def bare(recipe: Recipe) -> str:
    """What the bare script has to be told, for the picture that the studio makes of a recipe of the suite."""
    suite = current()
    with suite.settings() as settings, Studio(settings, durable=False) as studio:
        (resolved,) = studio.resolve(recipe)
    row = SCHEDULERS[str(resolved.scheduler)]
    call = {
        "prompt": resolved.prompt,
        "width": resolved.width,
        "height": resolved.height,
        "num_inference_steps": resolved.steps,
        "guidance_scale": resolved.guidance_scale,
    }
    request = {"folder": str(suite.model or ASSETS / "starter"), "device": suite.device, "call": call}
    return json.dumps(request | {"scheduler": row.diffusers, "options": dict(row.options), "seed": resolved.seed})


def through(*recipes: Recipe, **settings: object) -> str:
    """What the studio's script has to be told."""
    return json.dumps({"recipes": [json.loads(recipe.to_json()) for recipe in recipes], "settings": settings})


BENCHMARK = Benchmark(
    "an image through the studio / a script with the bare diffusers pipeline",
    1.02,
    1.05,
    measure,
    {"sd15": Goal(0.60, 0.80)},
)
