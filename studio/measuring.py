"""Stored pictures, and what the metrics say of them."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from PIL import Image

from studio.backends.base import Backend
from studio.catalogue.models import Catalogue
from studio.controls.base import Workshop
from studio.errors import NotFound, StudioError, Unreadable
from studio.metadata import png
from studio.metrics import METRICS
from studio.metrics.base import SMALL, Score, Shot
from studio.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Measured:
    """The scores of each picture by metric, of those that had something to say; and why whole metrics are missing."""

    scores: tuple[dict[str, float], ...]
    missing: dict[str, str]


class Gauge:
    """Measures pictures. What runs a network has the device as a borrower, or runs on the CPU where it is small."""

    def __init__(self, settings: Settings, catalogue: Catalogue, backend: Backend) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._backend = backend

    def measure(self, paths: Sequence[Path], metrics: Collection[str] | None = None) -> Measured:
        """What these metrics, or all, say of stored pictures; one that cannot be read any more has no scores."""
        names = METRICS if metrics is None else metrics
        look = _small if all(METRICS[name].among for name in names) else _shot
        seen = {at: shot for at, path in enumerate(paths) if (shot := look(path))}
        found = self.score(list(seen.values()), names)
        by_place = dict(zip(seen, found.scores, strict=True))
        return Measured(tuple(by_place.get(at, {}) for at in range(len(paths))), found.missing)

    def score(self, shots: Sequence[Shot], metrics: Collection[str] | None = None) -> Measured:
        """What these metrics, or all, say of pictures, held against each other where a metric does that.

        A metric that cannot be had says why, and the others go on.
        """
        scores: tuple[dict[str, float], ...] = tuple({} for _ in shots)
        missing: dict[str, str] = {}
        small = [_shrunk(shot) for shot in shots]
        for name in METRICS if metrics is None else metrics:
            try:
                found = self._by(name, small if METRICS[name].among else shots)
            except StudioError as error:
                missing[name] = str(error)
            except Exception as error:
                log.exception("%s could not be measured", name)
                missing[name] = f"Something broke inside this metric ({type(error).__name__})."
            else:
                for mine, score in zip(scores, found, strict=True):
                    if score is not None:
                        mine[name] = score
        return Measured(scores, missing)

    def at_once(self, path: Path) -> list[str]:
        """The metrics that a picture like this is measured by without waiting for the device."""
        shot = _small(path)
        own = shot is not None and self._is_starters(shot)
        return [name for name, metric in METRICS.items() if not metric.networked or (own and metric.embedded)]

    def _by(self, name: str, shots: Sequence[Shot]) -> list[Score]:
        metric = METRICS[name]
        if not metric.networked:
            return metric.measure(shots, Workshop(self._settings))
        own = [self._is_starters(shot) for shot in shots]
        scores: list[Score] = [None for _ in shots]
        for starter in sorted(set(own)):
            part = [at for at, is_own in enumerate(own) if is_own is starter]
            found = self._backend.measure(name, [shots[at] for at in part], starter=starter)
            for at, score in zip(part, found, strict=True):
                scores[at] = score
        return scores

    def _is_starters(self, shot: Shot) -> bool:
        model = shot.recipe.model if shot.recipe else None
        return model is not None and model in self._catalogue and self._catalogue[model].family_facts().embedded


def _shot(path: Path) -> Shot | None:
    """A picture with what its file says of it; None where there is none."""
    try:
        with Image.open(path) as image:
            picture = image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    try:
        return Shot(picture, png.read(path), png.read_facts(path))
    except (NotFound, Unreadable):
        return Shot(picture)


@lru_cache(maxsize=1024)
def _small(path: Path) -> Shot | None:
    shot = _shot(path)
    return _shrunk(shot) if shot else None


def _shrunk(shot: Shot) -> Shot:
    """The same, as large as those are seen that are held against each other."""
    if max(shot.image.size) <= SMALL:
        return shot
    image = shot.image.copy()
    image.thumbnail((SMALL, SMALL), Image.Resampling.BOX)
    return replace(shot, image=image)
