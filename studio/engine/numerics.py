"""How repeatable a picture is: its tier, and the buckets that it went through.

The last bits of a forward depend on how many rows it has, because libraries choose other kernels and orders of sums for
other shapes. They do not depend on who else is in it, nor in which place a row stands (`profile.py` looks).
"""

import re
from collections.abc import Iterable
from itertools import groupby
from typing import Literal

from studio.recipe import Recipe
from studio.recipe.values import Numerics
from studio.settings import Settings

# "solo": every forward as the bare pipeline makes it, to the bit. "free": in whatever company there was; the buckets
# bring the same bytes again. "exact": padded so that the bytes are the same alone and in any company. What a recipe or
# the studio's settings leave open ("auto") is exact on a card where that costs next to nothing, else free.
Tier = Literal["solo", "free", "exact"]
RUN = re.compile(r"(\d+)x(\d+)")


def wanted_numerics(recipe: Recipe, settings: Settings) -> Numerics:
    """How repeatable the picture of a recipe has to be, in this studio."""
    return settings.numerics if recipe.numerics == "auto" else recipe.numerics


def versions() -> dict[str, str]:
    """The versions of the libraries that the last bits of a picture depend on."""
    # The page stands before they are there, and asks about tiers.
    import diffusers
    import torch
    import transformers

    return {library.__name__: str(library.__version__) for library in (torch, diffusers, transformers)}


class Trail:
    """The buckets that the forwards of one request had, in rows, in their order: `2x12, 8x8`."""

    def __init__(self, buckets: Iterable[int] = ()) -> None:
        self.buckets = list(buckets)
        self._solo = True

    @classmethod
    def read(cls, text: str) -> "Trail":
        """The trail of this text; ValueError where it is none."""
        runs = [RUN.fullmatch(run.strip()) for run in text.split(",")]
        if not all(runs):
            raise ValueError(f"“{text}” is not a list of buckets such as “2x12, 8x8”.")
        return cls(int(run[1]) for run in runs if run for _ in range(int(run[2])))

    def add(self, rows: int, own: int) -> None:
        """One more forward of so many rows, of which some are its own."""
        self.buckets.append(rows)
        self._solo = self._solo and rows == own

    @property
    def tier(self) -> Tier:
        """What can be said of a picture that went this way."""
        return "solo" if self._solo else "free"

    def __str__(self) -> str:
        return ", ".join(f"{rows}x{len(list(run))}" for rows, run in groupby(self.buckets))
