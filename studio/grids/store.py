"""A grid as it is kept: one JSON file, written whole at each change, that says what is to be made and what is there."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

from pydantic import TypeAdapter

from studio.disk import Folder, visible
from studio.errors import InvalidRecipe, Unreadable
from studio.grids.axes import Axis
from studio.parsing import ParseError, load_json, shown
from studio.recipe import Recipe

# Where a cell stands: the number of its value on the axes x, y and z, 0 on those that there are not.
At = tuple[int, int, int]
NAMES = ("x", "y", "z")
State = Literal["running", "stopped", "done"]
FORMAT = 1
# The bytes in which a file tells its state.
HEAD = 300
ENDING = ".grid.json"


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


class GridFiles:
    """The grids of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._disk = Folder(folder)

    def save(self, grid: Grid) -> None:
        """Keep the grid as it is now; StorageError where that cannot be."""
        told = {
            "format": FORMAT,
            **{name: getattr(grid, name) for name in ("state", "id", "owner", "created", "fault", "jobs")},
            "base": json.loads(grid.base.to_json()),
            "axes": [asdict(axis) for axis in grid.axes],
            "cells": [_told(cell) for cell in grid.cells],
        }
        text = json.dumps(told, ensure_ascii=False).encode()

        def fill(file: BinaryIO) -> None:
            file.write(text)

        self._disk.write(self.path(grid.id), fill)

    def read(self, path: Path) -> Grid:
        """The grid in a file; Unreadable where there is none."""
        try:
            return _grid(load_json(path))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, InvalidRecipe) as error:
            said = isinstance(error, ParseError | InvalidRecipe | _OtherFormatError)
            why = str(error) if said else "it is damaged, or of another version of the studio"
            raise Unreadable(
                f"The grid {path.name} cannot be read: {why}.", "Move this file away; its images are not touched."
            ) from error

    def all(self) -> Iterator[Path]:
        """The file of each grid, the newest first."""
        yield from (path for path in reversed(visible(self.folder, ".json")) if _is_grid(path))

    def running(self) -> Iterator[Path]:
        """Those that were in the making when they were last kept; their heads alone are read."""
        for path in self.all():
            with suppress(OSError), path.open("rb") as file:
                if b'"state": "running"' in file.read(HEAD):
                    yield path

    def path(self, name: str) -> Path:
        """Where the grid of this id is kept."""
        return self.folder / f"{name}{ENDING}"

    def remove(self, name: str) -> None:
        """Forget a grid; its images stay in the library."""
        self.path(name).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what crashed studios left half written."""
        self._disk.sweep()


def _is_grid(path: Path) -> bool:
    return path.name.endswith(ENDING) and path.is_file()


class _OtherFormatError(ValueError):
    """A grid of another version."""


GRID, CELL = TypeAdapter(Grid), TypeAdapter(Cell)


def _told(cell: Cell) -> dict[str, Any]:
    told = {name: getattr(cell, name) for name in ("error", "job", "index", "path", "seconds")}
    recipe = {"recipe": json.loads(cell.recipe.to_json())} if cell.recipe else {}
    return {"at": cell.at, **{name: value for name, value in told.items() if value}, **recipe}


def _grid(told: Mapping[str, Any]) -> Grid:
    if told["format"] != FORMAT:
        raise _OtherFormatError(f"its format is {shown(told['format'])}, not {FORMAT}")
    values = {name: told[name] for name in ("id", "owner", "created", "state", "fault", "jobs")}
    axes = tuple(Axis(one["field"], tuple(one["values"]), tuple(one["labels"])) for one in told["axes"])
    grid = GRID.validate_python(
        {**values, "base": _recipe(told["base"]), "axes": axes, "cells": tuple(map(_cell, told["cells"]))}
    )
    for cell in grid.cells:
        if not all(0 <= place < size for place, size in zip(cell.at, grid.size, strict=True)):
            raise IndexError(cell.at)
    return grid


def _cell(told: Mapping[str, Any]) -> Cell:
    x, y, z = told["at"]
    recipe = _recipe(told["recipe"]) if "recipe" in told else None
    return CELL.validate_python({**told, "at": (x, y, z), "recipe": recipe})


def _recipe(told: Any) -> Recipe:
    return Recipe.from_json(json.dumps(told))
