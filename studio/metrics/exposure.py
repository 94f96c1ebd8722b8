"""How much has drowned in black or burnt to white."""

from collections.abc import Sequence

from studio.controls.base import Workshop
from studio.metrics.base import Metric, Score, Shot, grey, share

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

    def measure(self, shots: Sequence[Shot], workshop: Workshop) -> list[Score]:
        del workshop
        tones = (grey(shot.image) for shot in shots)
        return [share((tone <= DARK) | (tone >= LIGHT)) for tone in tones]


METRIC = Exposure()
