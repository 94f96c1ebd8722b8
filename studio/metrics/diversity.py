"""How unlike the others of the set."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.controls.base import EstimatorContext
from studio.metrics.base import Metric, Sample, Score, colours

SIDE = 16


class Diversity(Metric):
    """The mean distance to the other pictures, of colours and of structure, each at a coarse grain."""

    label = "Diversity"
    help = "How different it is from the rest of the set, in colours and composition."
    cost = "milliseconds a picture"
    fault = "like the others"
    usual = 0.1
    among = True

    def measure(self, samples: Sequence[Sample], context: EstimatorContext) -> list[Score]:
        del context
        if len(samples) < 2:
            return [None for _ in samples]
        seen = np.stack([_coarse(sample) for sample in samples])
        apart = np.sqrt(((seen[:, None] - seen[None]) ** 2).mean(axis=2))
        return [float(row) for row in apart.sum(axis=1) / (len(samples) - 1)]


def _coarse(sample: Sample) -> NDArray[np.float32]:
    """Coarse colours in L*a*b* and the edges between them, each about from 0 to 1."""
    small = cv2.resize(colours(sample.image), (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB) / 100
    return np.concatenate([lab.ravel(), np.diff(lab, axis=0).ravel(), np.diff(lab, axis=1).ravel()])


METRIC = Diversity()
