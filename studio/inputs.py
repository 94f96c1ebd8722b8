"""The pictures that recipes start from, and their masks: made upright 8-bit RGB or grey, and kept once by content.

A recipe names them by the hash of their pixels, so that its result can be made again long after an upload is gone.
"""

import re
import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from studio.database import Database
from studio.disk import Folder
from studio.errors import LibraryError, RecipeError
from studio.recipe_parts import INPUT_ID
from studio.room import Room
from studio.settings import Settings

Source = Path | bytes | Image.Image
Field = Literal["init_image", "mask_image", "controls"]

# 8192x8192: decoded, normalised and written, it takes about 600 MB for a moment.
MOST_PIXELS = 2**26
# A line of 60 million pixels is no picture, and costs more than one of as many.
MOST_SIDE = 2**14
# What all requests together read at once.
ROOM_PIXELS = 2 * MOST_PIXELS
# No format that starts a program (EPS) or that hardly anybody uploads.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
FORMAT_NAMES = "PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF or HEIC"
MODES = {"1": "black and white", "L": "grey", "LA": "grey", "P": "a palette", "PA": "a palette", "I;16": "grey"}
EXIF_ORIENTATION = 0x0112
# What Pillow's readers raise on damaged files, besides OSError.
DAMAGED = (
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    RuntimeError,  # of libheif
    struct.error,
    zlib.error,
)
BAND = 256
HELD = """
CREATE TABLE IF NOT EXISTS held (owner TEXT, picture TEXT, PRIMARY KEY (owner, picture)) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Input:
    """A stored picture: `id` is what a recipe names it by, `notes` are sentences on how it was changed."""

    id: str
    width: int
    height: int
    notes: tuple[str, ...]


@cache
def formats() -> tuple[str, ...]:
    """The formats that pictures are read in; Pillow learns that of telephones, of which only the picture is read."""
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    return FORMATS


class Inputs:
    """The folder of stored pictures: `<id>.png`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._disk = Folder(folder)
        self.room = Room(ROOM_PIXELS)
        self._held = Database(folder / "held.sqlite", HELD, "Whose pictures these are")

    @classmethod
    def of(cls, settings: Settings) -> "Inputs":
        """The data folder's own; nothing is made there before something is added."""
        return cls(settings.home / "images" / "inputs")

    def add(self, source: Source, field: Field = "init_image", owner: str = "") -> Input:
        """Store a picture as 8-bit RGB, held by `owner`; RecipeError on `field` where it is none, or LibraryError."""
        with self.room.of(_pixels(field, source)):
            picture, notes = _read(field, source)
            return self._store(*_as_rgb(picture, notes), owner)

    def add_mask(self, source: Source, owner: str = "") -> Input:
        """Store a mask as 8-bit grey: its alpha where it has some, else its brightness; white is what changes.

        RecipeError on `mask_image` where it is no picture or nothing in it changes, LibraryError from the disk.
        """
        with self.room.of(_pixels("mask_image", source)):
            picture, notes = _read("mask_image", source)
            mask = _alpha(picture) or picture.convert("L")
            if mask.getextrema() == (0, 0):
                raise RecipeError("mask_image", "The mask is empty.", "Paint over what is to change; white changes.")
            return self._store(mask, notes, owner)

    def give(self, id: str, owner: str) -> None:  # noqa: A002
        """Let an owner hold a stored picture."""
        with self._held.open() as database:
            database.execute("INSERT OR IGNORE INTO held (owner, picture) VALUES (?, ?)", (owner, id))

    def holds(self, owner: str, ids: Iterable[str]) -> set[str]:
        """Those of these pictures that an owner brought or made; an id, which every recipe tells, is no right."""
        wanted = set(ids)
        if not wanted:
            return set()
        with self._held.open() as database:
            found = "SELECT 1 FROM held WHERE owner = ? AND picture = ?"
            return {id for id in wanted if database.execute(found, (owner, id)).fetchone()}  # noqa: A001

    def path(self, id: str) -> Path:  # noqa: A002
        """The PNG of a stored picture; LibraryError where there is none of this id."""
        path = self.folder / f"{id}.png"
        if not re.match(INPUT_ID, id) or not path.is_file():
            raise LibraryError(f"The picture {id[:12]} is not in {self.folder}.", "Give the picture again.")
        return path

    def open(self, id: str) -> Image.Image:  # noqa: A002
        """A stored picture's pixels, RGB or L; LibraryError where it is missing or damaged."""
        with self._reading(id) as picture:
            picture.load()
            return picture.copy()

    def size(self, id: str) -> tuple[int, int]:  # noqa: A002
        """Width and height of a stored picture, from its header; LibraryError as `open`."""
        with self._reading(id) as picture:
            return picture.size

    def sweep(self) -> None:
        """Remove what crashed studios left half written."""
        self._disk.sweep()

    @contextmanager
    def _reading(self, id: str) -> Iterator[Image.Image]:  # noqa: A002
        path = self.path(id)
        try:
            with Image.open(path, formats=["PNG"]) as picture:
                yield picture
        except (OSError, *DAMAGED) as error:
            raise LibraryError(f"{path} is damaged ({error}).", "Delete it and give the picture again.") from error

    def _store(self, picture: Image.Image, notes: tuple[str, ...], owner: str) -> Input:
        name = _hash(picture)
        path = self.folder / f"{name}.png"
        if not path.is_file():
            # No profile, comment or place of the upload is kept.
            picture.info.clear()
            self._disk.write(path, lambda file: picture.save(file, format="PNG", compress_level=1))
        if owner:
            self.give(name, owner)
        return Input(name, *picture.size, notes)


def _hash(picture: Image.Image) -> str:
    """SHA-256 of mode, size and pixels, band by band, so that no second copy of a large picture is made."""
    width, height = picture.size
    digest = sha256(f"{picture.mode} {width}x{height} ".encode())
    for top in range(0, height, BAND):
        digest.update(picture.crop((0, top, width, min(top + BAND, height))).tobytes())
    return digest.hexdigest()


def _read(field: Field, source: Source) -> tuple[Image.Image, tuple[str, ...]]:
    """The picture of a source, upright and of 8 bits a channel, and what was done to it; any mode but 16 bits."""
    with reading(field):
        with _opened(field, source) as picture:
            check_size(field, *picture.size)
            deep = picture.mode.startswith("I;16") or any(
                ";16" in str(tile[3]) for tile in getattr(picture, "tile", ())
            )
            frames = getattr(picture, "is_animated", False) and picture.format != "MPO"
            picture.load()
            turned = picture.getexif().get(EXIF_ORIENTATION, 1) != 1
            upright = ImageOps.exif_transpose(picture) if turned else picture
        if upright.mode in ("I", "F"):
            raise RecipeError(field, "The picture has 32 bits for each channel.", "Save it with 8 or 16 bits.")
        if upright.mode.startswith("I;16"):
            upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
    done = {
        "Only the first frame of the animation was taken.": frames,
        "Turned upright, as its camera noted.": turned,
        "Reduced from 16 to 8 bits.": deep,
    }
    return upright, tuple(note for note, true in done.items() if true)


def _as_rgb(picture: Image.Image, notes: tuple[str, ...]) -> tuple[Image.Image, tuple[str, ...]]:
    picture, coloured = _in_srgb(picture)
    notes += coloured
    if picture.mode == "RGB" and not picture.has_transparency_data:
        return picture, notes
    if picture.mode not in ("RGB", "RGBA", "RGBa"):
        notes += (f"Converted from {MODES.get(picture.mode, picture.mode)} to RGB.",)
    alpha = _alpha(picture)
    if alpha is None:
        return picture.convert("RGB"), notes
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture if picture.mode == "RGBA" else picture.convert("RGBA"), mask=alpha)
    return white, (*notes, "Transparency was laid on white.")


def _in_srgb(picture: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """The picture in the colours that models are trained on, where its profile says others, as telephones write."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in ("RGB", "RGBA", "CMYK"):
        return picture, ()
    try:
        own = ImageCms.ImageCmsProfile(BytesIO(profile))
        name = ImageCms.getProfileDescription(own).strip()
        if "sRGB" in name:
            return picture, ()
        mode = "RGBA" if picture.mode == "RGBA" else "RGB"
        srgb = ImageCms.profileToProfile(picture, own, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture, ("Its colour profile cannot be read; colours were taken as sRGB.",)
    return srgb or picture, (f"Colours were brought from {name} to sRGB.",)


def _alpha(picture: Image.Image) -> Image.Image | None:
    """How opaque each pixel is; None where all of them are."""
    if not picture.has_transparency_data:
        return None
    alpha = (picture if picture.mode == "RGBA" else picture.convert("RGBA")).getchannel("A")
    return None if alpha.getextrema() == (255, 255) else alpha


def _opened(field: Field, source: Source, *, copied: bool = True) -> Image.Image:
    """The picture, whose pixels are not read yet; leaving a block of it closes it, so that one in memory is copied."""
    if isinstance(source, Image.Image):
        return source.copy() if copied else Image.new("1", source.size)
    if not (len(source) if isinstance(source, bytes) else source.stat().st_size):
        raise RecipeError(field, "The file is empty: it has 0 bytes.", "Save or upload the picture again.")
    with warnings.catch_warnings():
        # Pillow refuses the largest pictures, and only warns, on the terminal, of the next ones.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(BytesIO(source) if isinstance(source, bytes) else source, formats=formats())


def _pixels(field: Field, source: Source) -> int:
    """How many pixels a picture has, by its header; RecipeError where they are too many."""
    with reading(field), _opened(field, source, copied=False) as picture:
        check_size(field, *picture.size)
        return picture.width * picture.height


def check_size(field: Field, width: int, height: int) -> None:
    """RecipeError where a picture is larger, or longer at a side, than any that is taken."""
    _check_pixels(field, width * height)
    if max(width, height) > MOST_SIDE:
        most = f"{MOST_SIDE} a side are the most."
        raise RecipeError(field, f"The picture has {width} x {height} pixels; {most}", "Make it smaller first.")


def _check_pixels(field: Field, pixels: int) -> None:
    if pixels > MOST_PIXELS:
        raise RecipeError(
            field,
            f"The picture has {pixels / 1e6:.0f} megapixels; {MOST_PIXELS / 1e6:.0f} are the most.",
            "Make it smaller first, to 8192x8192 pixels or less.",
        )


@contextmanager
def reading(field: Field) -> Iterator[None]:
    """Foreign errors of reading a picture in the studio's words."""
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        # Pillow refuses at the header, with the number of pixels as all it says.
        found = re.search(r"(\d+) pixels", str(error))
        _check_pixels(field, int(found[1]) if found else MOST_PIXELS + 1)
        raise RecipeError(field, f"The picture is too large ({error}).", "Make it smaller first.") from error
    except UnidentifiedImageError as error:
        raise RecipeError(field, "The file is not a picture.", f"Give a {FORMAT_NAMES} file.") from error
    except (OSError, *DAMAGED) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = "Open it in another program and save it again, or choose another file."
        raise RecipeError(field, f"The picture cannot be read ({reason}).", hint) from error
