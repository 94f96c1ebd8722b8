"""What a recipe says of each step beyond what pipelines take: guidance is rescaled, and noise put back."""

import functools
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg
from diffusers.utils.torch_utils import randn_tensor

from studio.recipe import PaintedRecipe
from studio.resolve.speedups import read_speedups
from studio.speedups import SPEEDUPS


@contextmanager
def sped_up(pipe: Any, recipe: PaintedRecipe, rows: int) -> Iterator[None]:
    """Let the pipeline's call, for so many pictures, have the recipe's speed-ups while the context lasts."""
    with ExitStack() as stack:
        for name, value in read_speedups(recipe):
            stack.enter_context(SPEEDUPS[name].applied(pipe, value, rows))
        yield


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


def resampled(scheduler: Any, count: int) -> None:
    """Let a fresh scheduler make each of its steps `count` times, going back to the noise before it in between.

    New and old so come to fit each other (RePaint, Lugmayr et al. 2022). It has to be one whose steps depend on no
    earlier one; the pipeline plans `count` times the steps, and begins with a whole one.
    """
    if count == 1:
        return
    plan, step, begin = scheduler.set_timesteps, scheduler.step, getattr(scheduler, "set_begin_index", None)
    made: Counter[float] = Counter()

    def planned(num_inference_steps: int, *args: Any, **kwargs: Any) -> None:
        plan(num_inference_steps // count, *args, **kwargs)
        made.clear()
        scheduler.timesteps = scheduler.timesteps.repeat_interleave(count)

    @functools.wraps(step)
    def repeated(prediction: torch.Tensor, timestep: Any, sample: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        result = step(prediction, timestep, sample, *args, **kwargs)
        made[float(timestep)] += 1
        if made[float(timestep)] == count:
            return result
        made_sample = result[0] if isinstance(result, tuple) else result.prev_sample
        again = _noised(scheduler, made_sample, timestep, kwargs.get("generator"))
        return (again,) if isinstance(result, tuple) else type(result)(prev_sample=again)

    scheduler.set_timesteps, scheduler.step = planned, repeated
    if begin:
        scheduler.set_begin_index = lambda begin_index=0: begin(begin_index // count)


def planned_on_host(scheduler: Any) -> None:
    """Let a fresh scheduler keep its timesteps in the computer's memory.

    Many a scheduler looks its numbers up there by the timestep: each step would wait for the card to tell it.
    """
    plan = scheduler.set_timesteps

    @functools.wraps(plan)  # pipelines read the signature to know what it takes
    def planned(*args: Any, **kwargs: Any) -> None:
        plan(*args, **{**kwargs, "device": "cpu"})

    scheduler.set_timesteps = planned


def _noised(scheduler: Any, sample: torch.Tensor, timestep: Any, generator: Any) -> torch.Tensor:
    """A sample with so much noise again as it had before the step; there the scheduler steps next."""
    noise: torch.Tensor = randn_tensor(sample.shape, generator=generator, device=sample.device, dtype=sample.dtype)
    if hasattr(scheduler, "sigmas"):
        scheduler._step_index -= 1  # noqa: SLF001 - a scheduler has no other way back
        before, after = scheduler.sigmas[scheduler.step_index], scheduler.sigmas[scheduler.step_index + 1]
        added: torch.Tensor = (before**2 - after**2).sqrt().to(sample)
        return sample + noise * added
    previous = int(timestep) - scheduler.config.num_train_timesteps // scheduler.num_inference_steps
    after = scheduler.alphas_cumprod[previous] if previous >= 0 else scheduler.final_alpha_cumprod
    share: torch.Tensor = (scheduler.alphas_cumprod[int(timestep)] / after).to(sample)
    return share.sqrt() * sample + (1 - share).sqrt() * noise


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
