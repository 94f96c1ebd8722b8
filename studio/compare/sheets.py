"""A comparison to hand on: as a self-contained page, as one picture of all, as tables of the facts."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

from studio.atomic_files import AtomicFolder
from studio.compare.store import Cell, Comparison
from studio.sheets import Axis, Sheet, Shown

# The longer side of a picture where all are one.
SIDE = 512


def rows(comparison: Comparison) -> list[dict[str, Any]]:
    """The facts of each cell, in reading order."""
    return [_facts(comparison, cell) for cell in comparison.cells]


def sheet(comparison: Comparison) -> Sheet:
    """The comparison as a sheet: the models across, the prompts down."""
    prompts = tuple(" # ".join(filter(None, (line.prompt, ", ".join(line.tags)))) for line in comparison.lines)
    models = tuple(column.contestant for column in comparison.columns)
    note = f"Cost as far as it is known: ${comparison.total_usd:.3f}. Seed {comparison.seed}."
    cells = tuple(_shown(comparison, cell) for cell in comparison.cells)
    return Sheet("Comparison", (Axis("Model", models), Axis("Prompt", prompts)), cells, note, SIDE)


def as_json(comparison: Comparison) -> bytes:
    """All facts."""
    whole = {"seed": comparison.seed, "cells": rows(comparison), "total_usd": round(comparison.total_usd, 6)}
    return json.dumps(whole, ensure_ascii=False, indent=1).encode()


FORMS: Mapping[str, Callable[[Comparison], bytes]] = MappingProxyType(
    {
        "html": lambda comparison: sheet(comparison).made("html")[0],
        "png": lambda comparison: sheet(comparison).made("png")[0],
        "csv": lambda comparison: sheet(comparison).made("csv")[0],
        "json": as_json,
    }
)


def write(comparison: Comparison, folder: Path) -> None:
    """Every form of it, as `comparison.*` in the folder; StorageError where it cannot be written."""
    for ending, form in FORMS.items():
        AtomicFolder(folder).write(folder / f"comparison.{ending}", partial(_put, form(comparison)))


def summary(cell: Cell) -> list[str]:
    """How a picture came about, in short."""
    picture = cell.picture
    parts = (
        f"{picture.width} × {picture.height}" if picture.width else "",
        f"{cell.seconds:.1f} s" if cell.seconds is not None else "",
        f"${picture.cost_usd:.3f}" if picture.cost_usd else "",
        f"seed {cell.seed}" if cell.seed is not None else "",
    )
    return [part for part in parts if part]


def _facts(comparison: Comparison, cell: Cell) -> dict[str, Any]:
    column, line, picture = comparison.columns[cell.column], comparison.lines[cell.line], cell.picture
    return {
        "model": column.model,
        "settings": dict(column.settings) if column.kind != "imported" else {},
        "prompt": line.prompt,
        "tags": list(line.tags),
        "state": cell.state,
        "path": cell.path or None,
        "seconds": None if cell.seconds is None else round(cell.seconds, 3),
        "cost_usd": comparison.cost_usd(cell),
        "width": picture.width,
        "height": picture.height,
        "seed": cell.seed,
        "revised_prompt": picture.revised or None,
        "metrics": {name: round(score, 4) for name, score in cell.metrics.items()},
        "error": {"kind": cell.kind, "message": cell.sentence} if cell.kind else None,
    }


def _shown(comparison: Comparison, cell: Cell) -> Shown:
    row = _flat(_facts(comparison, cell))
    values = {name: value for name, value in row.items() if value not in (None, "") and name not in ("path", "state")}
    path = Path(cell.path) if cell.state == "done" else None
    return Shown((cell.column, cell.line, 0), path, cell.sentence, " · ".join(summary(cell)), values, row)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of facts without values in values."""
    error = row["error"] or {}
    settings = "&".join(f"{name}={value}" for name, value in row["settings"].items())
    plain = {name: value for name, value in row.items() if name not in ("metrics", "error")}
    extra = {"tags": ", ".join(row["tags"]), "settings": settings}
    return {**plain, **extra, **row["metrics"], "error": error.get("kind"), "message": error.get("message")}


def _put(data: bytes, file: BinaryIO) -> None:
    file.write(data)
