"""A grid to hand on: as one picture with its labels, as a page that stands alone, as a table."""

import csv
import json
import math
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, BinaryIO, Literal

from PIL import Image, ImageDraw, ImageFont

from studio.atomic_files import AtomicFolder
from studio.grids.store import NAMES, NOTHING, Cell, Grid
from studio.recipe import Recipe, setting_specs
from studio.settings import ASSETS

Kind = Literal["png", "html", "csv"]
Size = tuple[int, int]

# The picture of a grid is made smaller where it would be larger than most viewers open.
MOST_PIXELS = 50_000_000
MOST_SIDE = 16_000
# The pictures in a page, at their longer side.
PAGE_SIDE = 1024
TEMPLATE = ASSETS / "grid" / "sheet.html"
GAP = 8
LINE = 1.35
PAPER, INK, QUIET, FAULT = "#ffffff", "#1e1e1e", "#767676", "#b3261e"


@dataclass(frozen=True, eq=False)
class Sheet:
    """A grid, the folder that its pictures stand in, and what was measured of those, by their paths in it."""

    grid: Grid
    folder: Path
    measures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def write(self, path: Path, kind: Kind) -> str:
        """Write the grid to a file; returns what is worth knowing about it. StorageError where it cannot be written."""
        note = ""
        if kind == "png":
            image, note = self.picture()
            buffer = BytesIO()
            image.save(buffer, "PNG", compress_level=1)
            data = buffer.getvalue()
        else:
            data = (self.page() if kind == "html" else self.table()).encode()

        def fill(file: BinaryIO) -> None:
            file.write(data)

        AtomicFolder(path.parent).write(path, fill)
        return note

    def picture(self) -> tuple[Image.Image, str]:
        """One picture of all cells with the axes' labels, and a sentence where it had to be made smaller."""
        layout = _Layout(self.grid, self._largest())
        board = Image.new("RGB", layout.size, PAPER)
        pen = ImageDraw.Draw(board)
        layout.write_labels(pen)
        for cell in self.grid.cells:
            x, y = layout.corner(cell.at)
            width, height = layout.cell
            picture = self._open(cell)
            if picture:
                picture.thumbnail(layout.cell, Image.Resampling.LANCZOS, reducing_gap=2)
                board.paste(picture, (x + (width - picture.width) // 2, y + (height - picture.height) // 2))
            else:
                pen.rectangle((x, y, x + width - 1, y + height - 1), outline=QUIET)
                box = (x + GAP, y + GAP, width - 2 * GAP, height - 2 * GAP)
                _write(pen, cell.error or "not made", box, layout.letter, FAULT if cell.error else QUIET)
        words = f"Each picture is shown at {layout.scale:.0%} of its size: the whole would be too large otherwise."
        return board, words if layout.scale < 1 else ""

    def page(self) -> str:
        """A page of HTML that needs nothing but itself."""
        axes = [{"title": axis.title, "labels": axis.labels} for axis in self.grid.axes]
        data = {"axes": axes, "cells": [self._cell_data(cell) for cell in self.grid.cells]}
        # Inside a script, only this would end it.
        text = json.dumps(data, ensure_ascii=False).replace("</", "<\\/")
        template = TEMPLATE.read_text("utf-8")
        return template.replace("{{title}}", escape(self.grid.base.prompt[:100])).replace("{{data}}", text)

    def table(self) -> str:
        """Comma-separated values: a row for each cell with its place, file, every setting in use, and measures."""
        rows = [self._row(cell) for cell in self.grid.cells]
        text = StringIO(newline="")
        writer = csv.DictWriter(text, dict.fromkeys(name for row in rows for name in row), restval="")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def _row(self, cell: Cell) -> dict[str, Any]:
        labels = self.grid.labels(cell.at)
        places = {f"{name} ({title})": value for name, (title, value) in zip(NAMES, labels, strict=False)}
        recipe = _settings(cell)
        used = {name: recipe.get(name, "") for name in setting_specs() if self._uses(name)}
        outcome = {"file": cell.path, "error": cell.error, "seconds": cell.seconds or ""}
        return {**places, **outcome, **used, **self.measures.get(cell.path, {})}

    def _uses(self, name: str) -> bool:
        usual = Recipe.model_fields[name].get_default()
        return any(cell.recipe and getattr(cell.recipe, name) != usual for cell in self.grid.cells)

    def _cell_data(self, cell: Cell) -> dict[str, Any]:
        picture = self._open(cell)
        shown = {"shown": _webp(picture), "width": picture.width, "height": picture.height} if picture else {}
        return {"at": cell.at, "error": cell.error, "recipe": _settings(cell), **shown}

    def _open(self, cell: Cell) -> Image.Image | None:
        """The cell's picture; None where there is none, or none any more."""
        try:
            with Image.open(self.folder / cell.path) as image:
                return image.convert("RGB")
        except OSError:
            return None

    def _largest(self) -> Size:
        sizes = [*self._sizes()] or [(256, 256)]
        return max(width for width, _ in sizes), max(height for _, height in sizes)

    def _sizes(self) -> Iterator[Size]:
        for cell in self.grid.cells:
            if cell.path and (self.folder / cell.path).exists():
                with Image.open(self.folder / cell.path) as image:
                    yield image.size


class _Layout:
    """Where everything stands: a block for each z, in it a table of y by x; `scale` is that of the pictures."""

    def __init__(self, grid: Grid, natural: Size) -> None:
        self.across, self.down, self.deep = [*grid.axes, *[NOTHING] * (3 - len(grid.axes))]
        self.columns, self.rows, self.blocks = grid.size
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
            if self.deep.field:
                words = f"{self.deep.title}: {self.deep.labels[z]}"
                _write(pen, words, (GAP, top, self.size[0] - 2 * GAP, self.line), self.letter, INK)
                top += self.line
            if self.across.field:
                _write(pen, self.across.title, (self.left, top, width, self.line), self.letter, QUIET)
            if self.down.field:
                _write(pen, self.down.title, (GAP, top, self.left - 2 * GAP, 3 * self.line), self.letter, QUIET)
            for x, words in enumerate(self.across.labels):
                left, _ = self.corner((x, 0, z))
                _write(pen, words, (left, top + self.line, self.cell[0], self.top - 2 * self.line), self.letter, INK)
            for y, words in enumerate(self.down.labels):
                _, down = self.corner((0, y, z))
                _write(pen, words, (GAP, down, self.left - 2 * GAP, self.cell[1]), self.letter, INK)

    def _measure(self, natural: Size) -> None:
        self.cell = (max(round(natural[0] * self.scale), 1), max(round(natural[1] * self.scale), 1))
        self.letter = min(max(self.cell[0] // 18, 12), 40)
        self.line = round(self.letter * LINE)
        font = ImageFont.load_default(self.letter)
        words = (self.down.title, *self.down.labels) if self.down.field else ()
        widest = math.ceil(max(map(font.getlength, words), default=0))
        self.left = GAP + (min(widest, max(self.cell[0], 96)) + 2 * GAP if words else 0)
        rows = 2 if max(map(font.getlength, self.across.labels)) > self.cell[0] else 1
        self.top = 2 * GAP + self.line * ((1 + rows if self.across.field else 0) + bool(self.deep.field))
        self.block = self.top + self.rows * (self.cell[1] + GAP) + GAP

    def _excess(self) -> float:
        width, height = self.size
        return max(width * height / MOST_PIXELS, (max(width, height) / MOST_SIDE) ** 2)


def _write(pen: ImageDraw.ImageDraw, words: str, box: tuple[int, int, int, int], letter: int, ink: str) -> None:
    """Words in a box (left, top, width, height), broken into lines; what finds no room is cut off."""
    left, top, width, height = box
    font = ImageFont.load_default(letter)
    lines: list[str] = []
    for word in words.split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    room = max(int(height / (letter * LINE)), 1)
    if len(lines) > room:
        lines = [*lines[: room - 1], f"{lines[room - 1]}…"]
    for row, line in enumerate(lines):
        short = line
        while len(short) > 1 and font.getlength(short) > width:
            short = f"{short[:-2]}…"
        pen.text((left, top + row * letter * LINE), short, ink, font)


def _settings(cell: Cell) -> dict[str, Any]:
    """The cell's settings in words and numbers."""
    recipe = json.loads(cell.recipe.to_json()) if cell.recipe else {}
    return {
        name: value if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)
        for name, value in recipe.items()
        if name in setting_specs()
    }


def _webp(picture: Image.Image) -> str:
    small = picture.copy()
    small.thumbnail((PAGE_SIDE, PAGE_SIDE), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    small.save(buffer, "WEBP", quality=86, method=3)
    return f"data:image/webp;base64,{b64encode(buffer.getvalue()).decode()}"
