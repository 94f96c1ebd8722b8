"""Costs the last bits of the numbers, and with 8-bit kernels (sage) some detail: another kernel computes attention.

Which of them there are depends on the card and on what is installed.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from studio.errors import InvalidRecipe
from studio.families.base import Family
from studio.recipe import Recipe
from studio.speedups.base import Speedup, no_transformer

# What recipes say, each with what diffusers calls it.
BACKENDS = {
    "cudnn": "_native_cudnn",
    "efficient": "_native_efficient",
    "flash": "flash",
    "flash3": "_flash_3",
    "math": "_native_math",
    "sage": "sage",
}


class Attention(Speedup):
    """One of diffusers' attention backends for the transformer."""

    label = "Attention"
    cost = "The last bits of the numbers differ; with sage, which counts in 8 bits, some detail."
    gain = "A twentieth to a seventh of a step of large transformers, on a card that has the kernel."
    offered: ClassVar[Mapping[str, str]] = {"cudnn": "cuDNN", "flash3": "FlashAttention 3", "sage": "SageAttention"}

    def read(self, value: str) -> str:
        if value not in BACKENDS:
            raise self.refused(value, f"Choose one of {', '.join(BACKENDS)}.")
        return BACKENDS[value]

    def why_not(self, family: Family, recipe: Recipe) -> str:
        del recipe
        # A UNet's attention takes the setting, and does nothing with it.
        return no_transformer(family)

    @contextmanager
    def applied(self, pipe: Any, value: str, rows: int) -> Iterator[None]:
        del rows
        try:
            pipe.transformer.set_attention_backend(value)
        except (RuntimeError, ImportError, ValueError) as error:
            raise InvalidRecipe(
                "speedups", "This kernel for attention is not here.", "Install its package, or choose another one."
            ) from error
        try:
            yield
        finally:
            pipe.transformer.reset_attention_backend()


SPEEDUP = Attention()
