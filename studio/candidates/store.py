"""Sets of candidates on disk: what was made for each, its scores, and what its owner said of it."""

import json
import logging
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from studio.candidates.ranking import Filter, Rating
from studio.errors import InvalidRecipe, NotFound
from studio.events import Dropped
from studio.jobs.fallen import read_fallen
from studio.library.rows import rate_item
from studio.measuring import known_scores
from studio.metrics import METRICS
from studio.placing import Scores
from studio.recipe import Recipe
from studio.storage.connections import parsed
from studio.storage.database import Database

VERDICTS = ("keep", "reject")
RATINGS = range(1, 6)

log = logging.getLogger(__name__)

# The pictures of sets: what the items of their jobs made, each with its scores.
PICTURES = """SELECT first + items.number AS image, path, recipe, seconds, quick, slow FROM candidate_jobs AS made
    JOIN items ON items.job = made.id JOIN scores ON scores.job = made.id AND scores.item = items.number
    WHERE set_id = ? ORDER BY image"""
DROPPED = """SELECT first + items.number AS image, made.id AS job, items.number AS item, recipe, fell
    FROM candidate_jobs AS made JOIN items ON items.job = made.id WHERE set_id = ? AND state = 'dropped'
    ORDER BY image"""
GOING = """SELECT EXISTS (SELECT 1 FROM candidate_jobs AS made JOIN items ON items.job = made.id
    WHERE set_id = ? AND state IN ('waiting', 'running'))"""


@dataclass(frozen=True)
class Batch:
    """A job of a set: it makes `count` images, the first of which is number `first` of the set."""

    job: str
    first: int
    count: int


@dataclass(frozen=True)
class Candidate:
    """One picture of a set; `scores` are None before the quick pass, `is_measured` tells that both are over."""

    image: int
    path: Path
    recipe: Recipe
    seconds: float
    scores: Scores | None
    is_measured: bool
    mark: Rating


@dataclass(frozen=True)
class DroppedCandidate:
    """A picture of a set that fell behind in a race: item `item` of `job`; `event` says where, and shows it."""

    image: int
    job: str
    item: int
    recipe: Recipe
    event: Dropped


@dataclass(frozen=True)
class CandidateSet:
    """A set of candidates; `base` makes more of it, None where it was made of several recipes.

    `going` is whether pictures of it were still to come when it was read; `dropped` are those that no more come.
    """

    id: str
    owner: str
    created: float
    title: str
    base: Recipe | None
    rules: Filter
    missing: Mapping[str, str]
    batches: tuple[Batch, ...]
    candidates: tuple[Candidate, ...]
    going: bool = False
    dropped: tuple[DroppedCandidate, ...] = ()

    @property
    def count(self) -> int:
        """How many there are when all are made."""
        return sum(batch.count for batch in self.batches)


class CandidateStore:
    """All sets. What is written is on the disk, as a whole, when a method returns; StorageError where it cannot be.

    `images` is the library's folder: paths are kept relative to it.
    """

    def __init__(self, database: Database, images: Path) -> None:
        self._database = database
        self._images = images

    def add_set(self, set_id: str, owner: str, title: str, base: Recipe | None, rules: Filter) -> None:
        """A new set, still without a job."""
        base_text = base.to_json() if base else None
        with self._database.write() as database:
            database.execute(
                "INSERT INTO candidate_sets (id, owner, created, title, asked, sieve) VALUES (?, ?, ?, ?, ?, ?)",
                (set_id, owner, time.time(), title, base_text, json.dumps(asdict(rules))),
            )

    def add_job(self, set_id: str, job: str, count: int) -> None:
        """A job that makes `count` more images for the set."""
        with self._database.write() as database:
            query = "SELECT COALESCE(SUM(count), 0) FROM candidate_jobs WHERE set_id = ?"
            (first,) = database.execute(query, (set_id,)).fetchone()
            database.execute(
                "INSERT INTO candidate_jobs (id, set_id, first, count) VALUES (?, ?, ?, ?)", (job, set_id, first, count)
            )

    def set_filter(self, set_id: str, rules: Filter) -> None:
        """Filter and rank by this from now on."""
        with self._database.write() as database:
            database.execute("UPDATE candidate_sets SET sieve = ? WHERE id = ?", (json.dumps(asdict(rules)), set_id))

    def last_filter(self, owner: str) -> Filter:
        """What the owner last filtered by; the metrics' own limits and weights where nothing yet."""
        with self._database.read() as database:
            query = "SELECT sieve FROM candidate_sets WHERE owner = ? ORDER BY number DESC LIMIT 1"
            row = database.execute(query, (owner,)).fetchone()
        return _filter(row["sieve"]) if row else Filter()

    def add_mark(self, set_id: str, image: int, mark: Rating) -> None:
        """What the owner says of an image from now on."""
        with self._database.write() as database:
            before = _last_mark(database, set_id, image)
            database.execute(
                "INSERT INTO ratings (set_id, image, verdict, star, rating) VALUES (?, ?, ?, ?, ?)",
                (set_id, image, mark.verdict, mark.star, mark.rating),
            )
            _tell_library(database, set_id, image, before, mark)

    def undo(self, set_id: str) -> int | None:
        """Take back the last mark of the set; returns its image, None where there is no mark."""
        with self._database.write() as database:
            query = "SELECT number, image FROM ratings WHERE set_id = ? ORDER BY number DESC LIMIT 1"
            row = database.execute(query, (set_id,)).fetchone()
            if row is None:
                return None
            image = int(row["image"])
            before = _last_mark(database, set_id, image)
            database.execute("DELETE FROM ratings WHERE number = ?", (row["number"],))
            _tell_library(database, set_id, image, before, _last_mark(database, set_id, image))
            return image

    def get(self, set_id: str, owner: str) -> CandidateSet:
        """A set as it stands; NotFound where the owner has no such set."""
        with self._database.read() as database:
            query = "SELECT * FROM candidate_sets WHERE id = ? AND owner = ?"
            row = database.execute(query, (set_id, owner)).fetchone()
            if row is None:
                raise _no_set()
            jobs, images, marks, dropped, (going,) = (
                database.execute(query, (set_id,)).fetchall()
                for query in (
                    "SELECT * FROM candidate_jobs WHERE set_id = ? ORDER BY number",
                    PICTURES,
                    "SELECT * FROM ratings WHERE set_id = ? ORDER BY number",
                    DROPPED,
                    GOING,
                )
            )
        by_image = {mark["image"]: _mark(mark) for mark in marks}
        return CandidateSet(
            set_id,
            owner,
            row["created"],
            row["title"],
            _recipe(row["asked"]),
            _filter(row["sieve"]),
            parsed(row["missing"], dict[str, str]()),
            tuple(_batch(job["id"], job["first"], job["count"]) for job in jobs),
            tuple(filter(None, (self._candidate(image, by_image.get(image["image"], Rating())) for image in images))),
            bool(going[0]),
            tuple(filter(None, map(_dropped, dropped))),
        )

    def of(self, owner: str) -> list[tuple[str, str, float, int]]:
        """The owner's sets, newest first: id, title, when it was asked for, how many pictures it has."""
        query = """SELECT id, title, created, (SELECT COUNT(*) FROM candidate_jobs AS jobs
            JOIN scores ON scores.job = jobs.id WHERE set_id = sets.id) AS made
            FROM candidate_sets AS sets WHERE owner = ? ORDER BY number DESC"""
        with self._database.read() as database:
            return [(row["id"], row["title"], row["created"], row["made"]) for row in database.execute(query, (owner,))]

    def picks(self, owner: str) -> list[tuple[Sequence[Scores], Sequence[Rating]]]:
        """Scores and marks of each set in which the owner said something."""
        query = "SELECT DISTINCT set_id FROM ratings JOIN candidate_sets AS sets ON sets.id = set_id WHERE owner = ?"
        with self._database.read() as database:
            set_ids = [row["set_id"] for row in database.execute(query, (owner,))]
        found = (self.get(set_id, owner).candidates for set_id in set_ids)
        return [([one.scores or {} for one in every], [one.mark for one in every]) for every in found]

    def _candidate(self, row: sqlite3.Row, mark: Rating) -> Candidate | None:
        """A picture; None where its row is damaged or of another version, which takes no other picture along."""
        quick, slow = (known_scores(row[which]) for which in ("quick", "slow"))
        recipe = _recipe(row["recipe"])
        if recipe is None or not isinstance(row["path"], str):
            log.warning("A candidate cannot be read, and is left out.")
            return None
        return Candidate(
            row["image"],
            self._images / row["path"],
            recipe,
            row["seconds"] if isinstance(row["seconds"], float) else 0.0,
            None if quick is None else {**quick, **(slow or {})},
            quick is not None and slow is not None,
            mark,
        )


def _last_mark(database: sqlite3.Connection, set_id: str, image: int) -> Rating:
    """What the owner said last of an image."""
    query = "SELECT verdict, star, rating FROM ratings WHERE set_id = ? AND image = ? ORDER BY number DESC LIMIT 1"
    row = database.execute(query, (set_id, image)).fetchone()
    return _mark(row) if row else Rating()


def _tell_library(database: sqlite3.Connection, set_id: str, image: int, before: Rating, mark: Rating) -> None:
    """Have the library's picture say the same, as far as a star or rating is another one than before."""
    values: dict[str, int | None] = {} if mark.star == before.star else {"star": int(mark.star)}
    values |= {} if mark.rating == before.rating else {"rating": mark.rating}
    query = "SELECT id, first FROM candidate_jobs WHERE set_id = ?1 AND first <= ?2 AND ?2 < first + count"
    for job, first in database.execute(query, (set_id, image)).fetchall() if values else ():
        rate_item(database, job, image - first, values)


def _mark(row: sqlite3.Row) -> Rating:
    verdict, rating = row["verdict"], row["rating"]
    is_rated = isinstance(rating, int) and rating in RATINGS
    return Rating(verdict if verdict in VERDICTS else None, bool(row["star"]), rating if is_rated else None)


def _dropped(row: sqlite3.Row) -> DroppedCandidate | None:
    recipe, event = _recipe(row["recipe"]), read_fallen(row["item"], row["fell"])
    return DroppedCandidate(row["image"], row["job"], row["item"], recipe, event) if recipe and event else None


def _batch(job: str, first: Any, count: Any) -> Batch:
    return Batch(job, *(number if isinstance(number, int) else 0 for number in (first, count)))


def _recipe(text: Any) -> Recipe | None:
    try:
        return Recipe.from_json(text) if isinstance(text, str) else None
    except InvalidRecipe:
        return None


def _filter(text: Any) -> Filter:
    """What is filtered by; the metrics' own limits where that cannot be read."""
    try:
        rules = TypeAdapter(Filter).validate_python(parsed(text, dict[str, Any]()))
    except ValidationError:
        return Filter()
    limits = {name: one for name, one in rules.limits.items() if name in METRICS}
    weights = {name: one for name, one in rules.weights.items() if name in METRICS}
    return replace(rules, limits=limits, weights=weights)


def _no_set() -> NotFound:
    return NotFound("There is no such set of candidates.", "Choose another one.")
