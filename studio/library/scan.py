"""The index follows the files: those that were added or removed by hand, and all of them where it is rebuilt.

A look costs one question for each folder; only folders that changed since the last one are read. A rebuild asks for
each file. What is no picture is left out with the reason, and takes no other file along.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from studio.catalogue.watch import TICK_NS
from studio.errors import StorageError, StudioError
from studio.library import rows as index_rows
from studio.library import sidecar
from studio.library.context import Context
from studio.library.facts import FileFacts, of_file
from studio.library.words import is_text

log = logging.getLogger(__name__)

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif"})
# Where recipes' own pictures lie, in the same folder; they are no pictures that somebody made.
INPUTS = "inputs"
# A transaction of a rebuild, so that nobody else waits for long.
BATCH = 50
DEPTH = 8
# The time of no folder.
ONCE_MORE = -1
LINKED = "It is a link, and the library holds only files."
UNNAMEABLE = "Its name is not readable text."
Say = Callable[[int, int], None]


@dataclass
class Scanned:
    """What a look found: how many files came, changed and went, and of those left out the name and the reason."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        """Whether the index is otherwise now."""
        return bool(self.added or self.changed or self.removed)


class Scan:
    """Looks at the library's files; one look at a time in a program, and between programs the database decides."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def look(self, say: Say | None = None, *, thorough: bool = False) -> Scanned:
        """Bring the index up to what the folder holds; `thorough`: each file is asked, whatever its folder says.

        `say` is told how many of the files that have to be read are done. StorageError.
        """
        with self._lock:
            found = Scanned()
            if not self._context.folder.is_dir():
                return found  # as while its disk is not mounted
            before, todo = self._before(thorough=thorough), []
            for folder, modified in self._folders():
                if thorough or before.pop(folder, None) != modified:
                    todo.append((folder, modified, self._compare(folder, found)))
            self._drop_folders(before, found)
            total, done = sum(len(files) for *_, files in todo), 0
            for folder, modified, files in todo:
                for start in range(0, len(files), BATCH):
                    if self._stopped.is_set():
                        return found
                    self._read(files[start : start + BATCH], found)
                    done += len(files[start : start + BATCH])
                    if say:
                        say(done, total)
                self._note(folder, modified)
            if found.any:
                self._context.tell()
            return found

    def stop(self) -> None:
        """End a look that goes on; what it has not read is read by the next."""
        self._stopped.set()

    def _folders(self) -> Iterator[tuple[str, int]]:
        """The folders with pictures, relative to the library, each with when it was changed; links are not followed."""
        waiting = [("", 0)]
        while waiting:
            relative, depth = waiting.pop()
            place = self._context.folder / relative
            try:
                modified = place.stat().st_mtime_ns
                with os.scandir(place) as entries:
                    inner = sorted(one.name for one in entries if one.is_dir(follow_symlinks=False))
            except OSError:
                continue
            yield relative, modified
            waiting += [
                (f"{relative}/{name}" if relative else name, depth + 1)
                for name in inner
                if depth < DEPTH and not name.startswith(".") and (relative or name != INPUTS) and is_text(name)
            ]

    def _before(self, *, thorough: bool) -> dict[str, int]:
        """When each folder had been changed, as of the last look; `thorough`: with all in which pictures are known."""
        known = "SELECT DISTINCT rtrim(rtrim(path, replace(path, '/', '')), '/') FROM pictures WHERE path IS NOT NULL"
        with self._context.database.read() as rows:
            found = {str(path): ONCE_MORE for (path,) in rows.execute(known)} if thorough else {}
            return found | dict(map(tuple, rows.execute("SELECT path, modified FROM library_folders").fetchall()))

    def _note(self, folder: str, modified: int) -> None:
        """A folder was read as it was then; one that has only just been changed is read once more."""
        steady = time.time_ns() - modified > TICK_NS
        with self._context.database.write() as rows:
            row = (folder, modified if steady else ONCE_MORE)
            rows.execute("INSERT OR REPLACE INTO library_folders (path, modified) VALUES (?, ?)", row)

    def _compare(self, folder: str, found: Scanned) -> list[str]:
        """The files of a folder that have to be read; those that are gone leave the index."""
        # What is known comes first: a picture that is saved meanwhile is read once more, and none is taken for gone.
        known, faulty = self._known(folder)
        try:
            there = dict(self._files(folder, found))
        except OSError:
            return []  # it cannot be listed now, and nothing is taken for gone
        gone = known.keys() - there.keys()
        if gone:
            with self._context.database.write() as rows:
                for path in gone:
                    index_rows.forget_path(rows, path)
            found.removed += len(gone)
        before = known | faulty
        return [path for path, modified in sorted(there.items()) if before.get(path) != modified]

    def _files(self, folder: str, found: Scanned) -> Iterator[tuple[str, int]]:
        with os.scandir(self._context.folder / folder) as entries:
            for one in entries:
                if one.name.startswith(".") or Path(one.name).suffix.lower() not in ENDINGS:
                    continue
                path = f"{folder}/{one.name}" if folder else one.name
                if not is_text(one.name):
                    found.faults[path.encode(errors="surrogateescape").decode(errors="replace")] = UNNAMEABLE
                elif one.is_symlink():
                    found.faults[path] = LINKED
                elif one.is_file(follow_symlinks=False):
                    yield path, _modified(one)

    def _known(self, folder: str) -> tuple[dict[str, int], dict[str, int]]:
        """The files of a folder, none below it, that the index knows or has left out, each with when it was changed."""
        start = f"{folder}/" if folder else ""
        which = "path >= ?1 AND path < ?2 AND instr(substr(path, length(?1) + 1), '/') = 0"
        values = (start, f"{start}\U0010ffff")
        with self._context.database.read() as rows:
            known = rows.execute(f"SELECT path, modified FROM pictures WHERE {which}", values).fetchall()  # noqa: S608
            faulty = rows.execute(f"SELECT path, modified FROM library_faults WHERE {which}", values).fetchall()  # noqa: S608
        return dict(map(tuple, known)), dict(map(tuple, faulty))

    def _read(self, files: list[str], found: Scanned) -> None:
        """Read some files and have the index know them."""
        facts: list[FileFacts] = []
        for path in files:
            try:
                facts.append(of_file(self._context.folder, self._context.folder / path, self._context.thumbnails))
            except StorageError:
                raise
            except (StudioError, OSError) as error:
                found.faults[path] = error.sentence if isinstance(error, StudioError) else "It cannot be read."
                self._leave_out(path, found.faults[path])
        with self._context.database.write() as rows:
            for one in facts:
                is_known = rows.execute("SELECT 1 FROM pictures WHERE path = ?", (one.path,)).fetchone()
                picture = index_rows.add(rows, self._context.folder, self._context.owners, one)
                marked = None if is_known else sidecar.beside(self._context.folder / one.path)
                if marked:
                    query = "SELECT number, owner FROM pictures WHERE id = ?"
                    number, whose = rows.execute(query, (picture,)).fetchone()
                    sidecar.apply(rows, number, whose, marked)
                rows.execute("DELETE FROM library_faults WHERE path = ?", (one.path,))
                found.added, found.changed = found.added + (not is_known), found.changed + bool(is_known)

    def _leave_out(self, path: str, fault: str) -> None:
        with suppress(OSError):
            modified = (self._context.folder / path).stat().st_mtime_ns
            with self._context.database.write() as rows:
                row = (path, modified, fault[:500])
                rows.execute("INSERT OR REPLACE INTO library_faults (path, modified, fault) VALUES (?, ?, ?)", row)
                index_rows.forget_path(rows, path)

    def _drop_folders(self, before: Iterable[str], found: Scanned) -> None:
        """Of these, the folders that are gone, with all that lay in them."""
        for folder in before:
            if (self._context.folder / folder).is_dir():
                continue
            with self._context.database.write() as rows:
                which = "path >= ? AND path < ?"
                values = (f"{folder}/", f"{folder}/\U0010ffff")
                gone = rows.execute(f"SELECT path FROM pictures WHERE {which}", values).fetchall()  # noqa: S608
                for (path,) in gone:
                    index_rows.forget_path(rows, path)
                rows.execute("DELETE FROM library_folders WHERE path = ?", (folder,))
                found.removed += len(gone)


def _modified(file: os.DirEntry[str]) -> int:
    """When a file was changed; 0 where that cannot be asked, so that reading it tells why."""
    try:
        return file.stat(follow_symlinks=False).st_mtime_ns
    except OSError:
        return 0
