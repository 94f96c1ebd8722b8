"""From a scheduler's name to a fresh diffusers scheduler for one run."""

import inspect
from collections.abc import Mapping
from typing import Any

import diffusers
import torch

from studio.errors import RecipeError
from studio.schedulers import SCHEDULERS

# How a scheduler of the table samples is its row's business; what the model's own config says of that is left behind.
# What the model learned (noise, prediction type, shift) stays.
SAMPLING = frozenset(
    {
        "use_karras_sigmas",
        "use_exponential_sigmas",
        "use_beta_sigmas",
        "use_lu_lambdas",
        "use_flow_sigmas",
        "algorithm_type",
        "solver_type",
        "skip_prk_steps",
    }
)
CURE = "Choose other steps, or another scheduler."


def build(name: str, config: Mapping[str, Any]) -> Any:
    """A fresh scheduler of the table's row `name` for a model whose own scheduler has `config`."""
    row = SCHEDULERS[name]
    learned = {key: value for key, value in config.items() if key not in SAMPLING}
    return getattr(diffusers, row.diffusers).from_config(learned, **row.options)


def check(config: Mapping[str, Any], name: str, steps: int, field: str = "steps") -> None:
    """RecipeError on `field` where the scheduler `name` cannot sample in so many steps for a model of this `config`."""
    if SCHEDULERS[name].process == "flow":
        return  # takes any number of steps, and wants to know the image's size with it
    try:
        finite = _rehearse(build(name, config), steps)
    except (ValueError, IndexError, ZeroDivisionError, AssertionError) as error:
        reason = str(error).strip().rstrip(".") or "they are too many"
        raise RecipeError(field, f"{steps} steps cannot be with {name}: {reason}.", CURE) from error
    if not finite:
        raise RecipeError(field, f"{steps} steps cannot be with {name}: its numbers overflow.", CURE)


def _rehearse(scheduler: Any, steps: int) -> bool:
    """Whether all steps come to a finite end, tried on one number: a fault at the last would cost a whole image."""
    scheduler.set_timesteps(steps)
    sample = torch.ones(1, 1, 1, 1) * scheduler.init_noise_sigma
    noise = {"generator": torch.Generator().manual_seed(0)}
    if "generator" not in inspect.signature(scheduler.step).parameters:
        noise.clear()
    for timestep in scheduler.timesteps:
        prediction = scheduler.scale_model_input(sample, timestep) / 2
        sample = scheduler.step(prediction, timestep, sample, return_dict=False, **noise)[0]
    return bool(sample.isfinite().all())
