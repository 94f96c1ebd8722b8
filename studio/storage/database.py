"""The studio's one database, `studio.sqlite`: everything that it knows beside the images themselves."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from studio.errors import InUse, NotWritable, Unreadable
from studio.storage import backups
from studio.storage.connections import connect, reason, transaction
from studio.storage.locks import Lock
from studio.storage.opening import TURN_SECONDS, Incident, fault, incidents, latest, make_ready, migrate

FILE = "studio.sqlite"
# Connections for reading that stay open while nobody reads.
MOST_IDLE = 8


class Database:
    """The database in the file `path`, or in memory where that is None. Safe to call from any thread and process.

    It is made, brought up to this version or replaced by its backup when it is first used; StorageError where it
    cannot be. `close` lets go of the file; whoever uses it later opens it again.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._writer: sqlite3.Connection | None = None
        self._writing: int | None = None
        self._idle: list[sqlite3.Connection] = []
        self._is_ready = False
        self._held = Lock(path.with_suffix(".lock")) if path else None
        # Why it was replaced when this program opened it.
        self.incident: Incident | None = None

    @classmethod
    def of(cls, folder: Path) -> Self:
        """The database of a folder."""
        return cls(folder / FILE)

    @property
    def exists(self) -> bool:
        """Whether anything was kept in it yet."""
        return self.path is None or self.path.is_file()

    def hold(self) -> None:
        """Be the one studio of this database until it is closed, and look it over; InUse, StorageError.

        The lock dies with its process. Commands use the database beside the studio.
        """
        try:
            if self._held and not self._held.take(TURN_SECONDS):
                raise InUse(
                    "Another studio is running on this data folder.",
                    "Use that one, close it, or choose another with --home.",
                )
            self._make_ready(thorough=True)
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise self._unusable(error) from error

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: on the disk for good when the block ends, nothing of it where it raises. StorageError.

        Within another one of the same thread, it is part of that.
        """
        with self._lock:
            if self._writing == threading.get_ident() and self._writer:
                yield self._writer
                return
            with self._faults():
                self._make_ready()
                self._writer = self._writer or connect(self.path)
                self._writing = threading.get_ident()
                try:
                    with transaction(self._writer):
                        yield self._writer
                finally:
                    self._writing = None

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """What was written until now, and stays so while the block lasts, whoever writes. StorageError."""
        if self.path is None or self._writing == threading.get_ident():
            with self.write() as database:
                yield database
            return
        with self._faults():
            self._make_ready()
            connection = self._reader()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                self._give_back(connection)

    def incidents(self) -> list[Incident]:
        """How often it had to be replaced and why, the oldest first."""
        with self.read() as database:
            return incidents(database)

    def fault(self) -> Unreadable | None:
        """What is wrong with the file, which is not touched; None where it can be used or is not there."""
        with self._faults():
            return fault(self.path) if self.path else None

    def back_up(self) -> None:
        """Have a backup of today; nothing where there is one. StorageError where it is damaged or cannot be stored."""
        with self._faults():
            if self.path and self.exists and backups.is_due(self.path, latest()):
                backups.make(self.path, latest())

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """The one itself: Gradio copies all that hangs on its elements, and half a copy would close itself."""
        return self

    def __del__(self) -> None:
        # One that a command did not come to close.
        self.close()

    def close(self) -> None:
        """Let go of the file, and of being its one studio."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()
            if self._writer:
                self._writer.close()
                self._writer = None
            self._is_ready = False
            if self._held:
                self._held.release()

    def _make_ready(self, *, thorough: bool = False) -> None:
        with self._lock:
            if self._is_ready and not thorough:
                return
            if self.path is None:
                self._writer = self._writer or connect(self.path)
                migrate(self._writer, None)
            else:
                assert self._held is not None  # noqa: S101 - it goes with the path
                self.incident = make_ready(self.path, self._held, thorough=thorough) or self.incident
            self._is_ready = True

    def _reader(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            connection = connect(self.path)
            connection.execute("PRAGMA query_only = ON")
            return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
            if len(self._idle) < MOST_IDLE:
                self._idle.append(connection)
                return
        connection.close()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> NotWritable:
        return NotWritable(
            f"The database {self.path or 'in memory'} cannot be used: {reason(error)}.",
            "Make sure that the folder can be written and its disk is not full, or choose another with --home.",
        )
