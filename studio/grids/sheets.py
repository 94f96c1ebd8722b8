"""A grid to hand on."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studio import sheets
from studio.grids.store import NAMES, Cell, Grid
from studio.recipe import field_of, setting_specs
from studio.sheets import Sheet, Shown


def sheet(grid: Grid, folder: Path, measures: Mapping[str, Mapping[str, float]] | None = None) -> Sheet:
    """The grid as a sheet; its pictures stand in the folder, `measures` are of these by their paths in it.

    A row of its table has the cell's place, file, every setting in use, and measures.
    """
    used = [name for name in setting_specs() if _is_used(grid, name)]
    cells = []
    for cell in grid.cells:
        values = _settings(cell)
        labels = grid.labels(cell.at)
        places = {f"{name} ({title})": value for name, (title, value) in zip(NAMES, labels, strict=False)}
        outcome = {"file": cell.path, "error": cell.error, "seconds": cell.seconds or ""}
        row = {
            **places,
            **outcome,
            **{name: values.get(name, "") for name in used},
            **(measures or {}).get(cell.path, {}),
        }
        path = folder / cell.path if cell.path else None
        cells.append(Shown(cell.at, path, cell.error, values=values, row=row))
    axes = tuple(sheets.Axis(axis.title, axis.labels) for axis in grid.axes)
    return Sheet(grid.base.prompt, axes, tuple(cells))


def _is_used(grid: Grid, name: str) -> bool:
    usual = field_of(name).default
    return any(cell.recipe and cell.recipe.get(name) != usual for cell in grid.cells)


def _settings(cell: Cell) -> dict[str, Any]:
    """The cell's settings in words and numbers."""
    return {
        name: value if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)
        for name, value in (cell.recipe.dumped() if cell.recipe else {}).items()
    }
