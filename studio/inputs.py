"""The pictures that recipes start from, and their masks: made upright 8-bit RGB or grey, and kept once by content.

A recipe names them by the hash of their pixels, so that its result can be made again long after an upload is gone.
"""

import logging
import re
import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageChops, ImageCms, ImageOps, UnidentifiedImageError

from studio.atomic_files import AtomicFolder
from studio.errors import InvalidRecipe, NotFound, Unreadable
from studio.gate.identity import Identity
from studio.pixels import digest
from studio.recipe import INPUT_ID
from studio.room import Room
from studio.settings import Settings
from studio.storage.database import Database
from studio.unused import Unused

log = logging.getLogger(__name__)

Source = Path | bytes | Image.Image
Field = Literal["init_image", "mask_image", "mask_sketch", "controls"]
MaskReads = Literal["auto", "brightness", "opaque", "transparent"]
# How far channels may be apart in what has no hue; what is dark in a mask, and what is light.
# What Pillow says of a PNG with a text that unpacks to more than it takes.
TEXT_TOO_LARGE = "MAX_TEXT"
PLAIN, DARK, LIGHT = 16, 64, 191

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


class InputStore:
    """The folder of stored pictures: `<id>.png`; the database says whose they are, and what nothing uses."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self._disk = AtomicFolder(folder)
        self.room = Room(ROOM_PIXELS)
        self._database = database
        self._unused = Unused(folder, database)

    @classmethod
    def of(cls, settings: Settings, database: Database | None = None) -> "InputStore":
        """The data folder's own; nothing is made there before something is added."""
        return cls(settings.home / "images" / "inputs", database or Database.of(settings.home))

    def add(self, source: Source, field: Field = "init_image", who: Identity | None = None) -> Input:
        """Store a picture as 8-bit RGB, held by `who`; InvalidRecipe on `field` where it is none, or StorageError.

        One that somebody holds is cleared after some weeks if nothing uses it; else it stays.
        """
        with self.room.of(_pixels(field, source)):
            picture, notes = _read(field, source)
            alpha = _alpha(picture) if who and field == "init_image" else None
            stored = self._store(*_as_rgb(picture, notes), who)
            if who and alpha:
                self._keep_holes(who, stored.id, self._store(ImageOps.invert(alpha), (), who).id)
            return stored

    def holes(self, who: Identity, id: str) -> str:  # noqa: A002
        """The stored mask of what was transparent in a picture that who asks brought; empty where nothing was."""
        with self._database.read() as database:
            found = "SELECT mask FROM input_holes WHERE owner = ? AND picture = ?"
            row = database.execute(found, (who.owner, id)).fetchone()
        mask = str(row[0]) if row else ""
        return mask if mask and (self.folder / f"{mask}.png").is_file() else ""

    def _keep_holes(self, who: Identity, picture: str, mask: str) -> None:
        with self._database.write() as database:
            keep = "INSERT OR REPLACE INTO input_holes (owner, picture, mask) VALUES (?, ?, ?)"
            database.execute(keep, (who.owner, picture, mask))

    def add_mask(
        self, source: Source, who: Identity | None = None, *, reads: MaskReads = "auto", invert: bool = False
    ) -> Input:
        """Store a mask as 8-bit grey, held by `who`; white is what changes, or what stays where it is to `invert`.

        `reads` says what of the file counts: its "brightness", what is "opaque" or what is "transparent" in it; "auto"
        goes by what it looks like, which the notes tell. InvalidRecipe on `mask_image` where it is no picture or
        nothing in it changes, StorageError from the disk.
        """
        with self.room.of(_pixels("mask_image", source)):
            picture, notes = _read("mask_image", source)
            mask, mask_notes = _mask(picture, reads)
            notes += mask_notes
            if invert:
                mask, notes = ImageOps.invert(mask), (*notes, "The mask was inverted.")
            if mask.getextrema() == (0, 0):
                raise InvalidRecipe(
                    "mask_image", "The mask is empty.", "Paint over what should change; white is repainted."
                )
            return self._store(mask, notes, who)

    @contextmanager
    def opened(self, path: Path, field: Field = "init_image") -> Iterator[Image.Image]:
        """Somebody's picture whose pixels are not read yet, and room for them while the block lasts.

        InvalidRecipe on `field` where it is none or too large, StudioError where there is no room for too long.
        """
        with self.room.of(_pixels(field, path)), reading(field), _opened(field, path) as picture:
            yield picture

    def add_glance(self, picture: Image.Image) -> Input:
        """Store a map that is only looked at: the newest few stay for a day, unless something uses them."""
        return self._store(*_as_rgb(picture, ()), None, glance=True)

    def use(self, ids: Iterable[str]) -> None:
        """Let these pictures stay for good: something refers to them from now on. StorageError."""
        self._unused.use(ids)

    def cleared(self) -> tuple[int, int, float] | None:
        """How many that nothing used were cleared so far, their bytes, and when it was last; None if none was."""
        return self._unused.cleared()

    def give(self, id: str, who: Identity) -> None:  # noqa: A002
        """Let somebody hold a stored picture."""
        with self._database.write() as database:
            database.execute("INSERT OR IGNORE INTO held_inputs (owner, picture) VALUES (?, ?)", (who.owner, id))

    def holds(self, who: Identity, ids: Iterable[str]) -> set[str]:
        """Those of these pictures that who asks brought or made; an id, which every recipe tells, is no right."""
        wanted = set(ids)
        if not wanted:
            return set()
        with self._database.read() as database:
            found = "SELECT 1 FROM held_inputs WHERE owner = ? AND picture = ?"
            return {id for id in wanted if database.execute(found, (who.owner, id)).fetchone()}  # noqa: A001

    def path(self, id: str) -> Path:  # noqa: A002
        """The PNG of a stored picture; NotFound where there is none of this id."""
        path = self.folder / f"{id}.png"
        if not re.match(INPUT_ID, id) or not path.is_file():
            raise NotFound(f"The picture {id[:12]} is not in {self.folder}.", "Give the picture again.")
        return path

    def open(self, id: str) -> Image.Image:  # noqa: A002
        """A stored picture's pixels, RGB or L; NotFound, or Unreadable where it is damaged."""
        with self._reading(id) as picture:
            picture.load()
            return picture.copy()

    def size(self, id: str) -> tuple[int, int]:  # noqa: A002
        """Width and height of a stored picture, from its header; errors as `open`."""
        with self._reading(id) as picture:
            return picture.size

    def sweep(self) -> None:
        """Remove what crashed studios left half written, and what nothing has used for long."""
        self._disk.sweep()
        try:
            self._unused.clear()
        except (NotFound, Unreadable) as error:
            log.warning("%s", error)

    @contextmanager
    def _reading(self, id: str) -> Iterator[Image.Image]:  # noqa: A002
        path = self.path(id)
        try:
            with Image.open(path, formats=["PNG"]) as picture:
                yield picture
        except (OSError, *DAMAGED) as error:
            raise Unreadable(f"{path} is damaged.", "Delete it and give the picture again.") from error

    def _store(
        self, picture: Image.Image, notes: tuple[str, ...], who: Identity | None, *, glance: bool = False
    ) -> Input:
        name = digest(picture)
        path = self.folder / f"{name}.png"
        passing = who is not None or glance
        if passing:
            self._unused.note(name, new=not path.is_file(), glance=glance)
        else:
            self._unused.use([name])
        if not path.is_file():
            # No profile, comment or place of the upload is kept.
            picture.info.clear()
            self._disk.write(path, lambda file: picture.save(file, format="PNG", compress_level=1))
        if who:
            self.give(name, who)
        if passing:
            self._unused.clear()
        return Input(name, *picture.size, notes)


def _read(field: Field, source: Source) -> tuple[Image.Image, tuple[str, ...]]:
    """The picture of a source, upright and of 8 bits a channel, and what was done to it; any mode but 16 bits."""
    try:
        return _decoded(field, source)
    except InvalidRecipe as error:
        # The pixels are whole where a text beside them is too large.
        if TEXT_TOO_LARGE not in str(error.__cause__) or isinstance(source, Image.Image):
            raise
        return _decoded(field, _without_texts(source))


def _without_texts(source: Path | bytes) -> bytes:
    """A PNG with nothing but its pixels, their transparency and which way is up."""
    png = source if isinstance(source, bytes) else source.read_bytes()
    kept, place = [png[:8]], 8
    while len(head := png[place : place + 8]) == 8:
        end = place + 12 + int.from_bytes(head[:4], "big")
        if head[4:5].isupper() or head[4:] in (b"tRNS", b"eXIf"):
            kept.append(png[place:end])
        place = end
    return b"".join(kept)


def _decoded(field: Field, source: Source) -> tuple[Image.Image, tuple[str, ...]]:
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
        if upright.mode == "La":  # Pillow goes from it to nothing else
            upright = upright.convert("LA")
        upright, wide = _in_eight_bits(upright)
    done = {
        "Only the first frame of the animation was taken.": frames,
        "Turned upright, as its camera recorded.": turned,
        "Reduced from 16 to 8 bits.": deep and not wide,
        f"Reduced from 32 to 8 bits: {wide}.": bool(wide),
    }
    return upright, tuple(note for note, true in done.items() if true)


def _in_eight_bits(picture: Image.Image) -> tuple[Image.Image, str]:
    """The picture with 8 bits a channel, and what was taken for white where numbers of 32 bits do not say.

    Floats up to 1 are shares of white; other numbers are taken for the least bits that hold them, 8, 16 or 32.
    """
    if picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)), ""
    if picture.mode not in ("I", "F"):
        return picture, ""
    numbers = np.nan_to_num(np.asarray(picture).astype(np.float64), posinf=0, neginf=0)
    most = numbers.max()
    whites = (1, 255, 65535, 2**31 - 1) if picture.mode == "F" else (255, 65535, 2**31 - 1)
    white = next((one for one in whites if most <= one), most)
    return Image.fromarray((numbers / white * 255).clip(0, 255).round().astype(np.uint8)), f"{white:.10g} is white"


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
    return white, (*notes, "Transparency was filled with white.")


def _mask(picture: Image.Image, reads: MaskReads) -> tuple[Image.Image, tuple[str, ...]]:
    """What changes as white on black, and a sentence where another reading could have been meant."""
    alpha, grey = _alpha(picture), _grey(picture)
    if reads == "brightness" or (reads == "auto" and alpha is None):
        return grey, ()
    if alpha is None:
        fault = "Nothing in the mask is transparent, so its transparency cannot be used."
        raise InvalidRecipe("mask_image", fault, "Use its brightness.")
    if reads != "auto":
        return (ImageOps.invert(alpha) if reads == "transparent" else alpha), ()
    seen = np.asarray(grey)[np.asarray(alpha) > 0]
    if seen.size and _is_black_and_white(picture, alpha):
        seen_grey = ImageChops.multiply(grey, alpha)
        return seen_grey, ("The mask is black and white: its brightness counts, and what is transparent stays.",)
    same = not seen.size or int(seen.max()) - int(seen.min()) < PLAIN
    return alpha, () if same else ("What is opaque in the mask changes; its colours do not count.",)


def _is_black_and_white(picture: Image.Image, alpha: Image.Image) -> bool:
    """Whether most of it is opaque, and what is seen has no hue, and both black and white."""
    if np.mean(np.asarray(alpha) > LIGHT) <= 0.5:
        return False
    colours = np.asarray(picture.convert("RGBA"))[..., :3][np.asarray(alpha) > 0].astype(np.int16)
    hueless = (colours.max(axis=-1) - colours.min(axis=-1) <= PLAIN).all()
    return bool(hueless and colours.min() < DARK and colours.max() > LIGHT)


def _grey(picture: Image.Image) -> Image.Image:
    """Its brightness, of any mode; Pillow goes from some only by way of RGB."""
    return picture.convert("L") if picture.mode in ("1", "L", "P", "RGB", "RGBA", "LA") else _rgb(picture).convert("L")


def _rgb(picture: Image.Image) -> Image.Image:
    return picture if picture.mode == "RGB" else picture.convert("RGB")


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
        return picture, ("Its colour profile cannot be read; colours were treated as sRGB.",)
    return srgb or picture, (f"Colours were converted from {name} to sRGB.",)


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
        raise InvalidRecipe(field, "The file is empty: it has 0 bytes.", "Save or upload the picture again.")
    with warnings.catch_warnings():
        # Pillow refuses the largest pictures, and only warns, on the terminal, of the next ones and of damaged EXIF.
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return Image.open(BytesIO(source) if isinstance(source, bytes) else source, formats=formats())
        except ValueError as error:
            if TEXT_TOO_LARGE not in str(error):
                raise
            return Image.open(BytesIO(_without_texts(source)), formats=formats())


def _pixels(field: Field, source: Source) -> int:
    """How many pixels a picture has, by its header; InvalidRecipe where they are too many."""
    with reading(field), _opened(field, source, copied=False) as picture:
        check_size(field, *picture.size)
        return picture.width * picture.height


def pixels_of(path: Path) -> int:
    """How many pixels a file has by its header; 0 where it is no picture that is taken."""
    try:
        return _pixels("init_image", path)
    except InvalidRecipe:
        return 0


def check_size(field: Field, width: int, height: int) -> None:
    """InvalidRecipe where a picture is larger, or longer at a side, than any that is taken."""
    _check_pixels(field, width * height)
    if max(width, height) > MOST_SIDE:
        most = f"the limit is {MOST_SIDE} a side."
        raise InvalidRecipe(field, f"The picture has {width} x {height} pixels; {most}", "Make it smaller first.")


def _check_pixels(field: Field, pixels: int) -> None:
    if pixels > MOST_PIXELS:
        raise InvalidRecipe(
            field,
            f"The picture has {pixels / 1e6:.0f} megapixels; the limit is {MOST_PIXELS / 1e6:.0f}.",
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
        raise InvalidRecipe(field, "The picture is too large.", "Make it smaller first.") from error
    except UnidentifiedImageError as error:
        raise InvalidRecipe(field, "The file is not a picture.", f"Give a {FORMAT_NAMES} file.") from error
    except FileNotFoundError as error:
        raise InvalidRecipe(field, "The picture is not there.", "Check its path and name.") from error
    except (OSError, *DAMAGED) as error:
        # What a library says of a damaged file helps nobody who has it.
        reason = getattr(error, "strerror", None) or "it is damaged, or in an unusual format"
        hint = "Open it in another program and save it again, or choose another file."
        raise InvalidRecipe(field, f"The picture cannot be read ({reason}).", hint) from error
