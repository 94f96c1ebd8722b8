"""Costs the last bits of the numbers, and a minute before the first picture of each size: the blocks are compiled.

The repeated blocks of a transformer are compiled once for all, by `torch.compile`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from studio.families.base import Family
from studio.recipe import Recipe
from studio.speedups.base import Speedup, no_transformer


class Compile(Speedup):
    """The transformer's repeated blocks, compiled."""

    label = "Compile"
    cost = "The last bits of the numbers differ, and the first picture of each size takes a minute more."
    gain = "Up to a third of a step of large transformers, on a card."
    offered: ClassVar[Mapping[str, str]] = {"": "on"}

    def why_not(self, family: Family, recipe: Recipe) -> str:
        del recipe
        return no_transformer(family)

    @contextmanager
    def applied(self, pipe: Any, value: None, rows: int) -> Iterator[None]:
        del value, rows
        pipe.transformer.compile_repeated_blocks()
        try:
            yield
        finally:
            # What was compiled stays known to torch: the next picture compiles nothing.
            for module in pipe.transformer.modules():
                module._compiled_call_impl = None  # noqa: SLF001 - torch has no other way back


SPEEDUP = Compile()
