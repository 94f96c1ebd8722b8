"""What each step of one picture predicted: kept as a short animation, and shown as that or as a strip."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, ImageOps

from studio.atomic_files import AtomicFolder
from studio.errors import InvalidRequest, Unreadable

ENDING = ".webp"
# How long each frame is seen, and the last, in milliseconds.
FRAME_MS, LAST_MS = 120, 1500
# A strip: frames in a row, and the height of each.
COLUMNS, HEIGHT, GAP = 10, 192, 6
PAPER = "#1e1e1e"
ANIMATIONS = {".webp": "WEBP", ".gif": "GIF"}
# Lossy WebP takes frames that are nearly alike for one, lossless WebP only such as are the same.
KEPT = {"lossless": True, "method": 0, "quality": 0}
SHOWN = {"WEBP": {"quality": 90, "method": 3}, "GIF": {}}


class Filmstrips:
    """The folder of filmstrips, each named as its picture."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._disk = AtomicFolder(folder)

    def place(self, picture: Path) -> Path:
        """Where the filmstrip of a picture is, or would be."""
        return self.folder / f"{picture.stem}{ENDING}"

    def keep(self, picture: Path, frames: Sequence[Image.Image]) -> None:
        """Store the frames of a picture, all as large as the last, and it itself behind them. StorageError."""
        with Image.open(picture) as opened:
            last = opened.convert("RGB")
        alike = [ImageOps.fit(frame, frames[-1].size) for frame in (*frames, last)]
        self._disk.write(self.place(picture), partial(_animate, alike, "WEBP", KEPT))


def frames_of(path: Path) -> list[Image.Image]:
    """The frames of an animation; Unreadable where it is none."""
    try:
        with Image.open(path) as film:
            frames = []
            for number in range(getattr(film, "n_frames", 1)):
                film.seek(number)
                frames.append(film.convert("RGB"))
            return frames
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise Unreadable(f"{path.name} is not a filmstrip.", "Make it again.") from error


def strip(frames: Sequence[Image.Image]) -> Image.Image:
    """All frames in rows, the first in the upper left corner."""
    columns = min(COLUMNS, len(frames))
    width = max(1, round(HEIGHT * frames[0].width / frames[0].height))
    rows = -(-len(frames) // columns)
    made = Image.new("RGB", (columns * (width + GAP) - GAP, rows * (HEIGHT + GAP) - GAP), PAPER)
    for number, frame in enumerate(frames):
        place = (number % columns * (width + GAP), number // columns * (HEIGHT + GAP))
        made.paste(frame.resize((width, HEIGHT), Image.Resampling.LANCZOS), place)
    return made


def animate(frames: Sequence[Image.Image], path: Path) -> None:
    """Write an animation, WebP or GIF by its ending; InvalidRequest for another, StorageError."""
    form = ANIMATIONS.get(path.suffix.lower())
    if form is None:
        raise InvalidRequest(f"{path.name} would be no animation.", f"End it in {' or '.join(ANIMATIONS)}.")
    AtomicFolder(path.parent).write(path, partial(_animate, frames, form, SHOWN[form]))


def _animate(frames: Sequence[Image.Image], form: str, options: Mapping[str, Any], file: BinaryIO) -> None:
    first, *others = frames
    each = [FRAME_MS] * len(others) + [LAST_MS]
    first.save(file, form, save_all=True, append_images=others, duration=each, loop=0, **options)
