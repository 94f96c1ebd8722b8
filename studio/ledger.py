"""The jobs on disk, in SQLite: what waits survives a restart, and what was finished can be found again."""

import json
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from studio.errors import JobError, RecipeError, SettingsError
from studio.recipe import Recipe

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

    `path` None keeps it in memory. SettingsError where the file cannot be used, JobError where it cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        self._closed = False
        try:
            self._database = _open(path)
        except sqlite3.Error as error:
            raise _unusable(path, error) from error

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
        return self._read("SELECT image, path, seconds FROM images WHERE job = ? ORDER BY image", job)

    def unfinished(self) -> list[Entry]:
        """Every job that waits or was begun, oldest first; one that cannot be read has failed with the reason."""
        return [_entry(*row) for row in self._read(f"{ENTRIES} WHERE state NOT IN {ENDED} ORDER BY number")]

    def entry(self, job: str) -> Entry | None:
        """One job; None where there is none of this id."""
        return next((_entry(*row) for row in self._read(f"{ENTRIES} WHERE id = ?", job)), None)

    def of(self, owner: str) -> list[str]:
        """The ids of the owner's jobs, newest first."""
        return [job for (job,) in self._read(f"{IDS} ORDER BY number DESC", owner)]

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._closed = True
            self._database.close()

    def _read(self, query: str, *values: object) -> list[Any]:
        """The rows of a query; none after the end, when a page may still ask."""
        with self._lock:
            return [] if self._closed else self._database.execute(query, values).fetchall()

    def _write(self, statement: str, *values: object) -> None:
        try:
            with self._lock:
                self._database.execute(statement, values)
        except sqlite3.Error as error:
            hint = "Free some space on the disk of the data folder and make sure that it can be written."
            raise JobError(f"The list of jobs cannot be written ({error}).", hint) from error


def _open(path: Path | None) -> sqlite3.Connection:
    database = sqlite3.connect(path or ":memory:", timeout=1, isolation_level=None, check_same_thread=False)
    try:
        # Exclusive: a second studio on the same folder would run the same jobs. The lock dies with the process.
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(SCHEMA)
    except sqlite3.Error:
        database.close()
        raise
    return database


def _entry(job: str, owner: str, created: float, texts: str, *rest: Any) -> Entry:
    try:
        return Entry(job, owner, created, tuple(Recipe.from_json(text) for text in json.loads(texts)), *rest)
    except RecipeError as error:
        hint = "It was made by another version of the studio: start it again from the page."
        return Entry(job, owner, created, (), "failed", 0, 0, f"The job cannot be read ({error}).", hint, None)


def _unusable(path: Path | None, error: sqlite3.Error) -> SettingsError:
    if "locked" in str(error):
        return SettingsError(
            "Another studio is running on this data folder.", "Use that one, close it, or choose another with --home."
        )
    if isinstance(error, sqlite3.OperationalError):
        return SettingsError(
            f"The list of jobs {path} cannot be used ({error}).",
            "Make sure that the folder can be written and its disk is not full, or choose another with --home.",
        )
    return SettingsError(
        f"The list of jobs {path} is damaged ({error}).",
        "Move this file away and start again; images are not lost, waiting jobs are.",
    )
