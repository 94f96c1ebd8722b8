"""Pictures along up to three axes, to hand on: as one picture of all, as a self-contained page, as a table."""

import csv
import json
import math
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, Literal, NamedTuple

from PIL import Image, ImageDraw

from studio.atomic_files import AtomicFolder
from studio.lettering import LINE, Lettering, note
from studio.library import as_listed
from studio.settings import ASSETS

Kind = Literal["png", "html", "csv"]
Size = tuple[int, int]
# Where a cell stands: the number of its value on the axes x, y and z, 0 on those that there are not.
At = tuple[int, int, int]

# The picture of a sheet is made smaller where it would be larger than most viewers open.
MOST_PIXELS = 50_000_000
MOST_SIDE = 16_000
# The pictures in a page, at their longer side.
PAGE_SIDE = 1024
TEMPLATE = ASSETS / "grid" / "sheet.html"
GAP = 8
PAPER, INK, QUIET, FAULT = "#ffffff", "#1e1e1e", "#767676", "#b3261e"
# What makes a spreadsheet run a field as a formula.
FORMULA = ("=", "+", "-", "@", "\t")


class Axis(NamedTuple):
    """What varies along a side of a sheet, and its values in words."""

    title: str
    labels: tuple[str, ...]


NOTHING = Axis("", ("",))


@dataclass(frozen=True)
class Shown:
    """One cell: its picture, or why there is none; `row` is what a table tells of it.

    A page tells `caption` below the picture, and `values` beside it where it is looked at alone.
    """

    at: At
    path: Path | None = None
    error: str = ""
    caption: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    row: Mapping[str, Any] = field(default_factory=dict)

    def open(self) -> Image.Image | None:
        """Its picture; None where there is none, or none any more."""
        try:
            path = self.path or Path()
            with Image.open(path) as image:
                return as_listed(image.convert("RGB"), path)
        except OSError:
            return None

    @property
    def size(self) -> Size | None:
        """That of its picture, in pixels."""
        try:
            with Image.open(self.path or "") as image:
                return image.size
        except OSError:
            return None


@dataclass(frozen=True)
class Sheet:
    """Cells along one to three axes; `note` stands below the title of a page, `side` is the most of a picture's."""

    title: str
    axes: tuple[Axis, ...]
    cells: tuple[Shown, ...]
    note: str = ""
    side: int = MOST_SIDE

    def write(self, path: Path, kind: Kind) -> str:
        """Write it to a file; returns what is worth knowing about it. StorageError where it cannot be written."""
        if kind == "html":
            AtomicFolder(path.parent).write(path, lambda file: file.writelines(map(str.encode, self.pieces())))
            return ""
        data, note = self.made(kind)
        AtomicFolder(path.parent).write(path, lambda file: file.write(data))
        return note

    def made(self, kind: Kind) -> tuple[bytes, str]:
        """The bytes of its file, and what is worth knowing about it."""
        if kind != "png":
            return (self.page() if kind == "html" else self.table()).encode(), ""
        image, note = self.picture()
        buffer = BytesIO()
        image.save(buffer, "PNG", compress_level=1)
        return buffer.getvalue(), note

    def picture(self) -> tuple[Image.Image, str]:
        """One picture of all cells with the axes' labels, and a sentence where it had to be made smaller."""
        layout = _Layout(self.axes, self._largest())
        board = Image.new("RGB", layout.size, PAPER)
        pen = ImageDraw.Draw(board)
        layout.write_labels(pen)
        for cell in self.cells:
            x, y = layout.corner(cell.at)
            width, height = layout.cell
            if picture := cell.open():
                picture.thumbnail(layout.cell, Image.Resampling.LANCZOS, reducing_gap=2)
                board.paste(picture, (x + (width - picture.width) // 2, y + (height - picture.height) // 2))
            else:
                pen.rectangle((x, y, x + width - 1, y + height - 1), outline=QUIET)
                box = (x + GAP, y + GAP, width - 2 * GAP, height - 2 * GAP)
                layout.lettering.write(pen, cell.error or "not made", box, FAULT if cell.error else QUIET)
        words = f"Each picture is shown at {layout.scale:.0%} of its size: the whole would be too large otherwise."
        axes = (word for axis in self.axes for word in (axis.title, *axis.labels))
        return board, " ".join(filter(None, (words if layout.scale < 1 else "", note(axes, layout.letter))))

    def page(self) -> str:
        """A page of HTML that needs nothing but itself."""
        return "".join(self.pieces())

    def pieces(self) -> Iterator[str]:
        """The page bit by bit: no more than one picture of it is held at a time."""
        head, _, tail = TEMPLATE.read_text("utf-8").partition("{{data}}")
        yield head.replace("{{note}}", escape(self.note)).replace("{{title}}", escape(self.title[:100]))
        yield f'{{"axes": {_in_script([axis._asdict() for axis in self.axes])}, "cells": ['
        for number, cell in enumerate(self.cells):
            yield f"{', ' if number else ''}{_in_script(_cell_data(cell))}"
        yield f"]}}{tail}"

    def table(self) -> str:
        """Comma-separated values, a row a cell; a field that a spreadsheet would run as a formula is made words."""
        text = StringIO(newline="")
        writer = csv.DictWriter(text, dict.fromkeys(name for cell in self.cells for name in cell.row), restval="")
        writer.writeheader()
        writer.writerows({name: _harmless(value) for name, value in cell.row.items()} for cell in self.cells)
        return text.getvalue()

    def _largest(self) -> Size:
        sizes = [*self._sizes()] or [(256, 256)]
        return max(width for width, _ in sizes), max(height for _, height in sizes)

    def _sizes(self) -> Iterator[Size]:
        for width, height in filter(None, (cell.size for cell in self.cells)):
            scale = min(1, self.side / max(width, height))
            yield max(round(width * scale), 1), max(round(height * scale), 1)


class _Layout:
    """Where everything stands: a block for each z, in it a table of y by x; `scale` is that of the pictures."""

    def __init__(self, axes: tuple[Axis, ...], natural: Size) -> None:
        self.across, self.down, self.deep = [*axes, NOTHING, NOTHING][:3]
        self.columns, self.rows, self.blocks = (len(one.labels) for one in [self.across, self.down, self.deep])
        self.scale = 1.0
        self._measure(natural)
        while self._excess() > 1 and min(self.cell) > 1:
            self.scale *= min(0.98, self._excess() ** -0.5)
            self._measure(natural)

    @property
    def size(self) -> Size:
        """The whole, in pixels."""
        return self.left + self.columns * (self.cell[0] + GAP), self.blocks * self.block

    def corner(self, at: tuple[int, int, int]) -> Size:
        """The left upper corner of a cell."""
        x, y, z = at
        return self.left + x * (self.cell[0] + GAP), z * self.block + self.top + y * (self.cell[1] + GAP)

    def write_labels(self, pen: ImageDraw.ImageDraw) -> None:
        """Write the titles and values of the axes, those of x and y on each block anew."""
        width = self.size[0] - self.left
        for z in range(self.blocks):
            top = z * self.block + GAP
            if self.deep.title:
                words = f"{self.deep.title}: {self.deep.labels[z]}"
                self.lettering.write(pen, words, (GAP, top, self.size[0] - 2 * GAP, self.line), INK)
                top += self.line
            if self.across.title:
                self.lettering.write(pen, self.across.title, (self.left, top, width, self.line), QUIET)
            if self.down.title:
                self.lettering.write(pen, self.down.title, (GAP, top, self.left - 2 * GAP, 3 * self.line), QUIET)
            for x, words in enumerate(self.across.labels):
                left, _ = self.corner((x, 0, z))
                self.lettering.write(pen, words, (left, top + self.line, self.cell[0], self.top - 2 * self.line), INK)
            for y, words in enumerate(self.down.labels):
                _, down = self.corner((0, y, z))
                self.lettering.write(pen, words, (GAP, down, self.left - 2 * GAP, self.cell[1]), INK)

    def _measure(self, natural: Size) -> None:
        self.cell = (max(round(natural[0] * self.scale), 1), max(round(natural[1] * self.scale), 1))
        self.letter = min(max(self.cell[0] // 18, 12), 40)
        self.line = round(self.letter * LINE)
        self.lettering = Lettering(self.letter)
        words = (self.down.title, *self.down.labels) if self.down.title else ()
        widest = math.ceil(max(map(self.lettering.length, words), default=0))
        self.left = GAP + (min(widest, max(self.cell[0], 96)) + 2 * GAP if words else 0)
        rows = 2 if max(map(self.lettering.length, self.across.labels)) > self.cell[0] else 1
        self.top = 2 * GAP + self.line * ((1 + rows if self.across.title else 0) + bool(self.deep.title))
        self.block = self.top + self.rows * (self.cell[1] + GAP) + GAP

    def _excess(self) -> float:
        width, height = self.size
        return max(width * height / MOST_PIXELS, (max(width, height) / MOST_SIDE) ** 2)


def _in_script(value: Any) -> str:
    # Inside a script, only this would end it.
    return json.dumps(value, ensure_ascii=False).replace("</", "<\\/")


def _cell_data(cell: Shown) -> dict[str, Any]:
    picture = cell.open()
    shown = {"shown": _webp(picture), "width": picture.width, "height": picture.height} if picture else {}
    return {"at": cell.at, "error": cell.error, "caption": cell.caption, "said": cell.values, **shown}


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _webp(picture: Image.Image) -> str:
    small = picture.copy()
    small.thumbnail((PAGE_SIDE, PAGE_SIDE), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    small.save(buffer, "WEBP", quality=86, method=3)
    return f"data:image/webp;base64,{b64encode(buffer.getvalue()).decode()}"
