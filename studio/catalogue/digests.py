"""The SHA-256 of files of weights: each is computed once, and kept in the database for as long as its file is the same.

`tensors` leaves out the header of a .safetensors file, so that notes in it change nothing: what A1111 knows LoRAs by.
"""

import re
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from threading import Lock, Thread
from typing import Literal

from studio.catalogue.named_files import Stamp, stamp_of
from studio.errors import DamagedModel, ModelError, StorageError
from studio.storage.database import Database

Part = Literal["whole", "tensors"]
# The store of the hub's cache names large files by their SHA-256.
BLOB = re.compile("[0-9a-f]{64}")
BLOCK = 2**22


class Digests:
    """The SHA-256 of files, in 64 hexadecimal digits."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._found: dict[tuple[Stamp, Part], Future[str]] = {}

    def of(self, path: Path, part: Part = "whole") -> str:
        """The SHA-256 of a file, or of its tensors alone; ModelError where it cannot be read."""
        stamp = stamp_of(path)
        if (found := self._found.get((stamp, part))) and found.done() and not found.exception():
            return found.result()
        known = self._known(stamp, part)
        if known is None:
            known = self._computed(stamp, part)
            # Not to know it the next time only costs time.
            with suppress(StorageError):
                self._keep(stamp, part, known)
        else:
            self._remember(stamp, part, known)
        return known

    def begin(self, paths: Iterable[Path]) -> None:
        """Compute in the background what is not known of these files, so that `of` answers sooner."""
        unknown = []
        for path in paths:
            with suppress(ModelError):
                stamp = stamp_of(path)
                if (stamp, "whole") not in self._found and self._known(stamp, "whole") is None:
                    unknown.append(stamp)
        if unknown:
            Thread(target=self._compute, args=(unknown,), name="digests", daemon=True).start()

    def _compute(self, stamps: Iterable[Stamp]) -> None:
        for stamp in stamps:
            with suppress(ModelError):
                self._computed(stamp, "whole")

    def _known(self, stamp: Stamp, part: Part) -> str | None:
        if part == "whole" and (blob := _blob(stamp[0])):
            return blob
        path, changed, size = stamp
        found = "SELECT sha256 FROM weight_digests WHERE path = ? AND part = ? AND bytes = ? AND changed = ?"
        with suppress(StorageError), self._database.read() as rows:
            row = rows.execute(found, (str(path), part, size, changed)).fetchone()
            return str(row[0]) if row else None
        return None

    def _keep(self, stamp: Stamp, part: Part, digest: str) -> None:
        path, changed, size = stamp
        keep = "INSERT OR REPLACE INTO weight_digests (path, part, bytes, changed, sha256) VALUES (?, ?, ?, ?, ?)"
        with self._database.write() as rows:
            rows.execute(keep, (str(path), part, size, changed, digest))

    def _remember(self, stamp: Stamp, part: Part, digest: str) -> None:
        """Know it without asking again, for as long as the file is the same."""
        answer: Future[str] = Future()
        answer.set_result(digest)
        with self._lock:
            self._found.setdefault((stamp, part), answer)

    def _computed(self, stamp: Stamp, part: Part) -> str:
        """Computed once, by whoever asks first; others wait for it."""
        with self._lock:
            first = (stamp, part) not in self._found
            answer = self._found.setdefault((stamp, part), Future())
        if first:
            try:
                answer.set_result(_sha256(stamp, part))
            except OSError as error:
                fault = f"{stamp[0]} cannot be read: {error.strerror}."
                answer.set_exception(DamagedModel(fault, "Put it there, and make sure that you may read it."))
        return answer.result()


def _blob(path: Path) -> str | None:
    """The digest by which the hub's cache names a file; None where it is no large file of that cache."""
    name = path.resolve().name if path.is_symlink() else ""
    return name if BLOB.fullmatch(name) else None


# Kept for several studios in one program, too.
@lru_cache(maxsize=1024)
def _sha256(stamp: Stamp, part: Part) -> str:
    digest = sha256()
    with stamp[0].open("rb") as file:
        if part == "tensors":
            file.seek(8 + int.from_bytes(file.read(8), "little"))
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
