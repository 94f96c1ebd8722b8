"""The jobs on disk, in SQLite: what waits survives a restart, and what was finished can be found again."""

import json
import logging
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from studio.database import check_tables, is_damage, readable, reason, set_aside
from studio.errors import InUse, InvalidRecipe, NotWritable, StorageError, Unreadable
from studio.parsing import ParseError, parse_json
from studio.recipe import Recipe

log = logging.getLogger(__name__)

State = Literal["waiting", "running", "done", "stopped", "failed"]

ENTRIES = "SELECT id, owner, created, recipes, state, attempts, seconds, message, hint, field FROM jobs"
IDS = "SELECT id FROM jobs WHERE owner = ?"
ENDED = "('done', 'stopped', 'failed')"
SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY, id TEXT UNIQUE, owner TEXT, created REAL, recipes TEXT,
    state TEXT DEFAULT 'waiting', attempts INTEGER DEFAULT 0,
    seconds REAL DEFAULT 0, message TEXT DEFAULT '', hint TEXT DEFAULT '', field TEXT
);
CREATE INDEX IF NOT EXISTS jobs_of_owner ON jobs (owner);
CREATE TABLE IF NOT EXISTS images (
    job TEXT, image INTEGER, path TEXT, seconds REAL, PRIMARY KEY (job, image)
);
"""


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
    """All jobs, oldest first; belongs to one studio at a time. Safe to call from any thread.

    `path` None keeps it in memory. A file that is damaged is set aside, and a new one begun. NotWritable where the
    file is not whole, InUse where another studio has it, NotWritable where it cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        self._closed = False
        try:
            self._database = _open(path)
        except sqlite3.Error as error:
            if not is_damage(error):
                raise _unusable(path, error) from error
            self._database = _begun_anew(path, error)

    def add(self, job: str, owner: str, created: float, recipes: Sequence[Recipe]) -> None:
        """A new job, waiting."""
        texts = json.dumps([recipe.to_json() for recipe in recipes])
        self._write("INSERT INTO jobs (id, owner, created, recipes) VALUES (?, ?, ?, ?)", job, owner, created, texts)

    def begin(self, job: str) -> None:
        """The job runs; it counts as an attempt until it ends or is put back."""
        self._write("UPDATE jobs SET state = 'running', attempts = attempts + 1 WHERE id = ?", job)

    def put_back(self, job: str) -> None:
        """The job waits again; through no fault of its own, so the attempt does not count."""
        self._write("UPDATE jobs SET state = 'waiting', attempts = attempts - 1 WHERE id = ?", job)

    def end(
        self, job: str, state: State, seconds: float = 0, message: str = "", hint: str = "", field: str | None = None
    ) -> None:
        """The job is over."""
        change = "UPDATE jobs SET state = ?, seconds = ?, message = ?, hint = ?, field = ? WHERE id = ?"
        self._write(change, state, seconds, message, hint, field, job)

    def forget_old(self, owner: str, kept: int) -> list[str]:
        """Remove the owner's ended jobs but for the newest `kept`, and say which; their images stay in the library."""
        query = f"{IDS} AND state IN {ENDED} ORDER BY number DESC LIMIT -1 OFFSET ?"
        old = [job for (job,) in self._read(query, owner, kept)]
        for job in old:
            self._write("DELETE FROM images WHERE job = ?", job)
            self._write("DELETE FROM jobs WHERE id = ?", job)
        return old

    def add_image(self, job: str, image: int, path: str, seconds: float) -> None:
        """Image number `image` of the job is stored at `path`."""
        self._write("INSERT OR REPLACE INTO images VALUES (?, ?, ?, ?)", job, image, path, seconds)

    def images(self, job: str) -> list[tuple[int, str, float]]:
        """The stored images of a job: number, path, seconds; by number."""
        rows = self._read("SELECT image, path, seconds FROM images WHERE job = ? ORDER BY image", job)
        return [row for row in rows if [*map(type, row)] in ([int, str, float], [int, str, int])]

    def unfinished(self) -> list[Entry]:
        """Every job that waits or was begun, oldest first; one that cannot be read has failed with the reason.

        That one stays on disk as it is; one without id or owner is left out.
        """
        rows = self._read(f"{ENTRIES} WHERE state NOT IN {ENDED} ORDER BY number")
        return [_entry(*row) for row in rows if _belongs(*row)]

    def entry(self, job: str) -> Entry | None:
        """One job; None where there is none of this id."""
        return next((_entry(*row) for row in self._read(f"{ENTRIES} WHERE id = ?", job) if _belongs(*row)), None)

    def of(self, owner: str) -> list[str]:
        """The ids of the owner's jobs, newest first."""
        rows = self._read(f"{IDS} ORDER BY number DESC", owner)
        return [job for (job,) in rows if job and isinstance(job, str)]

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._closed = True
            self._database.close()

    def _read(self, query: str, *values: object) -> list[Any]:
        """The rows of a query; none after the end, when a page may still ask."""
        with self._lock:
            try:
                return [] if self._closed else self._database.execute(query, values).fetchall()
            except sqlite3.DatabaseError as error:  # a page of the file that broke after the start
                log.warning("Some of the list of jobs cannot be read: %s", reason(error))
                return []

    def _write(self, statement: str, *values: object) -> None:
        try:
            with self._lock:
                self._database.execute(statement, values)
        except sqlite3.Error as error:
            hint = "Free some space on the disk of the data folder and make sure that it can be written."
            raise NotWritable(f"The list of jobs cannot be written: {reason(error)}.", hint) from error


def damaged_jobs(path: Path) -> list[Unreadable]:
    """What is wrong with jobs on disk; nothing where a running studio holds them."""
    if not path.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0)) as database:
            database.text_factory = readable
            rows = database.execute(ENTRIES).fetchall()
    except sqlite3.Error as error:
        if "locked" in str(error):
            return []
        return [
            Unreadable(f"The list of jobs {path} cannot be read.", "The next start sets it aside, or move it away.")
        ]
    found = [
        Unreadable("A job without an id or owner is left out.", OTHER_VERSION) for row in rows if not _belongs(*row)
    ]
    entries = [_entry(*row) for row in rows if _belongs(*row)]
    return found + [Unreadable(f"{one.id}: {one.message}", one.hint) for one in entries if one.hint == OTHER_VERSION]


def _open(path: Path | None) -> sqlite3.Connection:
    database = sqlite3.connect(path or ":memory:", timeout=1, isolation_level=None, check_same_thread=False)
    try:
        # Exclusive: a second studio on the same folder would run the same jobs. The lock dies with the process.
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(SCHEMA)
        check_tables(database, SCHEMA)
        database.text_factory = readable
        database.execute(ENTRIES).fetchall()
    except sqlite3.Error:
        database.close()
        raise
    return database


def _begun_anew(path: Path | None, error: Exception) -> sqlite3.Connection:
    """A new file in the place of a damaged one, which is kept beside it."""
    assert path is not None  # noqa: S101 - what is in memory is not damaged
    try:
        aside = set_aside(path)
        log.warning("The list of jobs was damaged (%s) and is now %s; a new one is begun.", reason(error), aside)
        return _open(path)
    except (StorageError, sqlite3.Error) as again:
        raise NotWritable(
            f"The list of jobs {path} is damaged ({reason(error)}).",
            "Move this file away and start again; images are not lost, waiting jobs are.",
        ) from again


def _belongs(job: Any, owner: Any, *rest: Any) -> bool:
    """Whether it can be found: it has an id and an owner."""
    del rest
    return bool(job and owner) and isinstance(job, str) and isinstance(owner, str)


def _entry(job: str, owner: str, created: Any, texts: Any, state: Any, *rest: Any) -> Entry:
    """A job from whatever its row holds."""
    attempts, seconds, message, hint, field = rest
    created, seconds = (_seconds(number) for number in (created, seconds))
    fault = f"Its state is {state!r}" if state not in get_args(State) else ""
    try:
        recipes = _recipes(texts)
    except (ParseError, InvalidRecipe) as error:
        recipes, fault = (), str(error)
    if fault:
        told = f"The job cannot be read ({fault.removesuffix('.')})."
        return Entry(job, owner, created, recipes, "failed", 0, seconds, told, OTHER_VERSION, None)
    tried = attempts if isinstance(attempts, int) else 0
    message, hint = (str(words or "") for words in (message, hint))
    return Entry(job, owner, created, recipes, state, tried, seconds, message, hint, field and str(field))


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value < LAST else 0.0


def _recipes(texts: Any) -> tuple[Recipe, ...]:
    read = parse_json(texts) if isinstance(texts, str | bytes) else None
    if not isinstance(read, list) or not read or not all(isinstance(text, str) for text in read):
        raise ParseError("it has no recipes", OTHER_VERSION)
    return tuple(Recipe.from_json(text) for text in read)


def _unusable(path: Path | None, error: sqlite3.Error) -> InUse | NotWritable:
    if "locked" in str(error):
        return InUse(
            "Another studio is running on this data folder.", "Use that one, close it, or choose another with --home."
        )
    return NotWritable(
        f"The list of jobs {path} cannot be used: {reason(error)}.",
        "Make sure that the folder can be written and its disk is not full, or choose another with --home.",
    )
