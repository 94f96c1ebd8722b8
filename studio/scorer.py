"""Stored pictures, and what the metrics say of them."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from PIL import Image

from studio.backends.base import Backend
from studio.catalogue.models import Catalogue
from studio.controls.base import EstimatorContext
from studio.errors import NotFound, StudioError, Unreadable
from studio.metadata import own
from studio.metrics import METRICS
from studio.metrics.base import SMALL, Sample, Score
from studio.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Measurement:
    """The scores of each picture by metric, of those that had something to say; and why whole metrics are missing."""

    scores: tuple[dict[str, float], ...]
    missing: dict[str, str]


class Scorer:
    """Measures pictures. What runs a network has the device as a borrower, or runs on the CPU where it is small."""

    def __init__(self, settings: Settings, catalogue: Catalogue, backend: Backend) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._backend = backend

    def measure(self, paths: Sequence[Path], metrics: Collection[str] | None = None) -> Measurement:
        """What these metrics, or all, say of stored pictures; one that cannot be read any more has no scores."""
        names = METRICS if metrics is None else metrics
        look = _small if all(METRICS[name].among for name in names) else _sample
        seen = {at: sample for at, path in enumerate(paths) if (sample := look(path))}
        found = self.score(list(seen.values()), names)
        by_place = dict(zip(seen, found.scores, strict=True))
        return Measurement(tuple(by_place.get(at, {}) for at in range(len(paths))), found.missing)

    def score(self, samples: Sequence[Sample], metrics: Collection[str] | None = None) -> Measurement:
        """What these metrics, or all, say of pictures, held against each other where a metric does that.

        A metric that cannot be had says why, and the others go on.
        """
        scores: tuple[dict[str, float], ...] = tuple({} for _ in samples)
        missing: dict[str, str] = {}
        small = [_shrunk(sample) for sample in samples]
        for name in METRICS if metrics is None else metrics:
            try:
                found = self._by(name, small if METRICS[name].among else samples)
            except StudioError as error:
                missing[name] = str(error)
            except Exception as error:
                log.exception("%s could not be measured", name)
                missing[name] = f"Something went wrong inside this metric ({type(error).__name__})."
            else:
                for mine, score in zip(scores, found, strict=True):
                    if score is not None:
                        mine[name] = score
        return Measurement(scores, missing)

    def at_once(self, path: Path) -> list[str]:
        """The metrics that a picture like this is measured by without waiting for the device."""
        sample = _small(path)
        own = sample is not None and self._is_starters(sample)
        return [name for name, metric in METRICS.items() if not metric.networked or (own and metric.embedded)]

    def _by(self, name: str, samples: Sequence[Sample]) -> list[Score]:
        metric = METRICS[name]
        if not metric.networked:
            return metric.measure(samples, EstimatorContext(self._settings))
        own = [self._is_starters(sample) for sample in samples]
        scores: list[Score] = [None for _ in samples]
        for starter in sorted(set(own)):
            part = [at for at, is_own in enumerate(own) if is_own is starter]
            found = self._backend.measure(name, [samples[at] for at in part], starter=starter)
            for at, score in zip(part, found, strict=True):
                scores[at] = score
        return scores

    def _is_starters(self, sample: Sample) -> bool:
        model = sample.recipe.model if sample.recipe else None
        return model is not None and model in self._catalogue and self._catalogue[model].family_facts().embedded


def _sample(path: Path) -> Sample | None:
    """A picture with what its file says of it; None where there is none."""
    try:
        with Image.open(path) as image:
            picture = image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    try:
        return Sample(picture, own.read(path), own.read_facts(path))
    except (NotFound, Unreadable):
        return Sample(picture)


@lru_cache(maxsize=1024)
def _small(path: Path) -> Sample | None:
    sample = _sample(path)
    return _shrunk(sample) if sample else None


def _shrunk(sample: Sample) -> Sample:
    """The same, as large as those are seen that are held against each other."""
    if max(sample.image.size) <= SMALL:
        return sample
    image = sample.image.copy()
    image.thumbnail((SMALL, SMALL), Image.Resampling.BOX)
    return replace(sample, image=image)
