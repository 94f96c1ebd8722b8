"""The fonts that are here, and which letters each has: Pillow's own, those of font packages, those of the system."""

import os
import struct
import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

from PIL import ImageFont

# Noto under the OFL, as packages bring it; the second has Chinese, Japanese and Korean.
PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")
ENDINGS = frozenset({".ttf", ".otf", ".ttc", ".otc"})
# Not the upright letters of text.
OTHER_CUTS = ("italic", "oblique", "bold", "light", "thin", "black", "condensed", "mono", "serif", "display")
SYSTEM = {
    "win32": ("%WINDIR%/Fonts", "%LOCALAPPDATA%/Microsoft/Windows/Fonts"),
    "darwin": ("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),
}
UNIX = ("~/.local/share/fonts", "~/.fonts", "/usr/local/share/fonts", "/usr/share/fonts")
# A font in all weights begins with its thinnest.
WEIGHT = b"Weight", 400.0
# Ranges of letters as (first, last), in order.
Ranges = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Font:
    """A font file, or Pillow's own where there is none."""

    path: Path | None = None

    @cached_property
    def ranges(self) -> Ranges:
        """The letters that it has; none where it cannot be read."""
        try:
            if self.path is not None:
                return letters_of(self.path.read_bytes())
            own: BytesIO = ImageFont.load_default(12).path  # type: ignore[union-attr, assignment]
            return letters_of(own.getvalue())
        except (OSError, struct.error, ValueError, AttributeError):
            return ()

    def has(self, letter: str) -> bool:
        """Whether it has this letter."""
        place = bisect_right(self.ranges, (ord(letter), sys.maxunicode)) - 1
        return place >= 0 and self.ranges[place][1] >= ord(letter)

    @cache  # noqa: B019 - fonts are few, and live as long as the program
    def at(self, size: int) -> ImageFont.FreeTypeFont | None:
        """It at a size in pixels; None where it cannot be had at that."""
        try:
            if self.path is None:
                return ImageFont.load_default(size)  # type: ignore[return-value]
            font = ImageFont.truetype(self.path, size)
        except OSError:  # one of bitmaps of another size
            return None
        _regular(font)
        return font


def fonts() -> Iterator[Font]:
    """Every font in the order in which letters are sought, the last ones found as they are asked for."""
    yield Font()
    for name in PACKAGES:
        found = find_spec(name)
        for place in (found.submodule_search_locations or ()) if found else ():
            yield from _in(Path(place))
    for named in SYSTEM.get(sys.platform, UNIX):
        yield from _in(Path(os.path.expandvars(named)).expanduser())


@cache
def font_of(letter: str, size: int) -> Font | None:
    """The first font that has a letter, and can be had at this size; None where none has."""
    return next((font for font in fonts() if font.has(letter) and font.at(size)), None)


@cache
def _in(folder: Path) -> tuple[Font, ...]:
    """The fonts of a folder, plain cuts first; of others it may be that they alone have a script."""
    files = [path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS] if folder.is_dir() else []
    return tuple(map(Font, sorted(files, key=lambda path: (any(cut in path.name.lower() for cut in OTHER_CUTS), path))))


def letters_of(data: bytes) -> Ranges:
    """The letters that the data of a font maps to glyphs; of several in one file, those of the first.

    struct.error or ValueError where it is no font.
    """
    start = struct.unpack_from(">I", data, 12)[0] if data[:4] == b"ttcf" else 0
    tables = struct.unpack_from(">H", data, start + 4)[0]
    for number in range(tables):
        tag, _, offset, _ = struct.unpack_from(">4sIII", data, start + 12 + 16 * number)
        if tag == b"cmap":
            return _mapped(data, offset)
    raise ValueError("it maps no letters")


def _mapped(data: bytes, offset: int) -> Ranges:
    """By the widest of the maps of a `cmap` table: that of all of Unicode, else that of its first plane."""
    count = struct.unpack_from(">H", data, offset + 2)[0]
    places = {offset + struct.unpack_from(">HHI", data, offset + 4 + 8 * number)[2] for number in range(count)}
    formats = {struct.unpack_from(">H", data, place)[0]: place for place in sorted(places)}
    if 12 in formats:
        groups = struct.unpack_from(">I", data, formats[12] + 12)[0]
        found = (struct.unpack_from(">III", data, formats[12] + 16 + 12 * number)[:2] for number in range(groups))
        return tuple(sorted(found))
    if 4 not in formats:
        raise ValueError("its map is of another kind")
    place, double = formats[4], struct.unpack_from(">H", data, formats[4] + 6)[0]
    ends = struct.unpack_from(f">{double // 2}H", data, place + 14)
    starts = struct.unpack_from(f">{double // 2}H", data, place + 16 + double)
    return tuple(sorted((first, last) for first, last in zip(starts, ends, strict=True) if last != 0xFFFF))


def _regular(font: ImageFont.FreeTypeFont) -> None:
    """Set a font in all weights to that of text."""
    try:
        axes = font.get_variation_axes()
    except OSError:  # it has one weight
        return
    name, weight = WEIGHT
    font.set_variation_by_axes([weight if axis["name"] == name else float(axis["default"] or 0) for axis in axes])
