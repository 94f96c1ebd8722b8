"""SQLite files that several threads and programs write: opened for each use, so that nothing has to be closed."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from studio.errors import InUse, NotWritable
from studio.parsing import ParseError, parse_json

T = TypeVar("T")
log = logging.getLogger(__name__)

# How long one waits for another's transaction, which lasts milliseconds.
PATIENCE_SECONDS = 10
DAMAGED = "it is damaged"
STRANGE = "its tables are those of another version of the studio"
# What SQLite says, and what that means here.
WORDS = {
    "locked": "another program is writing it",
    "busy": "another program is writing it",
    "disk is full": "the disk is full",
    "disk I/O": "the disk does not answer as it should",
    "readonly": "it cannot be written",
    "unable to open": "it cannot be opened",
    "not a database": DAMAGED,
    "malformed": DAMAGED,
    "no such": STRANGE,
    "another version": STRANGE,
}


class Database:
    """A file with the tables of `schema`, which are made where they are missing; `what` names it in errors.

    A damaged file, or one of another version, is set aside and a new one begun, but not where it is `precious`.
    """

    def __init__(self, path: Path, schema: str, what: str, *, precious: bool = False) -> None:
        self.path = path
        self._schema = schema
        self._what = what
        self._precious = precious
        self._made = False

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """One transaction: written as a whole when the block ends, not at all where it raises. StorageError."""
        try:
            self._prepare()
            with closing(sqlite3.connect(self.path, timeout=PATIENCE_SECONDS, isolation_level=None)) as database:
                database.row_factory = sqlite3.Row
                database.text_factory = readable
                database.execute("BEGIN IMMEDIATE")
                try:
                    yield database
                except BaseException:
                    database.execute("ROLLBACK")
                    raise
                database.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise NotWritable(
                f"{self._what} cannot be kept in {self.path}: {reason(error)}.",
                "Make sure that the folder can be written and its disk is not full; move the file away if damaged.",
            ) from error

    def _prepare(self) -> None:
        """Make the tables, once; and a new file where that one is none."""
        if self._made:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._make()
        except sqlite3.Error as error:
            if self._precious or not is_damage(error):
                raise
            log.warning("%s was damaged (%s) and is now %s.", self.path, reason(error), set_aside(self.path))
            self._make()
        self._made = True

    def _make(self) -> None:
        with closing(sqlite3.connect(self.path, timeout=PATIENCE_SECONDS, isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript(self._schema)
            check_tables(database, self._schema)


def reason(error: Exception) -> str:
    """What is wrong with a file, in words."""
    if isinstance(error, OSError):
        return error.strerror or "it cannot be reached"
    return next((words for known, words in WORDS.items() if known in str(error)), "it cannot be used")


def is_damage(error: sqlite3.Error) -> bool:
    """Whether a file is damaged or of another version, so that only a new one helps."""
    return reason(error) in (DAMAGED, STRANGE)


def parsed(text: Any, default: T) -> T:
    """A cell's JSON, where it is of the sort of `default`; else that: a damaged row takes no other down."""
    try:
        value = parse_json(text) if isinstance(text, str) else default
    except ParseError:
        return default
    return value if isinstance(value, type(default)) else default


def readable(text: bytes) -> str:
    """The text of a cell; bytes that are no UTF-8 keep none of the others from being read."""
    return text.decode("utf-8", "replace")


def check_tables(database: sqlite3.Connection, schema: str) -> None:
    """DatabaseError where its tables lack columns that the schema names, or want some that it does not know."""
    with closing(sqlite3.connect(":memory:")) as model:
        model.executescript(schema)
        for (table,) in model.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            ours = {row[1] for row in model.execute(f"PRAGMA table_info({table})")}
            rows = database.execute(f"PRAGMA table_info({table})").fetchall()
            theirs = {row[1]: row[3] and row[4] is None and not row[5] for row in rows}
            if ours - theirs.keys() or any(needed for name, needed in theirs.items() if name not in ours):
                raise sqlite3.DatabaseError(STRANGE)


def set_aside(path: Path) -> Path:
    """Rename a damaged file, with what belongs to it, so that a new one can be begun; returns its new name.

    StorageError where that cannot be.
    """
    aside = path.with_name(f"{path.stem}.damaged-{datetime.now():%Y%m%d-%H%M%S}{path.suffix}")  # noqa: DTZ005 - a name
    try:
        for end in ("", "-wal", "-shm"):
            if (part := path.with_name(path.name + end)).exists():
                part.rename(aside.with_name(aside.name + end))
    except OSError as error:
        raise NotWritable(f"{path} is damaged, and cannot be renamed ({error.strerror}).", "Move it away.") from error
    return aside


@contextmanager
def alone(path: Path, what: str) -> Iterator[None]:
    """Hold the file `path` while the block lasts; StorageError where another program does. It dies with its holder."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        holder = sqlite3.connect(path, timeout=0, isolation_level=None)
    except (sqlite3.Error, OSError) as error:
        raise NotWritable(f"{path} cannot be written: {reason(error)}.", "Choose another folder.") from error
    with closing(holder):
        try:
            holder.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            raise InUse(f"Another program is at {what}.", "Wait until it is done, or end it.") from error
        yield
