"""How crisp the edges are."""

from collections.abc import Sequence

import cv2
import numpy as np

from studio.controls.base import EstimatorContext
from studio.metrics.base import Levels, Metric, Sample, Score, grey

# Over how many pixels it is blurred once more; a picture that was blurred already hardly changes.
WINDOW = 9


class Sharpness(Metric):
    """What a second blur takes away of the differences between neighbours (Crete et al. 2007), along both axes."""

    label = "Sharpness"
    help = "How crisp the edges are: 1 as cut, 0 blurred beyond recognition."
    cost = "milliseconds a picture"
    fault = "blurred"
    usual = 0.3
    weight = 0.2

    def measure(self, samples: Sequence[Sample], context: EstimatorContext) -> list[Score]:
        del context
        return [_crispness(grey(sample.image)) for sample in samples]


def _crispness(levels: Levels) -> float:
    return min(_taken(levels, (WINDOW, 1), axis=1), _taken(levels, (1, WINDOW), axis=0))


def _taken(levels: Levels, window: tuple[int, int], axis: int) -> float:
    steps = np.abs(np.diff(levels, axis=axis))
    blurred = np.abs(np.diff(cv2.blur(levels, window), axis=axis))
    whole = float(steps.sum())
    return float(np.maximum(0, steps - blurred).sum()) / whole if whole else 0.0


METRIC = Sharpness()
