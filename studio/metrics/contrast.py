"""How far apart light and dark are."""

from collections.abc import Sequence

from studio.controls.base import EstimatorContext
from studio.metrics.base import Metric, Sample, Score, grey


class Contrast(Metric):
    """The spread of the luminance; half black and half white is 1."""

    label = "Contrast"
    help = "How far apart light and dark are: 0 one flat tone, 1 half black and half white."
    cost = "milliseconds a picture"
    fault = "flat"
    usual = 0.15
    weight = 0.1

    def measure(self, samples: Sequence[Sample], context: EstimatorContext) -> list[Score]:
        del context
        return [float(grey(sample.image).std()) / 127.5 for sample in samples]


METRIC = Contrast()
