"""SQLite files that several threads and programs write: opened for each use, so that nothing has to be closed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from studio.errors import LibraryError

# How long one waits for another's transaction, which lasts milliseconds.
PATIENCE_SECONDS = 10


class Database:
    """A file with the tables of `schema`, which are made where they are missing; `what` names it in errors."""

    def __init__(self, path: Path, schema: str, what: str) -> None:
        self.path = path
        self._schema = schema
        self._what = what
        self._made = False

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """One transaction: written as a whole when the block ends, not at all where it raises. LibraryError."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=PATIENCE_SECONDS, isolation_level=None)) as database:
                database.row_factory = sqlite3.Row
                self._make(database)
                database.execute("BEGIN IMMEDIATE")
                try:
                    yield database
                except BaseException:
                    database.execute("ROLLBACK")
                    raise
                database.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise LibraryError(
                f"{self._what} cannot be kept in {self.path} ({error}).",
                "Make sure that the folder can be written and its disk is not full; move the file away if damaged.",
            ) from error

    def _make(self, database: sqlite3.Connection) -> None:
        if not self._made:
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript(self._schema)
            self._made = True


@contextmanager
def alone(path: Path, what: str) -> Iterator[None]:
    """Hold the file `path` while the block lasts; LibraryError where another program does. It dies with its holder."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        holder = sqlite3.connect(path, timeout=0, isolation_level=None)
    except (sqlite3.Error, OSError) as error:
        raise LibraryError(f"{path} cannot be written ({error}).", "Choose another folder.") from error
    with closing(holder):
        try:
            holder.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            raise LibraryError(f"Another program is at {what}.", "Wait until it is done, or end it.") from error
        yield
