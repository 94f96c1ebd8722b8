"""What the safety layer said."""

from collections.abc import Sequence

from studio.controls.base import EstimatorContext
from studio.metrics.base import Metric, Sample, Score
from studio.safety.layer import SAFETY


class Safety(Metric):
    """1 where the safety layer let the picture pass, 0 where it took offence; nothing where it was not asked."""

    label = "Output check"
    help = "1 where the safety layer let the picture pass, 0 where it flagged it."
    cost = "nothing: it was asked when the picture was made"
    fault = "flagged by the output check"
    step = 1.0
    usual = 1.0
    limit = 1.0

    def measure(self, samples: Sequence[Sample], context: EstimatorContext) -> list[Score]:
        del context
        verdicts = (sample.facts.get(SAFETY) for sample in samples)
        return [None if verdict is None else float(verdict == "passed") for verdict in verdicts]


METRIC = Safety()
