"""Stored pictures that nothing refers to yet: cleared when they are old, or when others of their kind are newer.

What was brought is cleared after some weeks, and of maps that were only looked at the newest stay for a day. A picture
that a job, grid or comparison was given is none of these from then on. When the last picture that was made of it is
deleted for good, or a job without any is forgotten, and nothing else names it, it is one of these again.
"""

import re
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection

from studio.storage.database import Database

BROUGHT_SECONDS = 30 * 24 * 3600
GLANCE_SECONDS = 24 * 3600
MOST_GLANCES = 64
OLD = """
SELECT picture FROM unused_inputs WHERE at < ? AND NOT glance
UNION SELECT picture FROM unused_inputs WHERE at < ? AND glance
UNION SELECT * FROM (SELECT picture FROM unused_inputs WHERE glance ORDER BY at DESC LIMIT -1 OFFSET ?)
"""


NAME = re.compile(r"\b[0-9a-f]{64}\b")
# What else may name a stored picture, in some text.
NAMED = (
    ("items", "recipe"),
    ("grids", "base"),
    ("grids", "axes"),
    ("candidate_sets", "asked"),
    ("comparisons", "base"),
    ("comparison_columns", "settings"),
    ("repeats", "later"),
)
# What has been cleared so far, and when last.
CLEARED = ("cleared_count", "cleared_bytes", "cleared_at")


class Unused:
    """Those in `folder`."""

    def __init__(self, folder: Path, database: Database) -> None:
        self._folder = folder
        self._database = database

    def note(self, picture: str, *, new: bool, glance: bool) -> None:
        """A picture comes in, or comes again; `glance`: as a map that is looked at. One that is used stays so."""
        with self._database.write() as database:
            if new:
                row = (picture, time.time(), glance)
                database.execute("INSERT OR REPLACE INTO unused_inputs (picture, at, glance) VALUES (?, ?, ?)", row)
            else:
                change = "UPDATE unused_inputs SET at = ?, glance = MIN(glance, ?) WHERE picture = ?"
                database.execute(change, (time.time(), glance, picture))

    def use(self, pictures: Iterable[str]) -> None:
        """Something refers to these: they stay for good."""
        if self._database.exists:
            with self._database.write() as database:
                database.executemany(
                    "DELETE FROM unused_inputs WHERE picture = ?", [(picture,) for picture in pictures]
                )

    def clear(self) -> None:
        """Remove what is old, with what lies beside it."""
        if not self._database.exists:
            return
        now = time.time()
        with self._database.write() as database:
            bounds = (now - BROUGHT_SECONDS, now - GLANCE_SECONDS, MOST_GLANCES)
            old = [str(picture) for (picture,) in database.execute(OLD, bounds).fetchall()]
            freed = sum(map(self._remove, old))
            for picture in old:
                database.execute("DELETE FROM unused_inputs WHERE picture = ?", (picture,))
                database.execute("DELETE FROM held_inputs WHERE picture = ?", (picture,))
            if old:
                _count(database, len(old), freed, int(now))

    def cleared(self) -> tuple[int, int, float] | None:
        """How many pictures were cleared so far, how many bytes they took, and when it was last; None if none was."""
        with self._database.read() as database:
            found = dict(map(tuple, database.execute("SELECT name, value FROM library_state").fetchall()))
        return (found[CLEARED[0]], found[CLEARED[1]], found[CLEARED[2]]) if CLEARED[0] in found else None

    def _remove(self, picture: str) -> int:
        """Delete the files of a stored picture; returns their bytes."""
        freed = 0
        for path in self._folder.glob(f"{picture}.*"):
            with suppress(FileNotFoundError):
                freed += path.stat().st_size
                path.unlink()
        return freed


def clear_folder(folder: Path, database: Database) -> None:
    """Remove the files of a folder that nobody has written for some weeks: each can be made again."""
    old, gone, freed = time.time() - BROUGHT_SECONDS, 0, 0
    for path in folder.glob("*"):
        with suppress(OSError):
            status = path.stat(follow_symlinks=False)
            if status.st_mtime < old and path.is_file():
                path.unlink()
                gone, freed = gone + 1, freed + status.st_size
    if gone and database.exists:
        with database.write() as rows:
            _count(rows, gone, freed, int(time.time()))


def release(database: Connection, pictures: Iterable[str]) -> None:
    """What referred to these has gone: those that nothing names any more are cleared after some weeks."""
    rows = [(picture, time.time()) for picture in sorted(set(pictures)) if not _is_named(database, picture)]
    database.executemany("INSERT OR IGNORE INTO unused_inputs (picture, at, glance) VALUES (?, ?, 0)", rows)


def named_in(text: object) -> set[str]:
    """The stored pictures that a text may name."""
    return set(NAME.findall(text)) if isinstance(text, str) else set()


def _is_named(database: Connection, picture: str) -> bool:
    """Whether anything that is kept names this stored picture."""
    queries = (f"SELECT 1 FROM {table} WHERE instr({column}, ?) LIMIT 1" for table, column in NAMED)  # noqa: S608
    exact = "SELECT 1 FROM picture_inputs WHERE digest = ? LIMIT 1"
    return any(database.execute(query, (picture,)).fetchone() for query in (exact, *queries))


def _count(database: Connection, count: int, freed: int, now: int) -> None:
    add = """INSERT INTO library_state (name, value) VALUES (?1, ?2)
        ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"""
    database.executemany(add, [(CLEARED[0], count), (CLEARED[1], freed)])
    database.execute("INSERT OR REPLACE INTO library_state (name, value) VALUES (?, ?)", (CLEARED[2], now))
