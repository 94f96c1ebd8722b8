"""Costs the last bits of the numbers, which hardly a pixel shows: convolutions read the channels of a pixel together.

Graphics cards with tensor cores, and processors at several rows, have kernels for that order.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from studio.families.base import Family
from studio.recipe import Recipe
from studio.speedups.base import Speedup, no_unet


class ChannelsLast(Speedup):
    """The UNet's weights in the order of `torch.channels_last`."""

    label = "Channels last"
    cost = "The last bits of the numbers differ, which hardly a pixel shows."
    gain = "Convolutions are quicker on many cards."
    offered: ClassVar[Mapping[str, str]] = {"": "on"}

    def why_not(self, family: Family, recipe: Recipe) -> str:
        del recipe
        return no_unet(family)

    @contextmanager
    def applied(self, pipe: Any, value: None, rows: int) -> Iterator[None]:
        import torch

        del value, rows
        pipe.unet.to(memory_format=torch.channels_last)
        try:
            yield
        finally:
            pipe.unet.to(memory_format=torch.contiguous_format)


SPEEDUP = ChannelsLast()
