"""Whether the set has such a picture already."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.controls.base import EstimatorContext
from studio.metrics.base import Metric, Sample, Score, colours, grey

# The picture's lowest waves, 8 by 8 of 32 by 32.
SIDE, WAVES = 32, 8
COARSE = 16

Seen = tuple[NDArray[np.bool_], NDArray[np.float32]]


class Duplicate(Metric):
    """The likeness to the most similar picture that came before, by a perceptual hash and by coarse colours.

    It is the lesser of two shares: the equal bits of the hash, and what the mean difference of the colours leaves of 1.
    The hash alone takes most plain pictures for each other.
    """

    label = "Near-duplicate"
    help = "How alike the most similar earlier picture of the set is, by perceptual hash and colours; 1 is the same."
    cost = "milliseconds a picture"
    better = "lower"
    fault = "near-duplicate"
    minimum = 0.5
    usual = 0.95
    limit = 0.95
    among = True

    def measure(self, samples: Sequence[Sample], context: EstimatorContext) -> list[Score]:
        del context
        seen = [(_hash(sample), _coarse(sample)) for sample in samples]
        return [max((_likeness(mine, other) for other in seen[:at]), default=0.0) for at, mine in enumerate(seen)]


def _likeness(one: Seen, other: Seen) -> float:
    return min(float((one[0] == other[0]).mean()), 1 - float(np.abs(one[1] - other[1]).mean()))


def _hash(sample: Sample) -> NDArray[np.bool_]:
    waves = cv2.dct(cv2.resize(grey(sample.image), (SIDE, SIDE), interpolation=cv2.INTER_AREA))[:WAVES, :WAVES].ravel()
    # The first is the brightness of the whole.
    return np.asarray(waves[1:] > np.median(waves[1:]))


def _coarse(sample: Sample) -> NDArray[np.float32]:
    small = cv2.resize(colours(sample.image), (COARSE, COARSE), interpolation=cv2.INTER_AREA)
    return np.asarray(small / 255, np.float32)


METRIC = Duplicate()
