"""The contract of a metric: from pictures to a number for each, which triages and does not judge."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.catalogue.preprocessors import Weights
from studio.controls.base import EstimatorContext
from studio.recipe import Recipe

Levels = NDArray[np.float64]
Score = float | None
# A metric that holds pictures against each other sees them no larger.
SMALL = 64


@dataclass(frozen=True, eq=False)
class Sample:
    """What is measured: an RGB picture, the recipe that made it where that is known, and how it was made."""

    image: Image.Image
    recipe: Recipe | None = None
    facts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


class Metric(ABC):
    """One metric; the name of its file is what it is called by.

    `better` says which numbers are, `minimum`, `maximum` and `step` what they usually lie between; `fault` is the word
    for a picture beyond the limit, `limit` where that is unless it is moved (None: nowhere) and `usual` where a
    sensible one would be. `weight` is its part in the ranking unless it is moved.

    `networked`: it runs a network, so a backend measures it; `embedded`: for pictures of the starter that is the
    starter's own, else `needs` are the weights. `among`: its numbers are of a picture among those before and after it,
    and it sees no more than SMALL pixels a side of each.
    """

    label: str
    help: str
    cost: str
    better: Literal["higher", "lower"] = "higher"
    fault: str
    minimum: float = 0.0
    maximum: float = 1.0
    step: float = 0.01
    usual: float
    limit: float | None = None
    weight: float = 0.0
    networked: bool = False
    embedded: bool = False
    among: bool = False
    needs: tuple[Weights, ...] = ()

    @abstractmethod
    def measure(self, samples: Sequence[Sample], context: EstimatorContext) -> list[Score]:
        """A number for each picture; None where it has nothing to say of one. ModelError where weights are missing."""

    def fails(self, score: float, limit: float) -> bool:
        """Whether a picture of this score is beyond the limit."""
        return score < limit if self.better == "higher" else score > limit


def grey(image: Image.Image) -> Levels:
    """The luminance (height, width), 0 to 255."""
    return np.asarray(image.convert("L"), np.float64)


def colours(image: Image.Image) -> NDArray[np.uint8]:
    """The levels (height, width, 3)."""
    return np.asarray(image.convert("RGB"))


def share(which: NDArray[Any]) -> float:
    """How much of the picture is so, from 0 to 1."""
    return float(which.mean())
