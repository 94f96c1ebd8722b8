"""Pictures handed on: many as one ZIP file, written while it is sent, each with what was said of it beside it."""

import zipfile
from collections.abc import Iterator, Sequence
from io import RawIOBase
from pathlib import Path
from typing import Any

from studio.atomic_files import AtomicFolder
from studio.gate.identity import Identity
from studio.library import sidecar
from studio.library.context import Context, numbers_of
from studio.library.entry import Entry
from studio.library.marks import Marks
from studio.library.names import safe_stem
from studio.library.search import Search

BLOCK = 2**18


class Exports:
    """Hands on the pictures of who asks."""

    def __init__(self, context: Context, search: Search, marks: Marks) -> None:
        self._context = context
        self._search = search
        self._marks = marks

    def zip(self, ids: Sequence[str], who: Identity, *, sidecars: bool = True) -> Iterator[bytes]:
        """The bytes of a ZIP file with these pictures, as they are; NotFound at once where one is not there.

        With `sidecars`, beside each a JSON file of stars, ratings, notes, tags and boards. No more than a block of it
        is held in memory.
        """
        return self._blocks(self._named(ids, who), who, sidecars=sidecars)

    def sidecar(self, picture: str, who: Identity) -> str:
        """What was said of a picture, as its JSON file; NotFound."""
        ((_, entry),) = self._named([picture], who)
        return sidecar.of(entry, self._boards(who))

    def write_sidecars(self, ids: Sequence[str], who: Identity) -> list[Path]:
        """Write what was said of these pictures beside their files, where a rebuild without a database finds it."""
        boards, written = self._boards(who), []
        for _, entry in self._named(ids, who):
            assert entry.path  # noqa: S101 - only those with files are named
            text, target = sidecar.of(entry, boards).encode(), entry.path.with_name(f"{entry.path.name}.json")
            AtomicFolder(self._context.folder).write(target, lambda file, text=text: file.write(text))  # type: ignore[misc]
            written.append(target)
        return written

    def _named(self, ids: Sequence[str], who: Identity) -> list[tuple[str, Entry]]:
        """The pictures whose files are there, each with a name that no other has."""
        with self._context.database.read() as rows:
            entries = self._search.entries(rows, numbers_of(rows, self._context.owners, ids, who))
        taken: set[str] = set()
        return [(_free_name(entry, taken), entry) for entry in entries if entry.path]

    def _boards(self, who: Identity) -> dict[str, str]:
        return {board.id: board.name for board in self._marks.boards(who)}

    def _blocks(self, named: Sequence[tuple[str, Entry]], who: Identity, *, sidecars: bool) -> Iterator[bytes]:
        out, boards = Blocks(), self._boards(who)
        # Pictures are compressed already.
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            for name, entry in named:
                if not (entry.path and entry.path.is_file()):
                    continue  # it was deleted while the ones before it were sent
                with (
                    entry.path.open("rb") as given,
                    archive.open(_member(name, entry.path), "w", force_zip64=True) as to,
                ):
                    while block := given.read(BLOCK):
                        to.write(block)
                        yield out.taken()
                if sidecars:
                    archive.writestr(f"{name}.json", sidecar.of(entry, boards))
        yield out.taken()


class Blocks(RawIOBase):
    """A file that is only written to, and whose content is taken from it as it comes."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        return len(data)

    def taken(self) -> bytes:
        found, self._held = bytes(self._held), bytearray()
        return found


def _member(name: str, path: Path) -> zipfile.ZipInfo:
    return zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)


def _free_name(entry: Entry, taken: set[str]) -> str:
    """A name that no other has, and that leads nowhere, whatever the file was called by hand."""
    assert entry.path  # noqa: S101 - only those with files are named
    stem, ending = safe_stem(entry.path.stem), entry.path.suffix
    free = f"{stem}{ending}"
    if free.casefold() in taken:
        free = f"{stem}-{entry.id[:8]}{ending}"
    taken.add(free.casefold())
    return free
