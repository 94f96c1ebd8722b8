"""A comparison to hand on: as a page that stands alone, as one picture of all, as tables of the facts."""

import csv
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import partial
from html import escape
from io import BytesIO, StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

from PIL import Image, ImageDraw, ImageFont

from studio.atomic_files import AtomicFolder
from studio.compare.store import Cell, Comparison

SIDE = 512
THUMB = 256
GAP = 12
HEAD = 34
STYLE = """
:root { color-scheme: light dark; --line: #d2d2d2; --quiet: #595959; --room: #e9e9e9 }
@media (prefers-color-scheme: dark) { :root { --line: #404040; --quiet: #a8a8a8; --room: #1b1b1b } }
body { margin: 0; padding: 24px; font: 14px/1.45 system-ui, sans-serif; background: var(--room) }
h1 { font-size: 18px; margin: 0 0 16px }
.all { overflow-x: auto }
table { border-collapse: collapse }
th, td { padding: 8px; vertical-align: top; text-align: left; max-width: 520px }
thead th { border-bottom: 1px solid var(--line) }
tbody th { width: 200px; font-weight: 400 }
img { display: block; max-width: 100%; border-radius: 3px }
p { margin: 6px 0 0; color: var(--quiet); font-size: 12px }
.no { padding: 24px 12px; border: 1px dashed var(--line); border-radius: 6px }
"""


def rows(comparison: Comparison) -> list[dict[str, Any]]:
    """The facts of each cell, in reading order."""
    return [_facts(comparison, cell) for cell in comparison.cells]


def as_json(comparison: Comparison) -> bytes:
    """All facts."""
    whole = {"seed": comparison.seed, "cells": rows(comparison), "total_usd": round(comparison.total_usd, 6)}
    return json.dumps(whole, ensure_ascii=False, indent=1).encode()


def as_csv(comparison: Comparison) -> bytes:
    """All facts, one line a cell; a field that a spreadsheet would run as a formula is made words."""
    flat = [_flat(row) for row in rows(comparison)]
    text = StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in flat for name in row)))
    writer.writeheader()
    writer.writerows({name: _harmless(value) for name, value in row.items()} for row in flat)
    return text.getvalue().encode()


def as_html(comparison: Comparison) -> bytes:
    """A page with all pictures in it; it needs nothing beside itself."""
    heads = "".join(f"<th>{escape(column.contestant)}</th>" for column in comparison.columns)
    lines = []
    for number, line in enumerate(comparison.lines):
        cells = "".join(f"<td>{_cell(comparison.cell(number, at))}</td>" for at in range(len(comparison.columns)))
        tags = f"<p>{escape(', '.join(line.tags))}</p>" if line.tags else ""
        lines.append(f"<tr><th>{escape(line.prompt)}{tags}</th>{cells}</tr>")
    total = f"<p>Cost as far as it is known: ${comparison.total_usd:.3f}. Seed {comparison.seed}.</p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Comparison</title><style>{STYLE}</style></head><body><h1>Comparison</h1><div class=all><table>"
        f"<thead><tr><th></th>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>{total}</body></html>"
    ).encode()


def as_png(comparison: Comparison) -> bytes:
    """One picture of all: the models above the columns, each prompt above its pictures."""
    across = len(comparison.columns)
    width, row = GAP + across * (THUMB + GAP), HEAD + THUMB + GAP
    sheet = Image.new("RGB", (width, HEAD + len(comparison.lines) * row), "#e9e9e9")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for at, column in enumerate(comparison.columns):
        pen.text((GAP + at * (THUMB + GAP), 10), _short(column.contestant, THUMB, font), "#1a1a1a", font)
    for number, line in enumerate(comparison.lines):
        top = HEAD + number * row
        pen.text((GAP, top + 10), _short(line.prompt, width - 2 * GAP, font), "#1a1a1a", font)
        for at in range(across):
            _paste(sheet, comparison.cell(number, at), (GAP + at * (THUMB + GAP), top + HEAD), font)
    buffer = BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


FORMS: Mapping[str, Callable[[Comparison], bytes]] = MappingProxyType(
    {"html": as_html, "png": as_png, "csv": as_csv, "json": as_json}
)


def write(comparison: Comparison, folder: Path) -> None:
    """Every form of it, as `comparison.*` in the folder; StorageError where it cannot be written."""
    for ending, form in FORMS.items():
        AtomicFolder(folder).write(folder / f"comparison.{ending}", partial(_put, form(comparison)))


def summary(cell: Cell) -> list[str]:
    """How a picture came about, in short."""
    parts = (
        f"{cell.width} × {cell.height}" if cell.width else "",
        f"{cell.seconds:.1f} s" if cell.seconds is not None else "",
        f"${cell.cost_usd:.3f}" if cell.cost_usd else "",
        f"seed {cell.seed}" if cell.seed is not None else "",
    )
    return [part for part in parts if part]


def _facts(comparison: Comparison, cell: Cell) -> dict[str, Any]:
    column, line = comparison.columns[cell.column], comparison.lines[cell.line]
    return {
        "model": column.model,
        "settings": dict(column.settings) if column.kind != "imported" else {},
        "prompt": line.prompt,
        "tags": list(line.tags),
        "state": cell.state,
        "path": cell.path or None,
        "seconds": None if cell.seconds is None else round(cell.seconds, 3),
        "cost_usd": cell.cost_usd,
        "width": cell.width,
        "height": cell.height,
        "seed": cell.seed,
        "revised_prompt": cell.revised or None,
        "metrics": dict(cell.metrics),
        "error": {"kind": cell.kind, "message": cell.sentence} if cell.kind else None,
    }


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of facts without values in values."""
    error = row["error"] or {}
    settings = "&".join(f"{name}={value}" for name, value in row["settings"].items())
    plain = {name: value for name, value in row.items() if name not in ("metrics", "error")}
    extra = {"tags": ", ".join(row["tags"]), "settings": settings}
    return {**plain, **extra, **row["metrics"], "error": error.get("kind"), "message": error.get("message")}


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t")) else value


def _cell(cell: Cell) -> str:
    picture = _thumb(cell, SIDE)
    if picture is None:
        why = cell.sentence or "No picture."
        return f"<p class=no>{escape(why)}</p>"
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=88)
    coded = b64encode(buffer.getvalue()).decode()
    revised = f"<p>Made of it: {escape(cell.revised)}</p>" if cell.revised else ""
    words = f"<p>{escape(' · '.join(summary(cell)))}</p>{revised}"
    return f'<img alt="" width="{picture.width}" src="data:image/jpeg;base64,{coded}">{words}'


def _paste(sheet: Image.Image, cell: Cell, place: tuple[int, int], font: Any) -> None:
    picture = _thumb(cell, THUMB)
    x, y = place
    if picture is None:
        pen = ImageDraw.Draw(sheet)
        pen.rectangle((x, y, x + THUMB, y + THUMB), outline="#a6a6a6")
        pen.text((x + GAP, y + THUMB // 2), _short(cell.kind or "no picture", THUMB - 2 * GAP, font), "#595959", font)
    else:
        sheet.paste(picture, (x + (THUMB - picture.width) // 2, y + (THUMB - picture.height) // 2))


def _thumb(cell: Cell, side: int) -> Image.Image | None:
    """The picture within a square; None where there is none."""
    if cell.state != "done" or not Path(cell.path).is_file():
        return None
    with Image.open(cell.path) as image:
        picture = image.convert("RGB")
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return picture


def _short(words: str, width: float, font: Any) -> str:
    words = " ".join(words.split())
    if font.getlength(words) <= width:
        return words
    while words and font.getlength(f"{words} …") > width:
        words = words[:-1]
    return f"{words.rstrip()} …"


def _put(data: bytes, file: BinaryIO) -> None:
    file.write(data)
