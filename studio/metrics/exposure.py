"""How much has drowned in black or burnt to white."""

from collections.abc import Sequence

from studio.controls.base import EstimatorContext
from studio.metrics.base import Metric, Sample, Score, grey, share

# Levels at which nothing can be told apart any more.
DARK, LIGHT = 2, 253


class Exposure(Metric):
    """The share of pixels that are as good as black or white."""

    label = "Exposure clipping"
    help = "The share of the picture that is plain black or plain white, without detail."
    cost = "milliseconds a picture"
    better = "lower"
    fault = "clipped"
    usual = 0.25

    def measure(self, samples: Sequence[Sample], context: EstimatorContext) -> list[Score]:
        del context
        tones = (grey(sample.image) for sample in samples)
        return [share((tone <= DARK) | (tone >= LIGHT)) for tone in tones]


METRIC = Exposure()
