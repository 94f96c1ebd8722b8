"""What the studio adds to an image: its whole way of a job, saving and previews included, over the bare pipeline."""

import gc
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.base import Benchmark, Measured, compare
from studio.events import Done
from studio.recipe import Recipe
from studio.settings import ASSETS, Settings
from studio.studio import Studio

ROUNDS = 7
RECIPE = Recipe(prompt="a red house on the left, a green tree, at sunset", model="starter", seed=7)


def measure() -> Measured:
    with tempfile.TemporaryDirectory() as home, Studio(Settings.load(home=Path(home)), durable=False) as studio:
        (recipe,) = studio.settle(RECIPE)
        whole = Timed(lambda: through_the_studio(studio, recipe))
        # The first of each loads and warms; the studio comes first, so that torch waits the same way for both.
        whole()
        pipeline = bare_pipeline(recipe)
        bare = Timed(lambda: render(pipeline, recipe))
        bare()
        measured = compare(bare, whole, ROUNDS)
        # Others on the machine lengthen the wall time of a side by chance, but hardly its own work.
        cpu_ratio = statistics.median(whole.cpu_seconds[1:]) / statistics.median(bare.cpu_seconds[1:])
        return replace(measured, details=measured.details | {"cpu_ratio": round(cpu_ratio, 4)})


class Timed:
    """Calls `work` and returns its wall seconds; keeps the processor seconds of each call."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.work = work
        self.cpu_seconds: list[float] = []

    def __call__(self) -> float:
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        self.work()
        self.cpu_seconds.append(time.process_time() - cpu)
        return time.perf_counter() - wall


def through_the_studio(studio: Studio, recipe: Recipe) -> None:
    """The way of a job: submit, follow its events to the end."""
    *_, end = studio.submit(recipe, "bench").follow()
    assert isinstance(end, Done), end


def bare_pipeline(recipe: Recipe) -> Any:
    """The starter as anybody would load it, with the scheduler that the studio takes."""
    from diffusers import StableDiffusionPipeline

    from studio.engine import schedulers

    pipeline = StableDiffusionPipeline.from_pretrained(ASSETS / "starter")
    pipeline.scheduler = schedulers.build(str(recipe.scheduler), pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def render(pipeline: Any, recipe: Recipe) -> Any:
    """One image with the bare pipeline."""
    import torch

    return pipeline(
        recipe.prompt,
        negative_prompt=recipe.negative_prompt or None,
        width=recipe.width,
        height=recipe.height,
        num_inference_steps=recipe.steps,
        guidance_scale=recipe.guidance_scale,
        generator=torch.Generator().manual_seed(recipe.seed or 0),
    ).images[0]


BENCHMARK = Benchmark("an image through the studio / the bare diffusers pipeline", 1.02, 1.05, measure)
