"""What a picture's file, or a text, says of how it was made, whatever tool wrote it, and what has no place here.

Read are the studio's own PNGs; the `parameters` text of A1111, Forge and their kin, also in the EXIF data of JPEG and
WebP; ComfyUI's graph.
"""

import json
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from studio.errors import LibraryError
from studio.metadata import comfyui, parameters, png
from studio.metadata.parameters import Heard

# The place of EXIF's UserComment, in the block of tags that photographs have.
EXIF, COMMENT = 0x8769, 0x9286
ENCODINGS = {b"UNICODE\0": "utf-16-be", b"ASCII\0\0\0": "ascii"}
# A text file that is larger holds something else.
MOST_BYTES = 1_000_000


def of_file(path: Path) -> Heard:
    """The settings that a picture, or a file of text, tells; LibraryError where it is none or tells none."""
    try:
        with Image.open(path) as image:
            told = {name: text for name, text in image.info.items() if isinstance(text, str)}
            comment = image.getexif().get_ifd(EXIF).get(COMMENT)
    except FileNotFoundError as error:
        raise LibraryError(f"{path.name} is not there.", "It may have been moved or deleted.") from error
    except UnidentifiedImageError:
        return of_text(_text(path))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise LibraryError(f"{path.name} cannot be read ({error}).", "Choose another file.") from error
    if png.CHUNK in told:
        return Heard(png.read(path).model_dump(exclude_defaults=True))
    # ComfyUI's nodes also write a text in A1111's form, where it is asked for: that one is the shorter way.
    if text := told.get("parameters") or _comment(comment) or told.get("prompt"):
        return of_text(text)
    raise LibraryError(
        f"{path.name} does not say how it was made.",
        "Take the file as its tool wrote it: chats, galleries and other programs often drop that.",
    )


def of_text(text: str) -> Heard:
    """The settings that a text tells; LibraryError where it tells none."""
    try:
        graph = json.loads(text)
    except (ValueError, RecursionError):
        return parameters.read(text)
    return comfyui.read(graph)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LibraryError(
            f"{path.name} is neither a picture nor a text.", "Choose a PNG, JPEG or WebP as a tool wrote it."
        ) from error


def _comment(value: Any) -> str:
    """The text of a UserComment: eight bytes say how it is encoded."""
    if not isinstance(value, bytes):
        return ""
    return value[8:].decode(ENCODINGS.get(value[:8], "utf-8"), "replace").strip("\0 ")
