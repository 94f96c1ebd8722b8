"""One evaluation of a stored model, and what its measures share."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from diffusers import StableDiffusionPipeline
from numpy.typing import NDArray

from starter_factory.canvas import Image

# What was measured (a row) -> on what (a column) -> a number; the row's name says the unit.
Table = dict[str, dict[str, float]]
Features = NDArray[np.float64]


@dataclass(frozen=True)
class Sitting(ABC):
    """What measures share; they must leave the shared networks as they found them.

    `folder` holds the stored model, `count` is how many pictures a figure takes.
    """

    folder: Path
    count: int

    def pipeline(self) -> StableDiffusionPipeline:
        """The shared pipeline with DPM-Solver++ 2M Karras."""
        return self._pipeline

    @cached_property
    def _pipeline(self) -> StableDiffusionPipeline:
        return self.fresh_pipeline()

    @abstractmethod
    def fresh_pipeline(self) -> StableDiffusionPipeline:
        """One of its own for a measure that changes it."""

    @abstractmethod
    def captions(self) -> Sequence[str]:
        """A caption for each of `count` scenes that no training has seen, which leaves nothing to chance."""

    @abstractmethod
    def pictures(self) -> Sequence[Image]:
        """What the base makes of the captions, the k-th from noise of seed k: the row that others are held against."""

    @abstractmethod
    def drawn(self, number: int) -> Sequence[Image]:
        """A render of each scene, what no caption can say drawn anew for each number."""

    @abstractmethod
    def features(self, pictures: Sequence[Image]) -> Features:
        """What the probe makes of pictures before it answers, (count, width)."""

    @abstractmethod
    def met(self, pictures: Sequence[Image], numbers: Sequence[int]) -> list[list[bool]]:
        """Which of the facts that captions (by their numbers) say each picture meets, by the probe."""

    def following(self, pictures: Sequence[Image]) -> float:
        """The share of what the captions say that their pictures meet, in per cent."""
        facts = [fact for one in self.met(pictures, range(len(pictures))) for fact in one]
        return 100 * float(np.mean(facts))
