"""The images on disk: each is there whole, with its recipe inside, or not at all."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from studio.atomic_files import AtomicFolder
from studio.errors import NotFound, Unreadable
from studio.filmstrip import Filmstrips
from studio.gate.identity import Identity
from studio.library.facts import CREATED, ITEM, JOB, KIND, LOSSY, OWNER, PICTURE, PIXELS, FileFacts, item_id, own
from studio.library.looks import look_of
from studio.metadata import own as stored
from studio.metadata import writing
from studio.metadata.writing import PLAIN, Writing
from studio.pixels import digest
from studio.recipe import Recipe
from studio.safety.card import blurred
from studio.safety.layer import is_blurred

if TYPE_CHECKING:
    from studio.library.index import LibraryIndex


@dataclass(frozen=True)
class Saved:
    """An image in the library; `seconds` is how long it took to make. `facts` are for the index, None of one found."""

    path: Path
    recipe: Recipe
    seconds: float
    facts: FileFacts | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Picture:
    """What an image's file tells: its size in pixels, what it did cost, and the prompt that a service made of ours."""

    width: int | None = None
    height: int | None = None
    cost_usd: float | None = None
    revised: str = ""


def picture(path: Path) -> Picture:
    """What the file of an image tells; nothing where it is not there."""
    try:
        width, height = size(path)
    except OSError:
        return Picture()
    written, cost = facts(path), None
    with suppress(KeyError, ValueError):
        cost = float(written["cost_usd"])
    return Picture(width, height, cost, written.get("revised prompt", ""))


@lru_cache(maxsize=8192)
def size(path: Path) -> tuple[int, int]:
    """Width and height of a stored image in pixels; OSError where it is not there."""
    with Image.open(path) as image:
        return image.size


@lru_cache(maxsize=8192)
def facts(path: Path) -> Mapping[str, str]:
    """How a stored image was made, beyond its recipe; nothing where it does not say."""
    try:
        return stored.read_facts(path)
    except (NotFound, Unreadable):
        return {}


def as_listed(picture: Image.Image, path: Path) -> Image.Image:
    """A stored image as it is seen beside others: of one that the safety layer flagged, its colours alone.

    Whatever shows several, or hands them on together, takes them from here; opened, an image is whole.
    """
    return blurred(picture) if is_blurred(facts(path)) else picture


class Library:
    """The folder of images: `<day>/<time>-<seed>-<job and index, hashed>.png`; `index` finds them again.

    They are written as `how` says; `filmstrips` are those of some.
    """

    def __init__(
        self,
        folder: Path,
        index: "LibraryIndex | None" = None,
        how: Writing = PLAIN,
        filmstrips: Filmstrips | None = None,
    ) -> None:
        self.folder = folder
        self._filmstrips = filmstrips
        self._index = index
        self._how = how
        self._disk = AtomicFolder(folder)

    def ready(self, needed_bytes: int = 0, who: Identity | None = None) -> None:
        """Make sure that images can be stored now, for who asks; StorageError with the cure where they cannot."""
        self._disk.ready(needed_bytes)
        if self._index and who:
            self._index.usages.check(who, needed_bytes)

    def save(
        self,
        image: Image.Image,
        recipe: Recipe,
        facts: Mapping[str, Any],
        *,
        seconds: float,
        job: str,
        index: int,
        kind: str = "",
        who: Identity | None = None,
        frames: Sequence[Image.Image] = (),
    ) -> Saved:
        """Store image `index` of a job; it is on the disk for good when this returns. StorageError with the cure.

        The file tells its id, job and kind, the digest of its pixels, and by a mark whose it is. `frames`, which its
        steps predicted, become its filmstrip.
        """
        now = datetime.now().astimezone()
        path = self.folder / f"{now:%Y-%m-%d}" / f"{now:%H%M%S}-{_suffix(recipe, job, index)}{self._how.ending}"
        origin = {
            PICTURE: item_id(job, index),
            JOB: job,
            ITEM: str(index),
            KIND: kind,
            CREATED: f"{time.time():.3f}",
            PIXELS: digest(image),
            OWNER: self._index.owners.mark(who) if self._index and who else "",
        }
        written = {**facts, "seconds": f"{seconds:.3f}", **{name: value for name, value in origin.items() if value}}
        self._disk.check_room(3 * image.width * image.height)
        self._disk.write(path, lambda file: writing.write(image, recipe, written, file, self._how))
        if frames and self._filmstrips:
            self._filmstrips.keep(path, frames)
        relative = path.relative_to(self.folder).as_posix()
        # The pixels of a lossy file are known when it is read.
        known = (
            None if path.suffix in LOSSY else own(relative, recipe, written, image.size, path.stat(), look_of(image))
        )
        return Saved(path, recipe, seconds, known)

    def record(self, saved: Saved, who: Identity, beside: Callable[[], object]) -> None:
        """Have the index know an image, in one transaction with what `beside` writes. StorageError."""
        if self._index is None:
            beside()
        else:
            self._index.record(saved.path, saved.facts, who, beside)

    def find(self, recipe: Recipe, job: str, index: int) -> Saved | None:
        """Image `index` of a job, where it was stored before; the files are asked, not an index."""
        for path in self.folder.glob(f"*/*-{_suffix(recipe, job, index)}.*"):
            with suppress(NotFound, Unreadable, KeyError, ValueError):
                kept = stored.read(path)
                # The maps are made on the way to the image, and kept with it.
                if kept.without_maps() == recipe.without_maps():
                    return Saved(path, kept, float(stored.read_facts(path)["seconds"]))
        return None

    def at(self, name: str) -> Path | None:
        """The image of this name below the folder; None where there is none, or the name leads out of the folder."""
        path = self.folder / name
        try:
            is_ours = path.resolve().is_relative_to(self.folder.resolve()) and path.is_file()
        except (OSError, ValueError):
            return None
        return path if is_ours else None

    def read(self, path: Path) -> Recipe:
        """The recipe inside an image, from the library or elsewhere; NotFound or Unreadable where there is none."""
        return stored.read(path)

    def sweep(self) -> None:
        """Remove what crashed studios left half written, where that may be; what a living process writes stays."""
        self._disk.sweep()


def _suffix(recipe: Recipe, job: str, index: int) -> str:
    # Hosted models have no seed.
    seed = "" if recipe.seed is None else f"{recipe.seed}-"
    return f"{seed}{sha256(f'{job}/{index}'.encode()).hexdigest()[:6]}"
