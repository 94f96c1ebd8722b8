"""Costs a little of the prompt's grip: guidance counts within a share of the steps only, elsewhere a step is half.

Guidance early sets the composition and late burns colours; in the middle it does the most (Kynkäänniemi et al. 2024).
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from studio.errors import InvalidRecipe
from studio.families.base import Family
from studio.recipe import Recipe
from studio.speedups.base import Speedup, no_unet, replaced

RANGE = re.compile(r"(0(?:\.\d+)?|1(?:\.0+)?)-(0(?:\.\d+)?|1(?:\.0+)?)")


class GuidanceInterval(Speedup):
    """Asks the denoiser without the prompt only from one share of the steps to another."""

    label = "Guidance interval"
    cost = "Outside the interval the picture follows the prompt less."
    gain = "A step without guidance is half a step."
    offered: ClassVar[Mapping[str, str]] = {"0-0.5": "first half", "0.1-0.8": "most of it", "0.2-0.6": "the middle"}
    shares_steps = True

    def read(self, value: str) -> tuple[float, float]:
        found = RANGE.fullmatch(value)
        start, end = (float(found[1]), float(found[2])) if found else (1.0, 0.0)
        if start >= end:
            raise self.refused(value, "Say from which share of the steps to which, such as 0.2-0.8.")
        return start, end

    def why_not(self, family: Family, recipe: Recipe) -> str:
        if recipe.guidance_scale is None or recipe.guidance_scale <= 1:
            return "There is no guidance to leave out."
        if "image_guidance" in family.abilities:
            return f"{family.name} has two guidances."
        return no_unet(family)

    @contextmanager
    def applied(self, pipe: Any, value: tuple[float, float], rows: int) -> Iterator[None]:
        start, end = value
        calls = 0

        def forward(original: Any, sample: Any, timestep: Any, **given: Any) -> Any:
            nonlocal calls
            share, calls = calls / pipe.num_timesteps, calls + 1
            if start <= share < end:
                return original(sample, timestep, **given)
            if len(sample) != 2 * rows:
                raise InvalidRecipe(
                    "speedups",
                    "A guidance interval cannot be combined with several prompts joined by AND.",
                    "Leave out one of them.",
                )
            half = original(*_prompted((sample, timestep), rows), **_prompted(given, rows))
            return _twice(half)

        with replaced(pipe.unet, forward):
            yield


def _prompted(given: Any, rows: int) -> Any:
    """Of all that has a row without the prompt and one with it for each picture, those with it."""
    import torch

    match given:
        case torch.Tensor() if given.dim() and len(given) == 2 * rows:
            return given[rows:]
        case tuple() | list():
            return type(given)(_prompted(each, rows) for each in given)
        case dict():
            return {name: _prompted(each, rows) for name, each in given.items()}
        case _:
            return given


def _twice(answer: Any) -> Any:
    """The answer with the prompt in place of the one without: guidance between them changes nothing."""
    import torch

    if isinstance(answer, tuple):
        return tuple(torch.cat([part, part]) for part in answer)
    return type(answer)(torch.cat([answer.sample, answer.sample]))


SPEEDUP = GuidanceInterval()
