"""What the metrics say of stored pictures: measured behind the queue, each score with the item that it is of."""

import json
import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from studio.backends.base import Backend
from studio.catalogue.models import Catalogue
from studio.controls.base import EstimatorContext
from studio.errors import NotFound, StorageError, StudioError, Unreadable
from studio.events import Event, Finished
from studio.jobs.kinds import KINDS
from studio.jobs.kinds.base import PASSES, Pass
from studio.jobs.scheduler import Scheduler
from studio.library import Library
from studio.metadata import png
from studio.metrics import METRICS
from studio.metrics.base import SMALL, Sample, Score
from studio.settings import Settings
from studio.storage.connections import parsed
from studio.storage.database import Database

log = logging.getLogger(__name__)

# Pictures that are measured together: more share the overhead, and wait longer for their scores.
BATCH = 16
# The pictures that jobs have made and that are measured; those of a set are held against each other.
PICTURES = """SELECT scores.job, scores.item, set_id, path, quick, slow FROM scores
    JOIN items ON items.job = scores.job AND items.number = scores.item
    LEFT JOIN candidate_jobs AS made ON made.id = scores.job"""


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
                missing[name] = f"Something broke inside this metric ({type(error).__name__})."
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


class Picture(NamedTuple):
    """A stored picture that is measured: the item that it is of, and what the quick pass found so far."""

    job: str
    item: int
    path: Path
    quick: Mapping[str, float] | None


class Scores:
    """What the metrics said of pictures, by the item of the job that made each. StorageError where it fails."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def unmeasured(self, which: Pass) -> dict[str | None, list[Picture]]:
        """What has not been through this pass, by the set that it is of, oldest first."""
        found: dict[str | None, list[Picture]] = {}
        with self._database.read() as rows:
            for row in rows.execute(f"{PICTURES} WHERE {which} IS NULL ORDER BY scores.rowid"):
                found.setdefault(row["set_id"], []).extend(self._pictures([row]))
        return {group: pictures for group, pictures in found.items() if pictures}

    def of_set(self, set_id: str) -> list[Picture]:
        """All pictures of a set."""
        with self._database.read() as rows:
            query = f"{PICTURES} WHERE set_id = ? ORDER BY first + scores.item"
            return self._pictures(rows.execute(query, (set_id,)))

    def add(self, which: Pass, scores: Mapping[tuple[str, int], Mapping[str, float]]) -> None:
        """What a pass found, by job and item."""
        statement = f"UPDATE scores SET {which} = ? WHERE job = ? AND item = ?"  # noqa: S608 - a column
        with self._database.write() as rows:
            rows.executemany(statement, [(json.dumps(dict(found)), *item) for item, found in scores.items()])

    def missing(self, set_id: str, missing: Mapping[str, str], tried: Iterable[str]) -> None:
        """Of the metrics that were tried on a set, these are missing, each with why."""
        with self._database.write() as rows:
            row = rows.execute("SELECT missing FROM candidate_sets WHERE id = ?", (set_id,)).fetchone()
            before = parsed(row and row["missing"], dict[str, str]())
            still_missing = {name: why for name, why in before.items() if name not in set(tried)} | dict(missing)
            rows.execute("UPDATE candidate_sets SET missing = ? WHERE id = ?", (json.dumps(still_missing), set_id))

    def forget(self, set_id: str) -> None:
        """Have all pictures of a set measured anew."""
        jobs = "SELECT id FROM candidate_jobs WHERE set_id = ?"
        with self._database.write() as rows:
            rows.execute(f"UPDATE scores SET quick = NULL, slow = NULL WHERE job IN ({jobs})", (set_id,))  # noqa: S608

    def _pictures(self, rows: Iterable[Any]) -> list[Picture]:
        return [
            Picture(row["job"], row["item"], self._folder / row["path"], known_scores(row["quick"]))
            for row in rows
            if isinstance(row["path"], str)
        ]


def known_scores(text: Any) -> dict[str, float] | None:
    """What a pass found, by the metrics that there are; None where it is still to come."""
    found = parsed(text, dict[str, Any]())
    known = {name: one for name, one in found.items() if name in METRICS and isinstance(one, int | float)}
    return known if text else None


class Measuring:
    """Measures what jobs make, behind the queue: a thread for what needs no waiting, one for what needs the device.

    `changed` is called when there are new scores. What an earlier studio left is measured from `start` on.
    """

    def __init__(self, jobs: Scheduler, library: Library, scorer: Scorer) -> None:
        self.scores = Scores(jobs.database, library.folder)
        self.changed: Callable[[], None] = lambda: None
        self._scorer = scorer
        self._lock = threading.Lock()
        self._closing = False
        self._todo = {which: threading.Event() for which in PASSES}
        self._workers: list[threading.Thread] = []
        for kind in (name for name, kind in KINDS.items() if kind.measured):
            jobs.listen(kind, self._on_event)

    def start(self) -> None:
        """Measure what is not measured yet."""
        with self._lock:
            if not self._workers:
                self._workers = [
                    threading.Thread(target=self._work, args=(which, todo), name=f"measuring-{which}", daemon=True)
                    for which, todo in self._todo.items()
                ]
                for worker in self._workers:
                    worker.start()
        for todo in self._todo.values():
            todo.set()

    def run(self, which: Pass) -> None:
        """Measure here and now what has not been through this pass."""
        while (waiting := self.scores.unmeasured(which)) and not self._closing:
            for set_id, pictures in waiting.items():
                self._measure(set_id, which, self._alike(pictures[:BATCH]))
                self.changed()

    def close(self) -> None:
        """End; what is not measured yet is at the next start. Call it when the jobs are closed."""
        self._closing = True
        for todo in self._todo.values():
            todo.set()
        for worker in self._workers:
            worker.join()

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Finished):
            self.start()

    def _work(self, which: Pass, todo: threading.Event) -> None:
        while not self._closing:
            todo.wait()
            todo.clear()
            try:
                self.run(which)
            except StorageError:
                log.exception("Pictures could not be measured")

    def _alike(self, pictures: Sequence[Picture]) -> list[Picture]:
        """Those that are measured by the same metrics at once as the first."""
        first = self._scorer.at_once(pictures[0].path)
        return [one for one in pictures if self._scorer.at_once(one.path) == first]

    def _measure(self, set_id: str | None, which: Pass, part: Sequence[Picture]) -> None:
        """Measure some pictures, and in the quick pass hold those of a set against each other again."""
        quick = self._scorer.at_once(part[0].path)
        names = quick if which == "quick" else [name for name in METRICS if name not in quick]
        found = self._scorer.measure([one.path for one in part], [name for name in names if not METRICS[name].among])
        scores = {(one.job, one.item): of for one, of in zip(part, found.scores, strict=True)}
        among = [name for name in names if METRICS[name].among]
        if set_id and among:
            every = self.scores.of_set(set_id)
            for one, of in zip(every, self._scorer.measure([one.path for one in every], among).scores, strict=True):
                place = (one.job, one.item)
                if place in scores or one.quick is not None:
                    scores[place] = {**(one.quick or {}), **scores.get(place, {}), **of}
        if set_id:
            self.scores.missing(set_id, found.missing, names)
        self.scores.add(which, scores)


def _sample(path: Path) -> Sample | None:
    """A picture with what its file says of it; None where there is none."""
    try:
        with Image.open(path) as image:
            picture = image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    try:
        return Sample(picture, png.read(path), png.read_facts(path))
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
