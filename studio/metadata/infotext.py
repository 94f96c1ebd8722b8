"""A1111's `parameters` text, which nearly every tool around Stable Diffusion can read."""

import json
from collections.abc import Mapping

from studio import __version__
from studio.recipe import Recipe

# Our name where A1111 and its kin know the sampler under another one; all others are named as there.
SAMPLERS: Mapping[str, str] = {"Flow Euler": "Euler"}


def to_infotext(recipe: Recipe) -> str:
    """The settled recipe in A1111's words: prompt, negative prompt, then one line of settings."""
    scheduler = recipe.scheduler
    values: Mapping[str, object] = {
        "Steps": recipe.steps,
        "Sampler": SAMPLERS.get(scheduler, scheduler) if scheduler else None,
        "CFG scale": None if recipe.guidance_scale is None else f"{recipe.guidance_scale:g}",
        "Seed": recipe.seed,
        "Size": f"{recipe.width}x{recipe.height}",
        "Model": recipe.model,
        "Version": f"Image Studio {__version__}",
    }
    settings = ", ".join(f"{name}: {_quoted(value)}" for name, value in values.items() if value is not None)
    negative = f"\nNegative prompt: {recipe.negative_prompt}" if recipe.negative_prompt else ""
    return f"{recipe.prompt}{negative}\n{settings}".strip()


def _quoted(value: object) -> str:
    """The value, in JSON quotes where it holds one of A1111's separators."""
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ",:\n") else text
