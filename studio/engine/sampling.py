"""What a recipe says of each step beyond what pipelines take: guidance is rescaled, and noise put back."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg

from studio.recipe import PaintedRecipe


@contextmanager
def sampled(pipe: Any, recipe: PaintedRecipe) -> Iterator[None]:
    """Let the pipeline's scheduler step as the recipe says while the context lasts; the conditioning is already
    hooked.
    """
    churned(pipe.scheduler, recipe)
    if not recipe.guidance_rescale:
        yield
        return
    denoiser = pipe.unet if getattr(pipe, "unet", None) is not None else pipe.transformer
    answers: list[torch.Tensor] = []
    handle = denoiser.register_forward_hook(lambda _, __, output: answers.__setitem__(slice(None), [output[0]]))
    _rescale(pipe.scheduler, answers, recipe.guidance_rescale)
    try:
        yield
    finally:
        handle.remove()


def churned(scheduler: Any, recipe: PaintedRecipe) -> None:
    """Let a scheduler that knows it put noise back before each step."""
    if recipe.sigma_churn:
        step, churn, noise = scheduler.step, recipe.sigma_churn, recipe.sigma_noise
        scheduler.step = functools.wraps(step)(functools.partial(step, s_churn=churn, s_noise=noise))


def _rescale(scheduler: Any, answers: list[torch.Tensor], share: float) -> None:
    """Step by guided predictions that have, by `share`, the deviation of the prompt's own (Lin et al. 2023, 3.4).

    `answers` holds the denoiser's last output: without the prompt, then with it; the other way with two guidances.
    """
    step = scheduler.step

    @functools.wraps(step)  # pipelines read the signature to know whether it takes a generator
    def rescaled(prediction: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        parts = torch.split(answers[0], len(prediction))
        if len(parts) > 1:
            prompted = parts[0] if len(parts) == 3 else parts[1]
            prediction = rescale_noise_cfg(prediction, prompted, guidance_rescale=share)
        return step(prediction, *args, **kwargs)

    scheduler.step = rescaled
