"""Whether there is anything on the picture."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from studio.controls.base import Workshop
from studio.metrics.base import Metric, Score, Shot, colours

# Levels between the darkest and the lightest two hundredths, from which on there is something.
SOMETHING = 24


class Blank(Metric):
    """1 for one colour all over, as numbers that overflowed leave it; 0 where there is something to see."""

    label = "Blank"
    help = "1 where the picture is one colour all over, as after numbers that overflowed."
    cost = "milliseconds a picture"
    better = "lower"
    fault = "blank"
    usual = 0.5
    limit = 0.5

    def measure(self, shots: Sequence[Shot], workshop: Workshop) -> list[Score]:
        del workshop
        return [_emptiness(colours(shot.image)) for shot in shots]


def _emptiness(levels: NDArray[np.uint8]) -> float:
    low, high = np.percentile(levels, (1, 99), axis=(0, 1))
    return max(0.0, 1 - float((high - low).max()) / SOMETHING)


METRIC = Blank()
