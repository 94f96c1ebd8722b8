"""Makes a database usable by this version: new, migrated after a backup, or replaced by its newest backup."""

import logging
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Literal

from studio.atomic_files import AtomicFolder
from studio.errors import InUse, NotWritable, Unreadable
from studio.registry import Registry
from studio.storage import backups
from studio.storage.connections import BUSY, DAMAGED, PATIENCE_SECONDS, STRANGE, connect, reason, transaction
from studio.storage.locks import Lock
from studio.storage.migrations.base import Migration

log = logging.getLogger(__name__)

MIGRATIONS = Registry("studio.storage.migrations", "MIGRATION", Migration)
# The version of a database that is none, or whose pages cannot be read.
BROKEN = -1
# How long a command may be at a database that a studio wants for itself, or another command.
TURN_SECONDS = 0.5
BACKED_UP = "The backup of {} was opened instead; what was done after it is missing."
ANEW = "There was no backup of it, so a new one was started."
KEPT_IMAGES = "Images are not touched: each is in the library, with its recipe."
SHOWN = "%Y-%m-%d %H:%M"

Reason = Literal["damaged", "newer"]


@dataclass(frozen=True)
class Incident:
    """A database that had to be replaced: when, why, what it is called now, and of when its `backup` was, if any."""

    time: float
    reason: str
    aside: str
    backup: str | None

    @property
    def message(self) -> str:
        """What happened, for whoever uses the studio."""
        why = "was made by a newer version of the studio" if self.reason == "newer" else "was damaged"
        then = BACKED_UP.format(self.backup) if self.backup else ANEW
        return f"The database {why}. {then} {KEPT_IMAGES}"


def make_ready(path: Path, held: Lock, *, thorough: bool = False) -> Incident | None:
    """Let the database have the tables of this version; `thorough` looks at each of its pages first.

    What is damaged or newer is set aside, and the incident returned. `held` is the lock of the one studio of this
    database: under another's nothing but a new one is touched. InUse, StorageError, OSError, sqlite3.Error.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    version = _version(path, thorough=thorough)
    if version == latest():
        return None
    if version == 0:
        _upgrade(path)
        return None
    with _undisturbed(held, path):
        version = _version(path, thorough=True)
        if not 0 <= version <= latest():
            return _replace(path, "newer" if version > latest() else "damaged")
        if 0 < version < latest():
            backups.make(path, version)
        _upgrade(path)
    return None


def migrate(database: sqlite3.Connection, folder: Path | None) -> None:
    """Bring a database up to this version, each step in a transaction of its own that another program may have made.

    `folder` is where what earlier versions left is looked for.
    """
    for number, name in enumerate(MIGRATIONS, 1):
        with transaction(database):
            if version_of(database) < number:
                MIGRATIONS[name].apply(database, folder)
                database.execute(f"PRAGMA user_version = {number}")


def fault(path: Path) -> Unreadable | None:
    """What keeps a database from being used as it is, and what the next start does about it; it is not touched."""
    version = _version(path, thorough=True)
    if 0 <= version <= latest():
        return None
    why = "was made by a newer version of the studio" if version > 0 else "is damaged"
    backup = _newest(path)
    then = f"opens the backup of {backup.time:{SHOWN}}" if backup else "begins a new one"
    return Unreadable(f"The database {path} {why}.", f"The next start sets it aside and {then}.")


def latest() -> int:
    """The version of the database that this version of the studio works with."""
    return len(MIGRATIONS)


def version_of(database: sqlite3.Connection) -> int:
    """By how many migrations it was made."""
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def incidents(database: sqlite3.Connection) -> list[Incident]:
    """How often it had to be replaced, the oldest first."""
    rows = database.execute("SELECT time, reason, aside, backup FROM incidents ORDER BY number")
    return [Incident(*row) for row in rows]


def _version(path: Path, *, thorough: bool) -> int:
    """The version of a database, 0 where there is none yet, BROKEN where it is damaged or another program's."""
    if not path.exists():
        return 0
    try:
        if thorough:
            backups.check(path)
        with closing(connect(path)) as database:
            version = version_of(database)
            empty = database.execute("SELECT 1 FROM sqlite_master").fetchone() is None
            strange = thorough and version == latest() and _lacks_columns(database)
    except sqlite3.DatabaseError as error:
        if reason(error) not in (DAMAGED, STRANGE):
            raise
        return BROKEN
    return version if not strange and (version > 0 or (version == 0 and empty)) else BROKEN


def _lacks_columns(database: sqlite3.Connection) -> bool:
    """Whether its tables are others than its version says; more columns do no harm."""
    return any(columns - _columns_of(database, table) for table, columns in _columns(tuple(MIGRATIONS)).items())


@cache
def _columns(migrations: tuple[str, ...]) -> Mapping[str, frozenset[str]]:
    """The columns of each table, once all these are done."""
    del migrations
    with closing(connect(None)) as model:
        migrate(model, None)
        tables = model.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {table: _columns_of(model, table) for (table,) in tables}


def _columns_of(database: sqlite3.Connection, table: str) -> frozenset[str]:
    return frozenset(row["name"] for row in database.execute(f"PRAGMA table_info({table})"))


def _upgrade(path: Path, *, bring_in: bool = True) -> None:
    with closing(connect(path)) as database:
        _write_ahead(database)
        migrate(database, path.parent if bring_in else None)


def _write_ahead(database: sqlite3.Connection) -> None:
    """Turn on WAL, which the file remembers; SQLite does not wait by itself for another program that does the same."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if reason(error) != BUSY or time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


@contextmanager
def _undisturbed(held: Lock, path: Path) -> Iterator[None]:
    """While no studio runs on the database but the one that holds the lock; InUse where another does."""
    ours = held.held
    if not held.take(TURN_SECONDS):
        raise InUse(
            f"The database {path} is not one of this version, and a studio is running on it.", "End that studio first."
        )
    try:
        yield
    finally:
        if not ours:
            held.release()


def _replace(path: Path, why: Reason) -> Incident:
    """Set a database aside, and have its newest sound backup in its place, or a new one."""
    backup = _newest(path)
    aside = _set_aside(path, why)
    if backup:
        with backup.path.open("rb") as copy:
            AtomicFolder(path.parent).write(path, lambda file: shutil.copyfileobj(copy, file))
    # What earlier versions left was brought in before, and is older than what is lost.
    _upgrade(path, bring_in=False)
    found = Incident(time.time(), why, aside.name, f"{backup.time:{SHOWN}}" if backup else None)
    with closing(connect(path)) as database, transaction(database):
        row = (found.time, found.reason, found.aside, found.backup)
        database.execute("INSERT INTO incidents (time, reason, aside, backup) VALUES (?, ?, ?, ?)", row)
    log.warning("%s It is now %s.", found.message, aside)
    return found


def _newest(path: Path) -> backups.Backup | None:
    """The newest sound backup that this version can use."""
    return next((one for one in backups.kept(path) if one.version <= latest() and _is_sound(one.path)), None)


def _is_sound(path: Path) -> bool:
    try:
        return backups.check(path) > 0
    except (sqlite3.Error, OSError):
        return False


def _set_aside(path: Path, why: Reason) -> Path:
    """Rename a database with what belongs to it; returns its new name. NotWritable where that cannot be."""
    aside = path.with_name(f"{path.stem}.{why}-{datetime.now():{backups.TIME}}{path.suffix}")  # noqa: DTZ005 - a name
    try:
        for end in ("-wal", "-shm", ""):
            if (part := path.with_name(path.name + end)).exists():
                part.rename(aside.with_name(aside.name + end))
    except OSError as error:
        raise NotWritable(f"{path} is {why}, and cannot be renamed ({error.strerror}).", "Move it away.") from error
    return aside
