"""The jobs on disk: what waits survives a restart, and what was finished can be found again."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection, Row
from typing import Any, Literal, get_args

from studio.errors import InvalidRecipe, StorageError, Unreadable
from studio.parsing import ParseError
from studio.recipe import Recipe
from studio.storage.database import Database

log = logging.getLogger(__name__)

State = Literal["waiting", "running", "done", "stopped", "failed"]

ENTRIES = "SELECT id, owner, created, state, attempts, seconds, message, hint, field FROM jobs"
OPEN = "state NOT IN ('done', 'stopped', 'failed')"
ITEMS = "SELECT job, number, recipe FROM items"
EVENT = "INSERT INTO events SELECT ?, COALESCE(MAX(position), -1) + 1, ?, ?, ? FROM events WHERE job = ?"

# The end of the times that a calendar can show, in seconds.
LAST = 250_000_000_000.0
OTHER_VERSION = "It was made by another version of the studio: start it again from the page."


@dataclass(frozen=True)
class Entry:
    """One job as it stands on disk; `attempts` counts how often it was begun, the last three tell how it ended."""

    id: str
    owner: str
    created: float
    recipes: tuple[Recipe, ...]
    state: State
    attempts: int
    seconds: float
    message: str
    hint: str
    field: str | None


class Ledger:
    """All jobs, oldest first; belongs to the one studio of its database. Safe to call from any thread.

    InUse where there is another studio, StorageError where the database cannot be used.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._closed = False
        database.hold()

    def add(self, job: str, owner: str, created: float, recipes: Sequence[Recipe]) -> None:
        """A new job, waiting, with an item for each recipe."""
        items = [(job, number, recipe.to_json()) for number, recipe in enumerate(recipes)]
        with self._database.write() as rows:
            rows.execute("INSERT INTO jobs (id, owner, created) VALUES (?, ?, ?)", (job, owner, created))
            rows.executemany("INSERT INTO items (job, number, recipe) VALUES (?, ?, ?)", items)
            _note(rows, job, "queued")

    def begin(self, job: str) -> None:
        """The job runs; it counts as an attempt until it ends or is put back."""
        self._turn(job, "running", 1, "started")

    def put_back(self, job: str) -> None:
        """The job waits again; through no fault of its own, so the attempt does not count."""
        self._turn(job, "waiting", -1, "returned")

    def end(
        self, job: str, state: State, seconds: float = 0, message: str = "", hint: str = "", field: str | None = None
    ) -> None:
        """The job is over."""
        change = "UPDATE jobs SET state = ?, seconds = ?, message = ?, hint = ?, field = ? WHERE id = ?"
        with self._database.write() as rows:
            rows.execute(change, (state, seconds, message, hint, field, job))
            rows.execute("UPDATE items SET state = ? WHERE job = ? AND state != 'done'", (state, job))
            _note(rows, job, state)

    def forget_old(self, owner: str, kept: int) -> list[str]:
        """Remove the owner's ended jobs but for the newest `kept`, and say which; their images stay in the library."""
        query = f"SELECT id FROM jobs WHERE owner = ? AND NOT {OPEN} ORDER BY number DESC LIMIT -1 OFFSET ?"  # noqa: S608
        old = [job for (job,) in self._read(query, owner, kept)]
        if old:
            with self._database.write() as rows:
                rows.executemany("DELETE FROM jobs WHERE id = ?", [(job,) for job in old])
        return old

    def add_image(self, job: str, image: int, path: str, seconds: float) -> None:
        """Image number `image` of the job is stored at `path`."""
        change = (
            "UPDATE items SET state = 'done', path = ?1, seconds = ? WHERE job = ? AND number = ? AND path IS NOT ?1"
        )
        with self._database.write() as rows:
            if rows.execute(change, (path, seconds, job, image)).rowcount:
                _note(rows, job, "finished", image)

    def images(self, job: str) -> list[tuple[int, str, float]]:
        """The stored images of a job: number, path, seconds; in the order they came."""
        query = """SELECT number, path, items.seconds FROM items LEFT JOIN (
            SELECT item, MIN(position) AS position FROM events WHERE job = ?1 AND kind = 'finished' GROUP BY item
            ) ON item = number WHERE job = ?1 AND path IS NOT NULL ORDER BY position, number"""
        rows = [tuple(row) for row in self._read(query, job)]
        return [row for row in rows if [*map(type, row)] in ([int, str, float], [int, str, int])]

    def unfinished(self) -> list[Entry]:
        """Every job that waits or was begun, oldest first; one that cannot be read has failed with the reason.

        That one stays on disk as it is; one without id or owner is left out.
        """
        return [_entry(row, items) for row, items in self._whole(f"WHERE {OPEN}") if _belongs(row)]

    def entry(self, job: str) -> Entry | None:
        """One job; None where there is none of this id."""
        return next((_entry(row, items) for row, items in self._whole("WHERE id = ?", job) if _belongs(row)), None)

    def of(self, owner: str) -> list[str]:
        """The ids of the owner's jobs, newest first."""
        rows = self._read("SELECT id FROM jobs WHERE owner = ? ORDER BY number DESC", owner)
        return [job for (job,) in rows if job and isinstance(job, str)]

    def close(self) -> None:
        """Let go of the database, for another studio."""
        self._closed = True
        self._database.close()

    def _turn(self, job: str, state: State, attempts: int, kind: str) -> None:
        with self._database.write() as rows:
            change = "SET state = ?, attempts = COALESCE(attempts, 0) + ?"
            rows.execute(f"UPDATE jobs {change} WHERE id = ?", (state, attempts, job))
            rows.execute(f"UPDATE items {change} WHERE job = ? AND state != 'done'", (state, attempts, job))
            _note(rows, job, kind)

    def _whole(self, which: str, *values: object) -> list[tuple[Row, list[Row]]]:
        """The rows of these jobs, oldest first, each with those of its items."""
        jobs = self._read(f"{ENTRIES} {which} ORDER BY number", *values)
        items: dict[str, list[Row]] = {}
        query = f"{ITEMS} WHERE job IN (SELECT id FROM jobs {which}) ORDER BY job, number"  # noqa: S608 - from above
        for item in self._read(query, *values):
            items.setdefault(item["job"], []).append(item)
        return [(job, items.get(job["id"], [])) for job in jobs]

    def _read(self, query: str, *values: object) -> list[Row]:
        """The rows of a query; none after the end, when a page may still ask."""
        if self._closed:
            return []
        try:
            with self._database.read() as rows:
                return rows.execute(query, values).fetchall()
        except StorageError as error:  # a page of the file that broke after the start
            log.warning("Some of the list of jobs cannot be read: %s", error)
            return []


def damaged_jobs(database: Database) -> list[Unreadable]:
    """What is wrong with jobs on disk, also beside the studio that runs them."""
    with database.read() as rows:
        jobs = rows.execute(ENTRIES).fetchall()
        items: dict[str, list[Row]] = {}
        for item in rows.execute(f"{ITEMS} ORDER BY job, number"):
            items.setdefault(item["job"], []).append(item)
    found = [
        Unreadable("A job without an id or owner is left out.", OTHER_VERSION) for job in jobs if not _belongs(job)
    ]
    entries = [_entry(job, items.get(job["id"], [])) for job in jobs if _belongs(job)]
    return found + [Unreadable(f"{one.id}: {one.message}", one.hint) for one in entries if one.hint == OTHER_VERSION]


def _note(rows: Connection, job: str, kind: str, item: int | None = None) -> None:
    """Add to the log of a job."""
    rows.execute(EVENT, (job, time.time(), kind, item, job))


def _belongs(row: Row) -> bool:
    """Whether it can be found: it has an id and an owner."""
    return all(row[name] and isinstance(row[name], str) for name in ("id", "owner"))


def _entry(row: Row, items: Sequence[Row]) -> Entry:
    """A job from whatever its rows hold."""
    created, seconds = (_seconds(row[name]) for name in ("created", "seconds"))
    state = row["state"]
    fault = f"Its state is {state!r}" if state not in get_args(State) else ""
    try:
        recipes = _recipes(items)
    except (ParseError, InvalidRecipe) as error:
        recipes, fault = (), str(error)
    if fault:
        told = f"The job cannot be read ({fault.removesuffix('.')})."
        return Entry(row["id"], row["owner"], created, recipes, "failed", 0, seconds, told, OTHER_VERSION, None)
    tried = row["attempts"] if isinstance(row["attempts"], int) else 0
    message, hint = (str(row[name] or "") for name in ("message", "hint"))
    field = row["field"] and str(row["field"])
    return Entry(row["id"], row["owner"], created, recipes, state, tried, seconds, message, hint, field)


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value < LAST else 0.0


def _recipes(items: Sequence[Row]) -> tuple[Recipe, ...]:
    whole = items and all(item["number"] == at and isinstance(item["recipe"], str) for at, item in enumerate(items))
    if not whole:
        raise ParseError("it lacks a recipe", OTHER_VERSION)
    return tuple(Recipe.from_json(item["recipe"]) for item in items)
