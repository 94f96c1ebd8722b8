"""The images on disk: each is there whole, with its recipe inside, or not at all."""

import errno
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import psutil
from PIL.Image import Image

from studio.errors import LibraryError
from studio.metadata import png
from studio.recipe import Recipe

# What is left free beside the images of a job: room for the queue and for other programs.
RESERVE_BYTES = 8 * 2**20
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


@dataclass(frozen=True)
class Saved:
    """An image in the library; `seconds` is how long it took to make."""

    path: Path
    recipe: Recipe
    seconds: float


class Library:
    """The folder of images: `<day>/<time>-<seed>-<job and index, hashed>.png`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def ready(self, needed_bytes: int = 0) -> None:
        """Make sure that images can be stored now; LibraryError with the cure where they cannot."""
        probe = self._temporary("probe")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink(missing_ok=True)
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise self._fault(error) from error
        if free < needed_bytes + RESERVE_BYTES:
            raise LibraryError(
                f"The disk of {self.folder} is nearly full: {free / 2**20:.0f} MB free, "
                f"{(needed_bytes + RESERVE_BYTES) / 2**20:.0f} MB needed.",
                "Free some space, ask for fewer or smaller images, or choose another folder.",
            )

    def save(
        self,
        image: Image,
        recipe: Recipe,
        facts: Mapping[str, str],
        *,
        seconds: float,
        job: str,
        index: int,
    ) -> Saved:
        """Store image `index` of a job; it is on the disk for good when this returns. LibraryError with the cure."""
        now = datetime.now().astimezone()
        path = self.folder / f"{now:%Y-%m-%d}" / f"{now:%H%M%S}-{_suffix(recipe, job, index)}"
        temporary = self._temporary(path.stem)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with temporary.open("xb") as file:
                    png.write(image, recipe, {**facts, "seconds": f"{seconds:.3f}"}, file)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.rename(path)
            finally:
                temporary.unlink(missing_ok=True)
            _sync(path.parent)
            _sync(self.folder)
        except OSError as error:
            raise self._fault(error) from error
        return Saved(path, recipe, seconds)

    def find(self, recipe: Recipe, job: str, index: int) -> Saved | None:
        """Image `index` of a job, where it was stored before; the files are asked, not an index."""
        for path in self.folder.glob(f"*/*-{_suffix(recipe, job, index)}"):
            with suppress(LibraryError, KeyError, ValueError):
                if png.read(path) == recipe:
                    return Saved(path, recipe, float(png.read_facts(path)["seconds"]))
        return None

    def read(self, path: Path) -> Recipe:
        """The recipe inside an image, from the library or elsewhere; LibraryError where there is none."""
        return png.read(path)

    def sweep(self) -> None:
        """Remove what crashed studios left half written, where that may be; what a living process writes stays."""
        with suppress(OSError):
            for path in self.folder.glob(".*.part"):
                if _abandoned(path):
                    path.unlink(missing_ok=True)

    def _temporary(self, name: str) -> Path:
        """A hidden file beside the days' folders, so that a sweep looks at one folder only; it names its writer."""
        return self.folder / f".{name}.{os.getpid()}.part"

    def _fault(self, error: OSError) -> LibraryError:
        reason = error.strerror or str(error)
        if error.errno in FULL:
            return LibraryError(
                f"The disk is full: no image can be stored in {self.folder} ({reason}).",
                "Free some space or choose another folder; images that were finished are kept.",
            )
        if error.errno in REFUSED:
            return LibraryError(
                f"The folder {self.folder} cannot be written ({reason}).",
                "Allow writing there or choose another folder.",
            )
        return LibraryError(
            f"No image can be stored in {self.folder} ({reason}).",
            "Check the disk or choose another folder.",
        )


def _suffix(recipe: Recipe, job: str, index: int) -> str:
    return f"{recipe.seed}-{sha256(f'{job}/{index}'.encode()).hexdigest()[:6]}.png"


def _abandoned(path: Path) -> bool:
    """Whether the process that wrote the file is gone; its number may have been given to a younger one since."""
    try:
        pid = int(path.suffixes[-2].removeprefix("."))
        return psutil.Process(pid).create_time() > path.stat().st_mtime
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
