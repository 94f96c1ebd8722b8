"""Stored pictures that nothing refers to yet: cleared when they are old, or when others of their kind are newer.

What was brought is cleared after some weeks, and of maps that were only looked at the newest stay for a day. A picture
that a job, grid or comparison was given is none of these from then on, so that it lies there for good.
"""

import time
from collections.abc import Iterable
from pathlib import Path

from studio.storage.database import Database

BROUGHT_SECONDS = 30 * 24 * 3600
GLANCE_SECONDS = 24 * 3600
MOST_GLANCES = 64
OLD = """
SELECT picture FROM unused_inputs WHERE at < ? AND NOT glance
UNION SELECT picture FROM unused_inputs WHERE at < ? AND glance
UNION SELECT * FROM (SELECT picture FROM unused_inputs WHERE glance ORDER BY at DESC LIMIT -1 OFFSET ?)
"""


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
            for (picture,) in database.execute(OLD, bounds).fetchall():
                for path in self._folder.glob(f"{picture}.*"):
                    path.unlink(missing_ok=True)
                database.execute("DELETE FROM unused_inputs WHERE picture = ?", (picture,))
                database.execute("DELETE FROM held_inputs WHERE picture = ?", (picture,))
