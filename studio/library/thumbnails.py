"""Small copies of pictures: made once, called by the digest of the pixels, so that no list decodes a picture again."""

import warnings
from contextlib import suppress
from pathlib import Path

from PIL import Image, ImageOps

from studio.atomic_files import AtomicFolder
from studio.errors import InvalidRecipe, NotFound, Unreadable
from studio.inputs import DAMAGED, InputStore
from studio.library.looks import look_of
from studio.metadata import own
from studio.pixels import digest
from studio.safety.card import blurred
from studio.safety.layer import is_blurred

# The sides of copies, in pixels: of a list, and of one on a dense screen.
SIDE, LARGE_SIDE = 256, 512
SIDES = (SIDE, LARGE_SIDE)
QUALITY = 80
# As large as a whole copy becomes; WebP ends at four times that.
WHOLE = 4096
# Which browsers show by themselves.
SHOWN = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif")


class Thumbnails:
    """The folder of small copies."""

    def __init__(self, folder: Path, inputs: InputStore) -> None:
        self._folder = folder
        self._inputs = inputs

    def place(self, pixels: str, side: int = SIDE) -> Path:
        """Where the copy of a picture lies, or will."""
        return self._folder / "library" / pixels[:2] / f"{pixels[:40]}-{side}.webp"

    def of(self, path: Path, pixels: str, side: int = SIDE) -> Path:
        """The copy of at most `side` pixels, made where there is none yet; Unreadable, NotFound, StorageError."""
        small = self.place(pixels, side)
        if not small.is_file():
            if not path.is_file():
                raise NotFound(f"{path.name} is no longer there.", "Look at the library again.")
            try:
                with self._inputs.opened(path) as picture:
                    picture.draft("RGB", (side, side))
                    self.make(picture, pixels, side, blur=side != WHOLE and _is_blurred(path))
            except InvalidRecipe as error:
                raise Unreadable(f"{path.name} cannot be shown: {error.message}", error.hint) from error
        return small

    def digest(self, path: Path) -> tuple[tuple[int, int], str, bytes]:
        """The size, digest and look of a picture's pixels, whose small copy is made on the way; InvalidRecipe."""
        with self._inputs.opened(path) as picture:
            picture.load()
            found = digest(picture)
            if not self.place(found).is_file():
                self.make(picture, found, blur=_is_blurred(path))
            return picture.size, found, look_of(picture)

    def make(self, picture: Image.Image, pixels: str, side: int = SIDE, *, blur: bool = False) -> Path:
        """Store a copy of a picture whose pixels are at hand, or a blurred one; StorageError."""
        small = self.place(pixels, side)
        copy = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
        copy.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2)
        with warnings.catch_warnings(), suppress(OSError, *DAMAGED):
            warnings.simplefilter("ignore")  # of damaged EXIF, which is left out
            copy = ImageOps.exif_transpose(copy)
        copy = blurred(copy) if blur else copy
        AtomicFolder(self._folder).write(small, lambda file: copy.save(file, "WEBP", quality=QUALITY, method=2))
        return small

    def viewable(self, path: Path, pixels: str) -> Path:
        """The picture as a browser shows it: itself, or of a format that none shows a whole copy."""
        if path.suffix.lower() in SHOWN:
            return path
        return self.of(path, pixels, WHOLE)

    def forget(self, pixels: str) -> None:
        """Remove the copies of a picture."""
        for small in self.place(pixels).parent.glob(f"{pixels[:40]}-*.webp"):
            small.unlink(missing_ok=True)


def _is_blurred(path: Path) -> bool:
    with suppress(NotFound, Unreadable):
        return is_blurred(own.read_facts(path))
    return False
