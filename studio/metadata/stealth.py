"""Texts that are hidden in a picture's pixels: a bit in each alpha value, or in each red, green and blue one.

NovelAI writes them so, and A1111 with the extension stealth-pnginfo; column by column, from the left.
"""

import gzip
import io
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.inputs import DAMAGED, MOST_PIXELS
from studio.metadata.file_texts import MOST_BYTES

# The mark that a text begins with, and whether it is compressed.
MARKS = {
    b"stealth_pnginfo": ("A", False),
    b"stealth_pngcomp": ("A", True),
    b"stealth_rgbinfo": ("RGB", False),
    b"stealth_rgbcomp": ("RGB", True),
}
LENGTH = 15


def read(path: Path) -> str:
    """The hidden text of a lossless picture; empty where there is none, or it is damaged or too large."""
    try:
        with Image.open(path, formats=["PNG", "WEBP"]) as image:
            if image.mode not in ("RGB", "RGBA") or image.width * image.height > MOST_PIXELS:
                return ""
            return _found(np.asarray(image))
    except (OSError, *DAMAGED, Image.DecompressionBombError):
        return ""


def _found(pixels: NDArray[np.uint8]) -> str:
    for mark, (channels, packed) in MARKS.items():
        if channels == "A" and pixels.shape[2] < 4:
            continue
        bits = pixels[:, :, 3] if channels == "A" else pixels[:, :, :3]
        # Column by column: the first axis becomes that of the columns.
        if _bytes(bits, 0, LENGTH) == mark:
            count = int.from_bytes(_bytes(bits, LENGTH, 4), "big") // 8
            return _text(_bytes(bits, LENGTH + 4, min(count, MOST_BYTES)), packed=packed)
    return ""


def _bytes(values: NDArray[np.uint8], start: int, count: int) -> bytes:
    """`count` bytes from byte `start` of the lowest bits; as many columns are looked at as that takes."""
    each = values[:, 0].size
    first, last = start * 8 // each, -(-(start + count) * 8 // each)
    columns = np.swapaxes(values[:, first:last], 0, 1).reshape(-1) & 1
    skipped = start * 8 - first * each
    return np.packbits(columns[skipped : skipped + count * 8]).tobytes()


def _text(data: bytes, *, packed: bool) -> str:
    try:
        if packed:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
                data = file.read(MOST_BYTES)
        return data.decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        return ""
