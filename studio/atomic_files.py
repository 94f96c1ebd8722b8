"""Folders whose files are there whole or not at all, whatever is killed or fills up meanwhile."""

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import psutil

from studio.errors import DiskFull, NotWritable, StorageError

# What is left free beside the images of a job: room for the queue and for other programs.
RESERVE_BYTES = 8 * 2**20
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class AtomicFolder:
    """A folder and what is written into it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ready(self, needed_bytes: int = 0) -> None:
        """Make sure that images can be stored now; StorageError with the cure where they cannot."""
        probe = self._temporary("probe")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink(missing_ok=True)
        except OSError as error:
            raise self._fault(error) from error
        self.check_room(needed_bytes)

    def check_room(self, needed_bytes: int) -> None:
        """DiskFull where so much more would leave too little of the disk free for the database and other programs."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self.path).free
        except OSError as error:
            raise self._fault(error) from error
        if free < needed_bytes + RESERVE_BYTES:
            raise DiskFull(
                f"The disk of {self.path} is nearly full: {free / 2**20:.0f} MB free, "
                f"{(needed_bytes + RESERVE_BYTES) / 2**20:.0f} MB needed.",
                "Free some space, ask for fewer or smaller images, or choose another folder.",
            )

    def write(self, path: Path, fill: Callable[[BinaryIO], object]) -> None:
        """Store what `fill` writes as `path`, somewhere in the folder; it is on the disk for good when this returns.

        Raises StorageError with the cure.
        """

        def make(temporary: Path) -> None:
            with temporary.open("xb") as file:
                fill(file)

        self.place(path, make)

    def place(self, path: Path, make: Callable[[Path], object]) -> None:
        """As `write`, of a file that `make` writes at the path it is given."""
        temporary = self._temporary(path.stem)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                make(temporary)
                with temporary.open("rb+") as file:
                    os.fsync(file.fileno())
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
            _sync(path.parent)
            _sync(self.path)
        except OSError as error:
            raise self._fault(error) from error

    def sweep(self) -> None:
        """Remove what crashed studios left half written, where that may be; what a living process writes stays."""
        with suppress(OSError):
            for path in self.path.glob(".*.part"):
                if _abandoned(path):
                    path.unlink(missing_ok=True)

    def _temporary(self, name: str) -> Path:
        """A hidden file in the folder itself, so that a sweep looks at one place only; it names its writer."""
        return self.path / f".{name}-{secrets.token_hex(4)}.{os.getpid()}.part"

    def _fault(self, error: OSError) -> StorageError:
        reason = error.strerror or "it cannot be reached"
        if error.errno in FULL:
            return DiskFull(
                f"The disk is full: nothing can be stored in {self.path} ({reason}).",
                "Free some space or choose another folder; what was finished is kept.",
            )
        if error.errno in REFUSED:
            return NotWritable(
                f"The folder {self.path} cannot be written ({reason}).",
                "Allow writing there or choose another folder.",
            )
        return NotWritable(
            f"Nothing can be stored in {self.path} ({reason}).",
            "Check the disk or choose another folder.",
        )


def visible(
    folder: Path, *endings: str, below: bool = False, fault: Callable[[OSError], object] | None = None
) -> list[Path]:
    """What lies in a folder, or also `below` it, with one of these endings in any case, sorted; nothing hidden.

    Systems and programs leave hidden files (`._x.toml`, `.DS_Store`) beside the ones that people put there. Linked
    folders are followed once. What cannot be listed is left out; `fault` hears of it.
    """
    return sorted(path for path in _walked(folder, below=below, fault=fault) if path.suffix.lower() in endings)


def _walked(folder: Path, *, below: bool, fault: Callable[[OSError], object] | None) -> Iterator[Path]:
    been: set[tuple[int, int]] = set()

    def fail(error: OSError) -> None:
        if fault and not isinstance(error, FileNotFoundError | NotADirectoryError):
            fault(error)

    for place, folders, names in os.walk(folder, onerror=fail, followlinks=True):
        status = Path(place).stat()
        again = (status.st_dev, status.st_ino) in been
        been.add((status.st_dev, status.st_ino))
        seen = [] if again else [name for name in (*names, *folders) if not name.startswith(".")]
        yield from (Path(place, name) for name in seen)
        folders[:] = [name for name in folders if below and name in seen]


def _abandoned(path: Path) -> bool:
    """Whether the process that wrote the file is gone; its number may have been given to a younger one since."""
    try:
        pid = int(path.suffixes[-2].removeprefix("."))
        process = psutil.Process(pid)
        # One that ended and that its parent has not asked for yet writes no more.
        return process.status() == psutil.STATUS_ZOMBIE or process.create_time() > path.stat().st_mtime
    except (psutil.NoSuchProcess, FileNotFoundError):
        return True
    except (IndexError, ValueError, psutil.AccessDenied):
        return False


def _sync(folder: Path) -> None:
    """Make a rename in the folder last through a power cut; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
