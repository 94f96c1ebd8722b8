"""One batch through the denoiser: the pipeline's own loop, its steps told, its progress looked at."""

import time
from collections.abc import Sequence
from typing import Any

import torch

from studio.backends.base import Report
from studio.engine import preview, schedulers
from studio.engine.decode import unpack
from studio.engine.manager import Loan
from studio.engine.text import repeated
from studio.events import Preview, Step
from studio.recipe import Recipe

Numbered = tuple[int, Recipe]


class Clock:
    """Guesses the seconds that a job has left, from how fast the work so far went."""

    def __init__(self, recipes: Sequence[Recipe]) -> None:
        self._started = time.perf_counter()
        self._whole = sum(map(_work, recipes))
        self._done = 0.0

    def left(self, recipes: Sequence[Recipe], share: float) -> float:
        """The seconds left where this `share` (0 to 1) of the batch `recipes` is done."""
        done = self._done + share * sum(map(_work, recipes))
        return (time.perf_counter() - self._started) * (self._whole - done) / done

    def finished(self, recipes: Sequence[Recipe]) -> None:
        """The batch `recipes` is denoised."""
        self._done += sum(map(_work, recipes))


def denoise(loan: Loan, batch: Sequence[Numbered], report: Report, clock: Clock) -> torch.Tensor:
    """The latents of a batch, one row each, as the pipeline leaves them; its recipes differ in their seeds only.

    Equal to the bare pipeline's bit by bit at one image; `report` hears each step, and may raise to end it.
    """
    recipe = batch[0][1]
    pipe, learned = loan.pipe, loan.resident.pipe.scheduler.config
    pipe.scheduler = schedulers.build(str(recipe.scheduler), learned)
    result = pipe(
        **repeated(loan.resident.prompts.encode(pipe, recipe), len(batch)),
        width=recipe.width,
        height=recipe.height,
        num_inference_steps=recipe.steps,
        guidance_scale=recipe.guidance_scale,
        # One generator an image, on the CPU: the same seed draws the same noise alone, in a batch, on any device.
        generator=[torch.Generator("cpu").manual_seed(int(one.seed or 0)) for _, one in batch],
        output_type="latent",
        callback_on_step_end=_Steps(loan, batch, report, clock),
        callback_on_step_end_tensor_inputs=["latents"],
    )
    clock.finished([one for _, one in batch])
    latents: torch.Tensor = result.images
    return latents


class _Steps:
    """What a pipeline calls after each step."""

    def __init__(self, loan: Loan, batch: Sequence[Numbered], report: Report, clock: Clock) -> None:
        self.colours = loan.resident.colours
        self.images = tuple(index for index, _ in batch)
        self.recipes = [recipe for _, recipe in batch]
        self.report = report
        self.clock = clock
        self.watch = preview.Watch(loan.pipe.scheduler)

    def __call__(self, pipe: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        del timestep
        share = (index + 1) / pipe.num_timesteps
        steps = int(self.recipes[0].steps or 0)
        # Some schedulers ask the denoiser twice a step; a person counts the steps that were set.
        step = max(1, int(share * steps + 1e-6))
        self.report(Step(self.images, step, steps, self.clock.left(self.recipes, share)))
        self._look(pipe)
        return tensors

    def _look(self, pipe: Any) -> None:
        latents = self.watch.take()
        if latents is None:
            return
        started = time.perf_counter()
        recipe = self.recipes[0]
        rows = unpack(pipe, latents, int(recipe.width or 0), int(recipe.height or 0))
        for image, row in zip(self.images, rows, strict=True):
            self.report(Preview(image, preview.jpeg(row, self.colours)))
        self.watch.looked(time.perf_counter() - started)


def _work(recipe: Recipe) -> float:
    """What an image costs, in a unit of its own."""
    return float(recipe.steps or 1) * (recipe.width or 1) * (recipe.height or 1)
