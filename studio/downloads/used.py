"""When each item was last asked for: only worth knowing, and so never in the way of anything."""

import logging
import time
from collections.abc import Iterable

from studio.errors import StorageError
from studio.storage.database import Database

log = logging.getLogger(__name__)


class LastUsed:
    """Seconds since 1970 by an item's key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def mark(self, keys: Iterable[str]) -> None:
        """These are used now."""
        rows = [(key, time.time()) for key in keys]
        try:
            if rows:
                with self._database.write() as database:
                    database.executemany("INSERT OR REPLACE INTO last_used VALUES (?, ?)", rows)
        except StorageError as error:
            log.warning("%s", error)

    def times(self) -> dict[str, float]:
        """When each was used that ever was."""
        if not self._database.exists:
            return {}
        try:
            with self._database.read() as database:
                return {row["item"]: row["at"] for row in database.execute("SELECT item, at FROM last_used")}
        except StorageError as error:
            log.warning("%s", error)
            return {}
