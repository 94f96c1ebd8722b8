"""The texts of a PNG file, wherever they stand in it, without decoding a pixel.

Pillow shows those behind the pixels only once these are decoded, and refuses a picture for a compressed text of more
than a megabyte; here a text that is too large is left out.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"caBX"})
MOST_CHUNKS, MOST_BYTES, MOST_TOTAL = 200_000, 16_000_000, 64_000_000


@dataclass(frozen=True)
class Chunk:
    """One text as it is stored: `kind` is the chunk's, `name` its keyword, `data` its bytes, uncompressed."""

    kind: str
    name: str
    data: bytes

    @property
    def text(self) -> str:
        """The text by the standard: Latin-1, in iTXt UTF-8."""
        return self.data.decode("utf-8" if self.kind == "iTXt" else "latin-1", "replace")


def size_of(file: BinaryIO) -> tuple[int, int]:
    """Width and height of a PNG file; ValueError where it has no header."""
    file.seek(0)
    head = file.read(24)
    if len(head) < 24 or head[:8] != SIGNATURE or head[12:16] != b"IHDR":
        raise ValueError("its header is damaged")
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def texts_of(file: BinaryIO) -> Iterator[Chunk]:
    """Every text of a PNG file in its order, up to where the file breaks off; damaged ones are left out."""
    file.seek(len(SIGNATURE))
    total = 0
    for _ in range(MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            return
        total += length if kind in TEXTS else 0
        if kind not in TEXTS or length > MOST_BYTES or total > MOST_TOTAL:
            file.seek(length + 4, 1)
            continue
        data = file.read(length)
        file.seek(4, 1)
        if len(data) == length and (chunk := _chunk(kind.decode(), data)):
            yield chunk


def _chunk(kind: str, data: bytes) -> Chunk | None:
    if kind in ("eXIf", "caBX"):
        return Chunk(kind, kind, data)
    name, _, rest = data.partition(b"\0")
    try:
        value = rest if kind == "tEXt" else _unpacked(rest[1:]) if kind == "zTXt" else _international(rest)
    except (zlib.error, ValueError):
        return None
    return Chunk(kind, name.decode("latin-1"), value)


def _international(rest: bytes) -> bytes:
    packed = rest[:1] == b"\1"
    _language, first, after = rest[2:].partition(b"\0")
    _translated, second, text = after.partition(b"\0")
    if not (first and second):
        raise ValueError("it breaks off")
    return _unpacked(text) if packed else text


def _unpacked(data: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    value = unpacker.decompress(data, MOST_BYTES)
    if unpacker.unconsumed_tail:
        raise ValueError("it is too large")
    return value
