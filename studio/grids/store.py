"""A grid as it is kept: what is to be made and what is there, cell by cell."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from sqlite3 import Row
from typing import Any, Literal

from pydantic import TypeAdapter

from studio.errors import InvalidRecipe, NotFound, Unreadable
from studio.grids.axes import Axis
from studio.parsing import ParseError, parse_json
from studio.recipe import Recipe
from studio.storage.database import Database

# Where a cell stands: the number of its value on the axes x, y and z, 0 on those that there are not.
At = tuple[int, int, int]
NAMES = ("x", "y", "z")
State = Literal["running", "stopped", "done"]


@dataclass(frozen=True)
class Cell:
    """One picture of a grid: `recipe` is settled, None where it cannot be made; `error` says why there is none.

    `job` and `index` are those under which it was last asked for, `path` is where it stands below the images' folder.
    """

    at: At
    recipe: Recipe | None = None
    error: str = ""
    job: str = ""
    index: int = 0
    path: str = ""
    seconds: float = 0.0

    @property
    def open(self) -> bool:
        """Whether it is still to be made."""
        return not self.path and not self.error


@dataclass(frozen=True)
class Grid:
    """A recipe, what varies of it, and all cells, z slowest, then y, then x; `fault` is why it stopped by itself."""

    id: str
    owner: str
    created: float
    base: Recipe
    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]
    state: State = "running"
    fault: str = ""
    jobs: int = field(default=0)

    @property
    def size(self) -> At:
        """The number of values on each axis."""
        x, y, z = (len(axis.values) for axis in (*self.axes, *[NOTHING] * (3 - len(self.axes))))
        return x, y, z

    @property
    def steps(self) -> int:
        """The denoising steps of all cells that can be made."""
        recipes = [cell.recipe for cell in self.cells if cell.recipe]
        return sum((recipe.steps or 0) + (recipe.hires_steps or 0) for recipe in recipes)

    def labels(self, at: At) -> list[tuple[str, str]]:
        """Title and value of each axis at a cell."""
        return [(axis.title, axis.labels[place]) for axis, place in zip(self.axes, at, strict=False)]

    def changed(self, changes: Mapping[At, Mapping[str, Any]], **more: Any) -> "Grid":
        """The grid with some cells changed."""
        cells = tuple(replace(cell, **changes[cell.at]) if cell.at in changes else cell for cell in self.cells)
        return replace(self, cells=cells, **more)

    def at(self, x: int, y: int = 0, z: int = 0) -> Cell:
        """The cell at a place."""
        return next(cell for cell in self.cells if cell.at == (x, y, z))


NOTHING = Axis("", ("",), ("",))


GRID, CELL = TypeAdapter(Grid), TypeAdapter(Cell)


class GridStore:
    """The grids of a database. StorageError where it cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, grid: Grid) -> None:
        """Keep a new grid."""
        axes = json.dumps([asdict(axis) for axis in grid.axes])
        row = (grid.id, grid.owner, grid.created, grid.base.to_json(), axes, grid.state, grid.fault, grid.jobs)
        cells = [
            (grid.id, *cell.at, cell.recipe and cell.recipe.to_json(), *_made(cell).values()) for cell in grid.cells
        ]
        with self._database.write() as database:
            columns = "id, owner, created, base, axes, state, fault, jobs"
            database.execute(f"INSERT INTO grids ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608
            database.executemany(
                "INSERT INTO grid_cells (grid, x, y, z, recipe, error, job, item, path, seconds) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                cells,
            )

    def change(self, grid: Grid, cells: Iterable[Cell]) -> None:
        """Keep how the grid stands now, and these cells of it, whose recipes stay as they were."""
        rows = [(*_made(cell).values(), grid.id, *cell.at) for cell in cells]
        with self._database.write() as database:
            change = "UPDATE grids SET state = ?, fault = ?, jobs = ? WHERE id = ?"
            database.execute(change, (grid.state, grid.fault, grid.jobs, grid.id))
            database.executemany(
                "UPDATE grid_cells SET error = ?, job = ?, item = ?, path = ?, seconds = ? "
                "WHERE grid = ? AND x = ? AND y = ? AND z = ?",
                rows,
            )

    def read(self, name: str) -> Grid:
        """The grid of this id; NotFound, or Unreadable where it is damaged."""
        with self._database.read() as database:
            row = database.execute("SELECT * FROM grids WHERE id = ?", (name,)).fetchone()
            cells = database.execute("SELECT * FROM grid_cells WHERE grid = ? ORDER BY z, y, x", (name,)).fetchall()
        if row is None:
            raise NotFound("There is no such grid.", "Its images are in the library, if it was ever begun.")
        try:
            return _grid(row, cells)
        except (ParseError, InvalidRecipe) as error:
            raise _unreadable(name, str(error)) from error
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise _unreadable(name, "it is damaged, or of another version of the studio") from error

    def of(self, owner: str, most: int) -> list[str]:
        """The ids of the owner's newest grids, the newest first."""
        return self._ids("WHERE owner = ? ORDER BY number DESC LIMIT ?", owner, most)

    def running(self) -> list[str]:
        """The ids of those that were in the making when they were last kept, the oldest first."""
        return self._ids("WHERE state = 'running' ORDER BY number")

    def remove(self, name: str) -> None:
        """Forget a grid; its images stay in the library."""
        with self._database.write() as database:
            database.execute("DELETE FROM grids WHERE id = ?", (name,))

    def _ids(self, which: str, *values: object) -> list[str]:
        with self._database.read() as database:
            rows = database.execute(f"SELECT id FROM grids {which}", values)  # noqa: S608 - from above
            return [name for (name,) in rows if isinstance(name, str)]


def _unreadable(name: str, why: str) -> Unreadable:
    hint = "Its images are in the library, each with its recipe."
    return Unreadable(f"The grid {name} cannot be read: {why}.", hint)


def _made(cell: Cell) -> Mapping[str, Any]:
    """What changes of a cell, by its columns."""
    return {"error": cell.error, "job": cell.job, "item": cell.index, "path": cell.path, "seconds": cell.seconds}


def _grid(row: Row, rows: Iterable[Row]) -> Grid:
    values = {name: row[name] for name in ("id", "owner", "created", "state", "fault", "jobs")}
    axes = tuple(Axis(axis["field"], tuple(axis["values"]), tuple(axis["labels"])) for axis in parse_json(row["axes"]))
    cells = tuple(map(_cell, rows))
    grid = GRID.validate_python({**values, "base": Recipe.from_json(row["base"]), "axes": axes, "cells": cells})
    if [cell.at[::-1] for cell in cells] != list(product(*map(range, reversed(grid.size)))):
        raise IndexError("a cell is missing, or stands beside the axes")
    return grid


def _cell(row: Row) -> Cell:
    values = {name: row[name] for name in ("error", "job", "path", "seconds")}
    recipe = None if row["recipe"] is None else Recipe.from_json(row["recipe"])
    return CELL.validate_python(
        {**values, "at": (row["x"], row["y"], row["z"]), "index": row["item"], "recipe": recipe}
    )
