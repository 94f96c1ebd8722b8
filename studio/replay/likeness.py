"""How far two pictures of one recipe are from each other."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageChops

Verdict = Literal["identical", "close", "different"]
# In 16 bits the order in which a kernel adds decides the last bits, and a picture of many steps shows it: a mean of so
# many levels of 255 is below what an eye sees, and far below what a wrong setting does.
CLOSE_LEVELS = {"float32": 0.5, "float16": 2.0, "bfloat16": 4.0}
# How much stronger a difference is shown.
SHOWN_TIMES = 8


@dataclass(frozen=True)
class Likeness:
    """How like two pictures are: `mean` and `most` are differences in levels of 255, None where their sizes differ."""

    verdict: Verdict
    mean: float | None = None
    most: int | None = None

    @classmethod
    def of(cls, one: Image.Image, other: Image.Image, dtype: str) -> "Likeness":
        """Of two RGB pictures that a model in this number format made."""
        if one.size != other.size:
            return cls("different")
        apart = np.asarray(ImageChops.difference(one, other))
        mean, most = float(apart.mean()), int(apart.max())
        verdict: Verdict = "identical" if most == 0 else "close" if mean <= tolerance(dtype) else "different"
        return cls(verdict, round(mean, 4), most)


def tolerance(dtype: str) -> float:
    """The mean difference up to which pictures made in a number format are close."""
    return CLOSE_LEVELS.get(dtype, CLOSE_LEVELS["float32"])


def difference(one: Image.Image, other: Image.Image) -> Image.Image:
    """A picture of where two of one size differ, several times as strong."""
    return ImageChops.difference(one, other).point(lambda level: min(255, SHOWN_TIMES * level))
