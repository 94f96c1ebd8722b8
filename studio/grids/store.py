"""A grid as it is kept: what is to be made and what is there, cell by cell."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import product
from sqlite3 import Connection, Row
from typing import Literal

from pydantic import TypeAdapter

from studio.errors import InvalidRecipe, NotFound, Unreadable
from studio.grids.axes import Axis
from studio.parsing import ParseError, parse_json
from studio.recipe import Recipe
from studio.sheets import At
from studio.storage.database import Database

NAMES = ("x", "y", "z")
State = Literal["running", "stopped", "done"]


@dataclass(frozen=True)
class Cell:
    """One picture of a grid: `recipe` is resolved, None where it cannot be made; `error` says why there is none.

    `item` is its number in the grid's job, None where it cannot be made; `path` is where its picture stands below the
    images' folder, `cost_usd` what that did cost, where a service made it and that is known.
    """

    at: At
    recipe: Recipe | None = None
    error: str = ""
    item: int | None = None
    path: str = ""
    seconds: float = 0.0
    cost_usd: float | None = None


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

    @property
    def size(self) -> At:
        """The number of values on each axis."""
        x, y, z = [*(len(axis.values) for axis in self.axes), 1, 1][:3]
        return x, y, z

    @property
    def steps(self) -> int:
        """The denoising steps of all cells that can be made."""
        recipes = [cell.recipe for cell in self.cells if cell.recipe]
        return sum(steps for one in recipes for steps in (one.steps, one.hires.steps) if steps is not None)

    @property
    def total_usd(self) -> float:
        """What is known of the cost of its hosted pictures."""
        return sum(cell.cost_usd or 0 for cell in self.cells)

    def labels(self, at: At) -> list[tuple[str, str]]:
        """Title and value of each axis at a cell."""
        return [(axis.title, axis.labels[place]) for axis, place in zip(self.axes, at, strict=False)]

    def at(self, x: int, y: int = 0, z: int = 0) -> Cell:
        """The cell at a place."""
        return next(cell for cell in self.cells if cell.at == (x, y, z))


GRID, CELL = TypeAdapter(Grid), TypeAdapter(Cell)


class GridStore:
    """The grids of a database, as they were planned; their jobs know what was made. StorageError where it fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
            raise unreadable(name, str(error)) from error
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise unreadable(name) from error

    def of(self, owner: str, most: int) -> list[str]:
        """The ids of the owner's newest grids, the newest first."""
        with self._database.read() as database:
            query = "SELECT id FROM grids WHERE owner = ? ORDER BY number DESC LIMIT ?"
            return [name for (name,) in database.execute(query, (owner, most)) if isinstance(name, str)]

    def forget(self, name: str) -> None:
        """Remove a grid; its job goes when it is over."""
        with self._database.write() as database:
            database.execute("DELETE FROM grids WHERE id = ?", (name,))


def insert(rows: Connection, grid: Grid) -> None:
    """Keep a planned grid, within the transaction that keeps its job."""
    axes = json.dumps([asdict(axis) for axis in grid.axes])
    row = (grid.id, grid.owner, grid.created, grid.base.to_json(), axes)
    rows.execute("INSERT INTO grids (id, owner, created, base, axes) VALUES (?, ?, ?, ?, ?)", row)
    rows.executemany(
        "INSERT INTO grid_cells (grid, x, y, z, item, error) VALUES (?, ?, ?, ?, ?, ?)",
        [(grid.id, *cell.at, cell.item, cell.error) for cell in grid.cells],
    )


def unreadable(name: str, why: str = "it is damaged, or of another version of the studio") -> Unreadable:
    """What is said of a damaged grid."""
    return Unreadable(f"The grid {name} cannot be read: {why}.", "Its images are in the library, each with its recipe.")


def _grid(row: Row, rows: Iterable[Row]) -> Grid:
    values = {name: row[name] for name in ("id", "owner", "created")}
    axes = tuple(Axis(axis["field"], tuple(axis["values"]), tuple(axis["labels"])) for axis in parse_json(row["axes"]))
    cells = tuple(map(_cell, rows))
    grid = GRID.validate_python({**values, "base": Recipe.from_json(row["base"]), "axes": axes, "cells": cells})
    if [cell.at[::-1] for cell in cells] != list(product(*map(range, reversed(grid.size)))):
        raise IndexError("a cell is missing, or stands beside the axes")
    return grid


def _cell(row: Row) -> Cell:
    at = (row["x"], row["y"], row["z"])
    return CELL.validate_python({"at": at, "item": row["item"], "error": row["error"]})
