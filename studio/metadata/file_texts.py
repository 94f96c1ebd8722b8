"""Every text that a picture's file, or a file of text, holds, by the name of its place.

PNG texts before and behind the pixels, EXIF, XMP, and comments of JPEG and GIF; of files that Pillow can open, and of
JPEG XL where it is in its container. No pixel is decoded.
"""

import binascii
import re
import struct
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from studio.errors import NotFound, Unreadable
from studio.inputs import DAMAGED, MOST_PIXELS, formats
from studio.metadata import foreign_json, own, png_chunks, provenance, xmp
from studio.metadata.text_encodings import Order, decoded, repaired, user_comment, whole, windows

# EXIF's places, in its first block and in that of photographs; what Windows shows is in UTF-16.
PHOTOGRAPH = 0x8769
COMMENT = 0x9286
FIRST = {0x010E: "ImageDescription", 0x010F: "Make", 0x0110: "Model", 0x0131: "Software", 0x013B: "Artist"}
WINDOWS = {0x9C9B: "XPTitle", 0x9C9C: "XPComment", 0x9C9E: "XPKeywords", 0x9C9F: "XPSubject"}
# ComfyUI's way into EXIF: “workflow:{…}”.
LABELLED = re.compile(r"\s*(\w{1,40}):\s*(?=\{)")
XMP_PLACES = (
    "exif:UserComment",
    "dc:description",
    "xmp:CreatorTool",
    "tiff:ImageDescription",
    "tiff:Software",
    provenance.PROPERTY,
)
# A box that holds another one, packed by Brotli.
PACKED = b"brob"
JXL_BOXES = b"\0\0\0\x0cJXL \r\n\x87\n"
# A text file that is larger holds something else.
MOST_BYTES = 8_000_000


@dataclass(frozen=True)
class FileTexts:
    """The texts of a file by their places: a PNG's keywords, EXIF's and XMP's names, "text" for a text by itself.

    `size` is a picture's, from its header; `signed` what its C2PA manifest holds, unread.
    """

    texts: Mapping[str, str]
    name: str = ""
    size: tuple[int, int] | None = None
    signed: bytes = field(default=b"", repr=False)

    @classmethod
    def of_text(cls, text: str, name: str = "") -> "FileTexts":
        """A text by itself."""
        return cls({"text": whole(text).lstrip("\ufeff")}, name)

    @property
    def software(self) -> str:
        """What says that it wrote the file."""
        places = ("Software", "software", "xmp:CreatorTool", "tiff:Software")
        return next((self.texts[place].strip() for place in places if self.texts.get(place, "").strip()), "")

    @cached_property
    def objects(self) -> Mapping[str, dict[str, Any]]:
        """The texts that are JSON objects, read."""
        read = {name: foreign_json.mapping(text) for name, text in self.texts.items()}
        return {name: value for name, value in read.items() if value is not None}


def texts_of(path: Path) -> FileTexts:
    """What the file holds; NotFound, or Unreadable where it is damaged, or neither a picture nor a text."""
    with warnings.catch_warnings():
        # Pillow warns of damaged EXIF, and of pictures that would be large to decode; nothing is decoded.
        warnings.simplefilter("ignore")
        return _texts_of(path)


def _texts_of(path: Path) -> FileTexts:
    try:
        with path.open("rb") as file:
            head = file.read(16)
            if not head:
                raise Unreadable(f"{path.name} is empty: it has 0 bytes.", "Save or download it again.")
            if head.startswith(png_chunks.SIGNATURE):
                return _of_png(file, path.name)
            if head.startswith((JXL_BOXES, b"\xff\x0a")):
                return _of_boxes(file, path.name)
            return _of_picture(file, path.name)
    except FileNotFoundError as error:
        raise NotFound(f"{path.name} is not there.", "It may have been moved or deleted.") from error
    except UnidentifiedImageError:
        return FileTexts.of_text(_text(path), path.name)
    except (PermissionError, IsADirectoryError) as error:
        raise Unreadable(f"{path.name} may not be read.", "Check its permissions.") from error
    except (OSError, *DAMAGED) as error:
        raise Unreadable(f"{path.name} is damaged.", "Save or download it again, or choose another file.") from error


def _of_png(file: BinaryIO, name: str) -> FileTexts:
    size, texts, signed = png_chunks.size_of(file), dict[str, str](), b""
    for chunk in png_chunks.texts_of(file):
        if chunk.kind == "caBX":
            signed = chunk.data
        elif chunk.kind == "eXIf":
            texts |= _exif(chunk.data)
        elif chunk.name == xmp.PNG_KEYWORD:
            texts |= _xmp(decoded(chunk.data))
        elif chunk.name.startswith("Raw profile type "):
            texts |= _raw_profile(chunk.data)
        elif chunk.name == own.CHUNK:
            texts[chunk.name] = chunk.text
        elif text := repaired(decoded(chunk.data)):
            texts.setdefault(chunk.name, text)
    return FileTexts(texts, name, size, signed)


def _of_picture(file: BinaryIO, name: str) -> FileTexts:
    try:
        with Image.open(file, formats=formats()) as image:
            return _of_opened(image, name)
    except Image.DecompressionBombError as error:
        most = f"the limit is {MOST_PIXELS / 1e6:.0f} million pixels"
        raise Unreadable(f"{name} is too large: {most}.", "Choose another file.") from error


def _of_opened(image: Image.Image, name: str) -> FileTexts:
    texts: dict[str, str] = {}
    info = image.info
    if isinstance(exif := info.get("exif"), bytes):
        texts |= _exif(exif)
    elif image.format == "TIFF":
        texts |= _tags(image.getexif())
    if isinstance(packet := info.get("xmp"), bytes | str):
        texts |= _xmp(decoded(packet) if isinstance(packet, bytes) else packet)
    if isinstance(comment := info.get("comment"), bytes | str):
        texts["comment"] = repaired(decoded(comment)) if isinstance(comment, bytes) else comment
    segments = getattr(image, "applist", [])
    signed = b"".join(data for kind, data in segments if kind == "APP11" and b"jumb" in data[:64])
    return FileTexts(texts, name, image.size, signed)


def _of_boxes(file: BinaryIO, name: str) -> FileTexts:
    """What stands in the boxes of a JPEG XL file: pairs of a length and a kind, before their content."""
    texts: dict[str, str] = {}
    for kind, data in _boxes(file):
        if kind == PACKED:
            kind, data = data[:4], _unpacked(data[4:])  # noqa: PLW2901
        if kind == b"Exif":
            texts |= _exif(data[4:])
        elif kind == b"xml ":
            texts |= _xmp(decoded(data))
    return FileTexts(texts, name)


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    file.seek(0)
    for _ in range(10_000):
        head = file.read(8)
        if len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head)
        rest = length - 8
        if length == 1:
            rest = int.from_bytes(file.read(8), "big") - 16
        if kind in (b"Exif", b"xml ", PACKED) and (length == 0 or 0 <= rest <= MOST_BYTES):
            yield kind, file.read(rest if length else MOST_BYTES)
        elif length == 0 or rest < 0:
            return
        else:
            file.seek(rest, 1)


def _unpacked(data: bytes) -> bytes:
    """What Brotli packed; nothing where it is damaged or beyond the bounds."""
    import brotli

    unpacker = brotli.Decompressor()
    try:
        found = unpacker.process(data, output_buffer_limit=MOST_BYTES)
        return bytes(found) if unpacker.is_finished() else b""
    except brotli.error:
        return b""


def _exif(data: bytes) -> dict[str, str]:
    """The texts of an EXIF block; none where it is damaged."""
    exif = Image.Exif()
    try:
        exif.load(data if data.startswith(b"Exif\0\0") else b"Exif\0\0" + data)
        return _tags(exif)
    except (OSError, *DAMAGED):
        return {}


def _tags(exif: Image.Exif) -> dict[str, str]:
    order: Order = "<" if exif.endian == "<" else ">"
    texts: dict[str, str] = {}
    photograph = exif.get_ifd(PHOTOGRAPH)
    # Some write the comment into the first block.
    for comment in (photograph.get(COMMENT), exif.get(COMMENT)):
        if text := repaired(user_comment(comment, order)):
            texts.setdefault("UserComment", text)
    for tag, name in WINDOWS.items():
        texts |= _named(name, windows(exif.get(tag)))
    for tag, name in FIRST.items():
        value = exif.get(tag)
        text = decoded(value) if isinstance(value, bytes) else str(value or "")
        texts |= _named(name, repaired(text).strip("\0 "))
    return {name: text for name, text in texts.items() if text}


def _named(name: str, text: str) -> dict[str, str]:
    """The text by the name of its place, or by the one that it begins with."""
    labelled = LABELLED.match(text)
    return {labelled[1].casefold(): text[labelled.end() :]} if labelled else {name: text}


def _xmp(text: str) -> dict[str, str]:
    """What XMP says in the places that tools use. It is searched and not parsed: nothing in it is expanded."""
    found = {name: value for name in XMP_PLACES if (value := xmp.property_of(text, name))}
    ours = xmp.property_of(text, own.PROPERTY)
    return found | {own.CHUNK: ours} if ours else found


def _raw_profile(data: bytes) -> dict[str, str]:
    """The block that ImageMagick writes as digits: a name, a length, and then them."""
    _, kind, _, *digits = data.split(b"\n") if data.count(b"\n") >= 3 else (b"", b"", b"", b"")
    try:
        block = binascii.unhexlify(b"".join(digits).replace(b" ", b""))
    except binascii.Error:
        return {}
    return _xmp(decoded(block)) if kind.strip() == b"xmp" else _exif(block)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    text = _decoded(data) if len(data) <= MOST_BYTES else None
    if text is None or any(ord(letter) < 32 and letter not in "\t\n\r\f" for letter in text[:2000]):
        hint = "Choose a PNG, JPEG or WebP as a tool wrote it."
        raise Unreadable(f"{path.name} is neither a picture nor a text.", hint)
    return text


def _decoded(data: bytes) -> str | None:
    """The text of a file; None where it is none. What is not UTF-8 has to look like settings."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = decoded(data)
    return text if any(mark in text for mark in ("Steps:", "rompt", '":')) else None
