"""How far apart light and dark are."""

from collections.abc import Sequence

from studio.controls.base import Workshop
from studio.metrics.base import Metric, Score, Shot, grey


class Contrast(Metric):
    """The spread of the luminance; half black and half white is 1."""

    label = "Contrast"
    help = "How far apart light and dark are: 0 one flat tone, 1 half black and half white."
    cost = "milliseconds a picture"
    fault = "flat"
    usual = 0.15
    weight = 0.1

    def measure(self, shots: Sequence[Shot], workshop: Workshop) -> list[Score]:
        del workshop
        return [float(grey(shot.image).std()) / 127.5 for shot in shots]


METRIC = Contrast()
