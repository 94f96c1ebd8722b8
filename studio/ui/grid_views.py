"""What the page sees of a grid, as plain data: what can vary, what would be made, and cells as they change."""

import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from studio.errors import InvalidRecipe, StudioError
from studio.gate.identity import Identity
from studio.grids.axes import Axis
from studio.grids.making import GONE, GridJob, plan
from studio.grids.store import Cell, Grid
from studio.hosted.spending import price_words
from studio.recipe import Recipe
from studio.sheets import At
from studio.studio import Studio
from studio.ui import axis_fields
from studio.ui.followers import Followers
from studio.ui.job_view import line_of, progress
from studio.ui.pictures import jpeg_address, kept
from studio.ui.schemas.grids import (
    GridCell,
    GridHead,
    GridLine,
    GridPicture,
    GridPlan,
    GridRefusal,
    GridSetup,
    GridView,
)

SIDE = 320
# Seconds between two looks at a grid in the making.
BETWEEN = 0.1


def setup(studio: Studio, bases: Sequence[Recipe]) -> GridSetup:
    """What a grid can be made of; several pictures to start from become an axis."""
    base = bases[0].replace(count=1)
    pictures = list(dict.fromkeys(one.init_image for one in bases if one.init_image))
    size = f"{base.width} × {base.height}" if base.width and base.height else None
    facts = {"": axis_fields.model_of(studio, base).name, "size ": size, "steps ": base.steps, "seed ": base.seed}
    return {
        "base": base.to_json(),
        "prompt": base.prompt,
        "said": " · ".join(f"{words}{value}" for words, value in facts.items() if value is not None),
        "offers": axis_fields.offers(studio, base),
        "pictures": pictures if len(pictures) > 1 else [],
    }


def axes(given: Sequence[Mapping[str, Any]]) -> list[Axis]:
    """The axes that the page names; InvalidRecipe whose `part` is the axis at fault."""
    found = []
    for number, one in enumerate(given):
        try:
            found.append(Axis.of(str(one.get("field", "")), str(one.get("text", ""))))
        except InvalidRecipe as error:
            raise InvalidRecipe(error.field, error.message, error.hint, number) from error
    return found


def considered(studio: Studio, base: str, given: Sequence[Mapping[str, Any]]) -> GridPlan | GridRefusal:
    """What would be made, before anything is; a fault with the number of the axis that it is of."""
    try:
        grid = plan(studio, Recipe.from_json(base), axes(given))
    except StudioError as error:
        number = getattr(error, "part", None)
        if number is None:
            fields = [one.get("field") for one in given]
            number = fields.index(error.field) if isinstance(error, InvalidRecipe) and error.field in fields else None
        return {"fault": error.sentence, "axis": number}
    faults: dict[str, list[Cell]] = {}
    for cell in grid.cells:
        if cell.error:
            faults.setdefault(cell.error, []).append(cell)
    return {
        "cells": len(grid.cells),
        "possible": sum(cell.recipe is not None for cell in grid.cells),
        "steps": grid.steps,
        "price": price_words(studio.most_usd([cell.recipe for cell in grid.cells if cell.recipe])),
        "faults": [{"where": _where(grid, cells), "words": words} for words, cells in faults.items()],
    }


async def watched(studio: Studio, found: GridJob, followers: Followers) -> AsyncIterator[GridView]:
    """The whole grid, then what changes of it until nothing more is made, and then all cells again.

    The page shows the newest of several values that come close together and drops the others.
    """
    seen: dict[At, object] = {}

    def look() -> GridView:
        whole = not seen
        grid, line = found.grid, line_of(found.job, progress(found.job, found.job.events)["line"])
        cells = list(_changed(studio, grid, found, seen))
        return {**head(grid), "whole": whole, "line": line, "cells": cells}

    answer: GridView | None = None
    async with aclosing(found.job.changes(followers.pace(BETWEEN))) as changes:
        async for _ in changes:
            yield (answer := await followers.run(look))
    if answer is None or answer["state"] == "running":
        seen.clear()
        # Not as a whole, which would come before a grid that was chosen meanwhile.
        yield {**await followers.run(look), "whole": answer is None}


def head(grid: Grid) -> GridHead:
    """What is said of a grid besides its cells."""
    return {
        "id": grid.id,
        "state": grid.state,
        "fault": grid.fault,
        "base": grid.base.to_json(),
        "axes": [{"field": axis.field, "title": axis.title, "labels": axis.labels} for axis in grid.axes],
        "texts": [{"field": axis.field, "text": _written(axis)} for axis in grid.axes],
        "made": sum(bool(cell.path) for cell in grid.cells),
        "failed": sum(bool(cell.error) for cell in grid.cells),
        "again": any(cell.recipe and cell.error not in ("", GONE) for cell in grid.cells),
        "count": len(grid.cells),
        "cost_usd": grid.total_usd,
    }


def listed(grids: Collection[GridJob]) -> list[GridLine]:
    """Grids in a line each."""
    return [
        {
            "id": grid.id,
            "when": time.strftime("%d %b, %H:%M", time.localtime(grid.created)).lstrip("0"),
            "words": " × ".join(axis.title for axis in grid.axes),
            "prompt": grid.base.prompt,
            "made": sum(bool(cell.path) for cell in grid.cells),
            "count": len(grid.cells),
        }
        for grid in (found.grid for found in grids)
    ]


def _changed(studio: Studio, grid: Grid, found: GridJob, seen: dict[At, object]) -> Iterator[GridCell | GridPicture]:
    previews, who = found.previews, found.job.who
    for cell in grid.cells:
        preview = previews.get(cell.at)
        mark = (cell, preview)
        if seen.get(cell.at) == mark:
            continue
        seen[cell.at] = mark
        yield _cell(studio, grid, cell, preview, who)


def _cell(studio: Studio, grid: Grid, cell: Cell, preview: bytes | None, who: Identity) -> GridCell | GridPicture:
    answer: GridCell = {"at": cell.at, "labels": [label for _, label in grid.labels(cell.at)]}
    if cell.error:
        return {**answer, "error": cell.error}
    path = studio.library.folder / cell.path
    if cell.path and cell.recipe and studio.index.shows(path):
        return {
            **kept(studio, path, cell.recipe, cell.seconds, SIDE, who),
            "at": answer["at"],
            "labels": answer["labels"],
        }
    if cell.path:
        return {**answer, "error": GONE}
    return {**answer, "look": jpeg_address(preview)} if preview else answer


def _where(grid: Grid, cells: Sequence[Cell]) -> str:
    """The values that all these cells share, or how many cells they are."""
    shared = [
        f"{axis.title} {axis.labels[cells[0].at[number]]}"
        for number, axis in enumerate(grid.axes)
        if len({cell.at[number] for cell in cells}) == 1
    ]
    return ", ".join(shared) or f"{len(cells)} pictures"


def _written(axis: Axis) -> str:
    """The axis's values as they are written."""
    return ", ".join(f'"{value}"' if "," in value or value != value.strip() else value for value in axis.values)
