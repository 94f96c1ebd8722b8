"""Whether a straight line runs across the picture that is no part of it."""

from collections.abc import Sequence

import numpy as np

from studio.controls.base import EstimatorContext
from studio.metrics.base import Levels, Metric, Sample, Score, grey

# A step at a seam is so many levels, and so many times what is usual around it.
STEP, TIMES = 6, 3


class Seams(Metric):
    """The longest straight line, along a row or a column, where one step is higher than those beside it.

    Tiles that do not meet leave such lines, and frames around a picture.
    """

    label = "Seams"
    help = "How much of the picture's length the longest straight seam takes: edges of tiles, frames."
    cost = "milliseconds a picture"
    better = "lower"
    fault = "seam"
    usual = 0.8

    def measure(self, samples: Sequence[Sample], context: EstimatorContext) -> list[Score]:
        del context
        tones = (grey(sample.image) for sample in samples)
        return [max(_longest(tone), _longest(tone.T)) for tone in tones]


def _longest(levels: Levels) -> float:
    """The greatest share of a row's pixels that step away from the next row, and from no other nearby."""
    steps = np.abs(np.diff(levels, axis=0))
    if len(steps) < 3:
        return 0.0
    beside = np.maximum(np.pad(steps, ((1, 0), (0, 0)))[:-1], np.pad(steps, ((0, 1), (0, 0)))[1:])
    seam = (steps > STEP) & (steps > TIMES * beside)
    return float(seam.mean(axis=1).max())


METRIC = Seams()
