"""A contact sheet: pictures in rows with what they are, as a self-contained page or as pages to print."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Literal

from PIL import Image, ImageDraw, ImageOps

from studio.atomic_files import AtomicFolder
from studio.export.pictures import made_of, opened
from studio.lettering import LINE, Lettering, note
from studio.library import as_listed
from studio.metadata.own import Made
from studio.sheets import INK, PAPER, QUIET, Axis, Sheet, Shown

Form = Literal["html", "pdf"]
COLUMNS = 4
# A4 in dots, and its edge.
DOTS_AN_INCH = 150
PAGE, EDGE, GAP = (1240, 1754), 60, 20
LETTER, LINES = 17, 3
BLOCK = 2**18
CAPTION = round(LETTER * LINE * LINES)
TITLE = LETTER + 7


def write(paths: Sequence[Path], target: Path, title: str, form: Form, columns: int = COLUMNS) -> str:
    """Write a sheet of these pictures; StorageError, Unreadable where one is no picture.

    Returns what is worth knowing: which letters could not be drawn; empty where all could.
    """
    pieces = html(paths, title, columns) if form == "html" else pdf(paths, title, columns)
    AtomicFolder(target.parent).write(target, lambda file: file.writelines(pieces))
    return _note(paths, title) if form == "pdf" else ""


def html(paths: Sequence[Path], title: str, columns: int = COLUMNS) -> Iterator[bytes]:
    """A page of HTML that needs nothing but itself, a picture at a time; each opens with its settings."""
    cells = []
    for number, path in enumerate(paths):
        made = made_of(path)
        values = {name: str(value) for name, value in made.recipe.dumped().items()}
        at = (number % columns, number // columns, 0)
        cells.append(Shown(at, path, caption=caption(path, made), values={"file": path.name, **values}))
    across = tuple(str(column + 1) for column in range(min(columns, len(paths))))
    down = tuple(str(row + 1) for row in range(-(-len(paths) // columns)))
    return map(str.encode, Sheet(title, (Axis("Column", across), Axis("Row", down)), tuple(cells)).pieces())


def pdf(paths: Sequence[Path], title: str, columns: int = COLUMNS) -> Iterator[bytes]:
    """Pages of A4, each with as many rows as there is room for; Unreadable at once where one is no picture.

    One page at a time is held in memory: they are put together in a file without a name.
    """
    file = tempfile.TemporaryFile()  # noqa: SIM115 - it is read below, as long as somebody fetches it
    try:
        for number, page in enumerate(_pages(paths, title, columns)):
            page.save(file, "PDF", append=number > 0, resolution=DOTS_AN_INCH, title=title)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return _read(file)


def caption(path: Path, made: Made) -> str:
    """What a picture is, in a line: its words and seed, else its name."""
    seed = "" if made.recipe.seed is None else f"seed {made.recipe.seed}"
    words = " ".join(made.recipe.prompt.split())
    return " · ".join(filter(None, (words[:200] or path.name, seed)))


def _pages(paths: Sequence[Path], title: str, columns: int) -> Iterator[Image.Image]:
    cell = (PAGE[0] - 2 * EDGE - (columns - 1) * GAP) // columns
    row = cell + CAPTION + GAP
    rows = max(1, (PAGE[1] - 2 * EDGE - CAPTION) // row)
    for start in range(0, len(paths), columns * rows):
        page = Image.new("RGB", PAGE, PAPER)
        pen = ImageDraw.Draw(page)
        Lettering(TITLE).write(pen, title, (EDGE, EDGE, PAGE[0] - 2 * EDGE, CAPTION), INK)
        for number, path in enumerate(paths[start : start + columns * rows]):
            left = EDGE + number % columns * (cell + GAP)
            top = EDGE + CAPTION + number // columns * row
            page.paste(ImageOps.pad(as_listed(opened(path), path), (cell, cell), color=PAPER), (left, top))
            Lettering(LETTER).write(pen, caption(path, made_of(path)), (left, top + cell, cell, CAPTION), QUIET)
        if words := _note(paths, title):
            Lettering(LETTER).write(pen, words, (EDGE, PAGE[1] - EDGE + GAP, PAGE[0] - 2 * EDGE, EDGE - GAP), QUIET)
        yield page


def _note(paths: Sequence[Path], title: str) -> str:
    """Which letters of the sheet no font here has."""
    return note((title, *(caption(path, made_of(path)) for path in paths)), LETTER)


def _read(file: IO[bytes]) -> Iterator[bytes]:
    """A file in blocks; it is closed at its end."""
    with file:
        while block := file.read(BLOCK):
            yield block
