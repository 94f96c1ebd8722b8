"""What can be said of a picture in a number: one file is one metric."""

from studio.metrics.base import Metric
from studio.registry import Registry

METRICS: Registry[Metric] = Registry("studio.metrics", "METRIC", Metric)  # type: ignore[type-abstract]
