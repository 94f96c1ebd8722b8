"""What jobs made is measured behind the queue, and each score kept with the item that it is of."""

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from studio.errors import StorageError
from studio.events import Event, Finished
from studio.jobs.kinds import KINDS
from studio.jobs.kinds.base import PASSES, Pass
from studio.jobs.scheduler import Scheduler
from studio.library import Library
from studio.library.rows import add_scores
from studio.metrics import METRICS
from studio.scorer import Scorer
from studio.storage.connections import parsed
from studio.storage.database import Database

log = logging.getLogger(__name__)

# Pictures that are measured together: more share the overhead, and wait longer for their scores.
BATCH = 16
# The pictures that jobs have made and that are measured; those of a set are held against each other.
PICTURES = """SELECT scores.job, scores.item, set_id, path, quick, slow FROM scores
    JOIN items ON items.job = scores.job AND items.number = scores.item
    LEFT JOIN candidate_jobs AS made ON made.id = scores.job"""


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
            for item, found in scores.items():
                add_scores(rows, *item, found)

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
