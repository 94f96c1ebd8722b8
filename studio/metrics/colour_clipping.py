"""How much has burnt to a pure colour."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from studio.controls.base import EstimatorContext
from studio.metrics.base import Metric, Sample, Score, colours, share

LOW, HIGH = 1, 254


class ColourClipping(Metric):
    """The share of pixels with channels at both ends: colours beyond what the file can hold.

    Black and white pixels are no burnt colours; see exposure.
    """

    label = "Colour clipping"
    help = "The share of the picture that has burnt out to a pure colour, as happens with too much guidance."
    cost = "milliseconds a picture"
    better = "lower"
    fault = "burnt colours"
    usual = 0.1

    def measure(self, samples: Sequence[Sample], context: EstimatorContext) -> list[Score]:
        del context
        return [_burnt(colours(sample.image)) for sample in samples]


def _burnt(levels: NDArray[np.uint8]) -> float:
    return share(np.any(levels <= LOW, axis=2) & np.any(levels >= HIGH, axis=2))


METRIC = ColourClipping()
