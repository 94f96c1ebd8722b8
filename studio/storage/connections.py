"""Connections to the database under one policy, and what SQLite says in the studio's words.

WAL, so that readers and the one writer do not wait for each other, whatever program they are in. Foreign keys are held.
`synchronous` is FULL, where NORMAL would do for a sound file: what was told as finished, voted or spent has to be there
after a power cut, and one sync for each transaction is little beside an image.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from studio.parsing import ParseError, parse_json

T = TypeVar("T")

# How long one waits for another's transaction, which lasts milliseconds.
PATIENCE_SECONDS = 10
DAMAGED = "it is damaged"
STRANGE = "its tables are those of another program or version"
BUSY = "another program is writing it"
# What SQLite says, and what that means here.
WORDS = {
    "locked": BUSY,
    "busy": BUSY,
    "disk is full": "the disk is full",
    "disk I/O": "the disk does not answer as it should",
    "readonly": "it cannot be written",
    "unable to open": "it cannot be opened",
    "not a database": DAMAGED,
    "malformed": DAMAGED,
    "no such": STRANGE,
}


def connect(path: Path | None) -> sqlite3.Connection:
    """A connection to the file, or to an empty database in memory; transactions are begun by hand."""
    database = sqlite3.connect(
        path or ":memory:", timeout=PATIENCE_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        database.close()
        raise
    database.row_factory = sqlite3.Row
    database.text_factory = readable
    return database


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Have what the block writes kept as a whole, or not at all where it raises; no other program writes meanwhile."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        # SQLite has ended it by itself where the disk was full.
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def reason(error: BaseException) -> str:
    """What is wrong with a file, in words."""
    if isinstance(error, OSError):
        return error.strerror or "it cannot be reached"
    if isinstance(error, sqlite3.IntegrityError):
        return "a rule of its tables forbids that"
    return next((words for known, words in WORDS.items() if known in str(error)), "it cannot be used")


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
