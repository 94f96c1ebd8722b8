"""Whether there is anything on the picture."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from studio.controls.base import EstimatorContext
from studio.metrics.base import Metric, Sample, Score, colours

# Levels between the darkest and the lightest two hundredths, from which on there is something.
SOMETHING = 24


class Blank(Metric):
    """1 for one colour all over, as numbers that overflowed leave it; 0 where there is something to see."""

    label = "Blank"
    help = "1 where the picture is a single colour, as after a numeric overflow."
    cost = "milliseconds a picture"
    better = "lower"
    fault = "blank"
    usual = 0.5
    limit = 0.5

    def measure(self, samples: Sequence[Sample], context: EstimatorContext) -> list[Score]:
        del context
        return [_emptiness(colours(sample.image)) for sample in samples]


def _emptiness(levels: NDArray[np.uint8]) -> float:
    low, high = np.percentile(levels, (1, 99), axis=(0, 1))
    return max(0.0, 1 - float((high - low).max()) / SOMETHING)


METRIC = Blank()
