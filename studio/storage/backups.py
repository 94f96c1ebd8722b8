"""Backups of the database: the newest few, and of each older version the last, so that there is a way back to it."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from studio.atomic_files import AtomicFolder
from studio.storage.connections import connect

FOLDER = "backups"
KEPT = 3
EVERY = timedelta(days=1)
# What is wrong with single rows, which stores leave out and tell; faults of pages are said before them.
OF_A_ROW = re.compile(r"value in \w+\.\w+|constraint failed")
TIME = "%Y%m%d-%H%M%S"


@dataclass(frozen=True, order=True)
class Backup:
    """A copy of the database as it was at a time, by the creator's clock, with the tables of this version."""

    time: datetime
    version: int
    path: Path


def make(path: Path, version: int) -> Backup:
    """Copy the database `path`, of this version, and clear the oldest copies; sqlite3.Error where it is damaged.

    Others go on reading and writing it meanwhile. StorageError where the copy cannot be stored.
    """
    now = datetime.now()  # noqa: DTZ005 - a name for the creator
    target = path.parent / FOLDER / f"{path.stem}.v{version}.{now:{TIME}}{path.suffix}"

    def copy(temporary: Path) -> None:
        # Every row is read, so that no damaged database ever counts as a backup.
        with closing(connect(path)) as database:
            database.execute("VACUUM INTO ?", (str(temporary),))

    folder = AtomicFolder(target.parent)
    folder.sweep()
    folder.place(target, copy)
    _clear(path, version)
    return Backup(now, version, target)


def kept(path: Path) -> Iterator[Backup]:
    """The backups of the database `path`, the newest first."""
    name = re.compile(rf"{re.escape(path.stem)}\.v(\d+)\.(\d{{8}}-\d{{6}}){re.escape(path.suffix)}")
    found = []
    for one in (path.parent / FOLDER).glob(f"{path.stem}.v*{path.suffix}"):
        with suppress(ValueError):
            if match := name.fullmatch(one.name):
                found.append(Backup(datetime.strptime(match[2], TIME), int(match[1]), one))  # noqa: DTZ007 - as above
    yield from sorted(found, reverse=True)


def is_due(path: Path, version: int) -> bool:
    """Whether the newest backup of this version is a day old, or there is none."""
    newest = next((one for one in kept(path) if one.version == version), None)
    return newest is None or abs(datetime.now() - newest.time) > EVERY  # noqa: DTZ005 - as above


def _clear(path: Path, version: int) -> None:
    """Remove all but the newest few of this version and the newest of every other."""
    seen: dict[int, int] = {}
    for one in kept(path):
        seen[one.version] = seen.get(one.version, 0) + 1
        if seen[one.version] > (KEPT if one.version == version else 1):
            with suppress(OSError):
                one.path.unlink()


def check(path: Path) -> int:
    """The version of a database whose every page is sound; sqlite3.DatabaseError where one is not."""
    with closing(connect(path)) as database:
        for (result,) in database.execute("PRAGMA quick_check"):
            if result != "ok" and not OF_A_ROW.search(result):
                raise sqlite3.DatabaseError(f"malformed: {result}")
        return int(database.execute("PRAGMA user_version").fetchone()[0])
