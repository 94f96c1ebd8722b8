"""Locks between programs: files that one of them holds, and lets go of whatever ends it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studio.errors import InUse, NotWritable
from studio.storage.connections import BUSY, reason


class Lock:
    """The lock file `path`; nothing is ever written in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._holder: sqlite3.Connection | None = None

    @property
    def held(self) -> bool:
        """Whether it is held through this object."""
        return self._holder is not None

    def take(self, seconds: float = 0) -> bool:
        """Hold it; False where another goes on holding it for so long. OSError, sqlite3.Error."""
        if self._holder:
            return True
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # SQLite's locks die with their process and are not inherited by a fork, on every system.
        holder = sqlite3.connect(self.path, timeout=seconds, isolation_level=None, check_same_thread=False)
        try:
            holder.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            holder.close()
            if reason(error) == BUSY:
                return False
            raise
        self._holder = holder
        return True

    def release(self) -> None:
        """Let others have it."""
        if self._holder:
            self._holder.close()
            self._holder = None


@contextmanager
def alone(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file `path` while the block lasts; InUse where another program is at `what`, NotWritable."""
    lock = Lock(path)
    try:
        taken = lock.take()
    except (sqlite3.Error, OSError) as error:
        raise NotWritable(f"{path} cannot be written: {reason(error)}.", "Choose another folder.") from error
    if not taken:
        raise InUse(f"Another program is using {what}.", "Wait until it is done, or close it.")
    try:
        yield
    finally:
        lock.release()
