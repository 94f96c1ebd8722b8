"""Pictures that somebody brings: copied into the library as they are, each examined before it is taken.

Nothing of a file's name or content is trusted: the copy is what is examined, and its name is made anew from what of the
old one can be a name anywhere. One file that cannot be taken keeps no other out.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from studio.atomic_files import AtomicFolder
from studio.errors import AlreadyExists, NotFound, StorageError, StudioError, Unreadable
from studio.gate.identity import Identity
from studio.library import rows as index_rows
from studio.library import sidecar
from studio.library.context import Context, numbers_of
from studio.library.facts import FOLDER, IMPORTED, FileFacts, file_id, of_file
from studio.library.names import safe_stem
from studio.library.scan import ENDINGS, LINKED
from studio.library.usage import Usages

MOST_BYTES = 2**30
ENDING: dict[str, str] = {
    "PNG": ".png",
    "JPEG": ".jpg",
    "MPO": ".jpg",
    "WEBP": ".webp",
    "GIF": ".gif",
    "BMP": ".bmp",
    "TIFF": ".tif",
    "AVIF": ".avif",
    "HEIF": ".heic",
}
Say = Callable[[int, str], None]


@dataclass
class Imported:
    """What came of an import: the ids of new pictures, of those that were there, and each refused file with why.

    `passed` counts the files of folders that are no pictures by their names.
    """

    added: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    passed: int = 0


class Importer:
    """Brings pictures into the library of who asks."""

    def __init__(self, context: Context, usages: Usages) -> None:
        self._context = context
        self._usages = usages
        self._disk = AtomicFolder(context.folder)

    def bring(self, sources: Iterable[Path], who: Identity, say: Say | None = None) -> Imported:
        """Bring files, and the pictures of folders; StorageError where nothing more can be stored.

        `say` is told how many files are done, and of the last one the name. A `<picture>.json` beside a picture gives
        it the stars, ratings, notes, tags and boards that were exported with it.
        """
        result = Imported()
        for done, path in enumerate(self._files(sources, result), 1):
            name = _shown(path)
            try:
                self.bring_file(path, who, result)
            except StorageError:
                raise
            except StudioError as error:
                result.refused[name] = error.sentence
            except (OSError, ValueError) as error:
                result.refused[name] = f"It cannot be read ({getattr(error, 'strerror', None) or 'it is damaged'})."
            if say:
                say(done, name)
        self._context.tell()
        return result

    def bring_file(self, path: Path, who: Identity, result: Imported) -> None:
        """Bring one file; StudioError or OSError where it is no picture that can be taken."""
        if path.is_symlink():
            raise Unreadable(LINKED, "Import the file that it points to.")
        if not path.is_file():
            raise NotFound("There is no such file.", "Check the path.")
        if path.resolve().is_relative_to(self._context.folder.resolve()):
            raise AlreadyExists("It is already in the library.", "There is nothing to do.")
        if (size := path.stat().st_size) > MOST_BYTES:
            raise Unreadable(
                f"It has {size / 2**20:.0f} MB; the limit is {MOST_BYTES / 2**20:.0f} MB.", "Make it smaller."
            )
        self._usages.check(who, size)
        self._disk.ready(size)
        staged = self._context.folder / f".{FOLDER}-{os.urandom(6).hex()}.{os.getpid()}.part"
        try:
            _copy(path, staged)
            picture = self._take(path, staged, who, result)
        finally:
            staged.unlink(missing_ok=True)
        if marked := sidecar.beside(path):
            with self._context.database.write() as rows:
                (number,) = numbers_of(rows, self._context.owners, [picture], who)
                sidecar.apply(rows, number, who.owner, marked)

    def _take(self, path: Path, staged: Path, who: Identity, result: Imported) -> str:
        """Have what was copied in the library under a name of its own, unless it is there."""
        facts, ending = self._examine(staged)
        facts = self._claimed(replace(facts, name=_shown(path)[:200], kind=facts.kind or IMPORTED), path, who)
        if self._is_there(facts.id, who):
            result.known.append(facts.id)
            return facts.id
        folder = self._context.folder / FOLDER / self._context.owners.mark(who) / time.strftime("%Y-%m")
        target = folder / f"{safe_stem(path.stem)}-{facts.id[:8]}{ending}"
        self._disk.place(target, staged.replace)
        status = target.stat()
        stored = replace(
            facts,
            path=target.relative_to(self._context.folder).as_posix(),
            bytes=status.st_size,
            modified=status.st_mtime_ns,
        )
        with self._context.database.write() as rows:
            picture = index_rows.add(rows, self._context.folder, self._context.owners, stored, who.owner)
        result.added.append(picture)
        return picture

    def _claimed(self, facts: FileFacts, path: Path, who: Identity) -> FileFacts:
        """The facts of a file with what it may claim: a picture of one's own that comes back, or else a new one."""
        mark = self._context.owners.mark(who)
        with self._context.database.read() as rows:
            row = rows.execute("SELECT owner FROM pictures WHERE id = ?", (facts.id,)).fetchone()
        is_others = row is not None and not self._sees(row["owner"], who)
        if facts.mark == mark and facts.id and not is_others:
            return facts
        own = "" if is_others else facts.id
        created = path.stat().st_mtime if facts.kind == IMPORTED else facts.created
        facts = replace(facts, mark=mark, job="", item=None, kind=IMPORTED, created=created)
        return replace(facts, id=own or file_id(mark, facts.digest))

    def _examine(self, staged: Path) -> tuple[FileFacts, str]:
        """What a copy tells, and the ending that its format has; StudioError where it is no picture."""
        with self._context.inputs.opened(staged) as picture:
            ending = ENDING.get(str(picture.format))
        if ending is None:
            raise Unreadable(
                "Files of this kind are not supported.", f"Import one of these: {', '.join(sorted(ENDING))}."
            )
        return of_file(self._context.folder, staged, self._context.thumbnails, trusted=False), ending

    def _is_there(self, picture: str, who: Identity) -> bool:
        """Whether who asks has this picture, with its file."""
        with self._context.database.read() as rows:
            row = rows.execute("SELECT owner, path FROM pictures WHERE id = ?", (picture,)).fetchone()
        is_own = row is not None and self._sees(row["owner"], who)
        return is_own and row["path"] is not None and (self._context.folder / row["path"]).is_file()

    def _sees(self, whose: str, who: Identity) -> bool:
        visible = self._context.owners.seen_by(who)
        return visible is None or whose in visible

    def _files(self, sources: Iterable[Path], result: Imported) -> Iterator[Path]:
        for source in sources:
            if source.is_symlink() or not source.is_dir():
                yield source
                continue
            for place, folders, names in os.walk(source, followlinks=False):
                folders[:] = sorted(one for one in folders if not one.startswith("."))
                for name in sorted(names):
                    if not name.startswith(".") and Path(name).suffix.lower() in ENDINGS:
                        yield Path(place, name)
                    else:
                        result.passed += not name.lower().endswith(".json")


def _copy(source: Path, target: Path) -> None:
    """Copy a file with its times, and no more of it than may be taken."""
    left = MOST_BYTES
    # A link that took the file's place meanwhile is not followed.
    descriptor = os.open(source, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(descriptor, "rb") as given, target.open("xb") as copy:
        while block := given.read(2**20):
            left -= len(block)
            if left < 0:
                raise Unreadable("It is still being written.", "Import it when it is complete.")
            copy.write(block)
    with suppress(OSError):
        status = source.stat()
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _shown(path: Path) -> str:
    """A file's name as text."""
    name = path.name.encode(errors="surrogateescape").decode(errors="replace")
    return "".join(sign if sign.isprintable() else "_" for sign in name)
