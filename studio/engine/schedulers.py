"""From a scheduler's name to a fresh diffusers scheduler for one run."""

import inspect
import json
from collections.abc import Mapping
from typing import Any

import diffusers
import torch

from studio.catalogue.noise_schedules import of_config
from studio.errors import InvalidRecipe
from studio.families.base import Family
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
# Latents have no range that they could be clipped to. Some classes clip where a config does not forbid it.
LATENT = {"clip_sample": False, "thresholding": False}
# Only this spacing begins at the very last step of the training.
ZERO_SNR = {"timestep_spacing": "trailing"}
CURE = "Choose other steps, or another scheduler."


def build(name: str, config: Mapping[str, Any], family: Family | None = None) -> Any:
    """A fresh scheduler of the table's row `name` for a model whose own scheduler has `config`.

    What that config lacks is as in the published model of its `family`, and not as the classes have it, each otherwise.
    """
    row = SCHEDULERS[name]
    lacking = {"_use_default_values", *config.get("_use_default_values", ())}
    learned = {key: value for key, value in config.items() if key not in SAMPLING | lacking}
    made = {**(family.noise if family else {}), **learned}
    if row.process == "diffusion":
        made |= LATENT | (ZERO_SNR if of_config(config) == "zero_snr" else {})
    if row.process == "edm":
        made = _continuous(config) | {key: value for key, value in made.items() if value is not None}
    return getattr(diffusers, row.diffusers).from_config(made, **row.options)


def described(scheduler: Any) -> dict[str, Any]:
    """A scheduler's class and config, as values of JSON."""
    config = {name: value for name, value in scheduler.config.items() if not name.startswith("_")}
    described: dict[str, Any] = json.loads(json.dumps({"class": type(scheduler).__name__, **config}, default=str))
    return described


def _continuous(config: Mapping[str, Any]) -> dict[str, Any]:
    """How the levels of a model whose own scheduler is Euler's with continuous steps are called by those of EDM."""
    if config.get("timestep_type") != "continuous":
        return {}
    return {"sigma_data": 1.0, "sigma_schedule": "karras" if config.get("use_karras_sigmas") else "exponential"}


def check(config: Mapping[str, Any], name: str, steps: int, field: str = "steps", family: Family | None = None) -> None:
    """InvalidRecipe on `field` where the scheduler `name` cannot sample in so many steps by this `config`."""
    if SCHEDULERS[name].process == "flow":
        return  # takes any number of steps, and wants to know the image's size with it
    try:
        finite = _validate_steps(build(name, config, family), steps)
    except (ValueError, IndexError, ZeroDivisionError, AssertionError) as error:
        raise InvalidRecipe(field, f"{name} cannot sample in {steps} steps.", CURE) from error
    if not finite:
        raise InvalidRecipe(field, f"{name} cannot sample in {steps} steps: its numbers overflow.", CURE)


def _validate_steps(scheduler: Any, steps: int) -> bool:
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
