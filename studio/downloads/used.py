"""When each item was last asked for: only worth knowing, and so never in the way of anything."""

import logging
import time
from collections.abc import Iterable
from pathlib import Path

from studio.database import Database
from studio.errors import StorageError

SCHEMA = "CREATE TABLE IF NOT EXISTS used (item TEXT PRIMARY KEY, at REAL)"

log = logging.getLogger(__name__)


class LastUsed:
    """Seconds since 1970 by an item's key, in a file of the home."""

    def __init__(self, home: Path) -> None:
        self._database = Database(home / "used.sqlite", SCHEMA, "What was used last")

    def mark(self, keys: Iterable[str]) -> None:
        """These are used now."""
        rows = [(key, time.time()) for key in keys]
        try:
            if rows:
                with self._database.open() as database:
                    database.executemany("INSERT OR REPLACE INTO used VALUES (?, ?)", rows)
        except StorageError as error:
            log.warning("%s", error)

    def times(self) -> dict[str, float]:
        """When each was used that ever was."""
        if not self._database.path.is_file():
            return {}
        try:
            with self._database.open() as database:
                return {row["item"]: row["at"] for row in database.execute("SELECT item, at FROM used")}
        except StorageError as error:
            log.warning("%s", error)
            return {}
