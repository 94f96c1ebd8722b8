"""What the page sees of a comparison, as plain data."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from studio.catalogue.models import Model
from studio.compare.making import GIVEN, Compare
from studio.compare.sheets import summary
from studio.compare.store import Cell, Comparison, Contestant
from studio.errors import StudioError
from studio.gate.identity import Identity
from studio.hosted.models import HostedEndpoint
from studio.metadata import own
from studio.metrics import METRICS
from studio.recipe import Recipe, Task
from studio.studio import Studio
from studio.ui.pictures import jpeg_address, telling_name, thumbnail
from studio.ui.schemas.compare import (
    CellPicture,
    ComparedColumn,
    ComparisonCell,
    ComparisonLine,
    ComparisonTable,
    HostedOffer,
    LocalOffer,
)

# Pixels of a picture in the table.
SIDE = 512

Answer = dict[str, Any]


def table(
    whole: Comparison, compare: Compare, who: Identity, looks: Mapping[tuple[int, int], bytes], *, running: bool
) -> ComparisonTable:
    """All of a comparison: its prompts, its columns, what became of each cell, and what that cost."""
    return {
        "id": whole.id,
        "running": running,
        "base": dict(whole.base),
        "lines": [{"prompt": line.prompt, "tags": line.tags} for line in whole.lines],
        "columns": [_column(column) for column in whole.columns],
        "cells": [_cell(whole, cell, compare, who, looks.get(cell.place), running=running) for cell in whole.cells],
        "total": whole.total_usd,
        "unknown": sum(_unpriced(whole, cell) for cell in whole.cells),
    }


def title(one: Comparison, compare: Compare, who: Identity) -> ComparisonLine:
    """A line of the list of earlier ones."""
    ended: Sequence[Cell] = [cell for cell in one.cells if cell.state in ("done", "failed", "empty")]
    return {
        "id": one.id,
        "title": one.lines[0].prompt if one.lines else "",
        "lines": len(one.lines),
        "columns": [column.label for column in one.columns],
        "created": one.created,
        "left": len(one.cells) - len(ended),
        "running": compare.running(one, who),
    }


def local(model: Model, *, here: bool) -> LocalOffer:
    """A model of this machine, for the list of them; whether its weights are here."""
    return {
        "name": model.id,
        "label": model.name,
        "here": here,
        "tasks": [one for one in get_args(Task) if model.does(one)],
    }


def offered(endpoint: HostedEndpoint) -> HostedOffer:
    """A hosted model, for the list of them."""
    price, end = endpoint.model.price, endpoint.model.shutdown
    return {
        "name": endpoint.name,
        "label": endpoint.label,
        "host": endpoint.host_name,
        "settings": {name: list(choices) for name, choices in endpoint.model.settings.items()},
        "abilities": list(endpoint.model.abilities),
        "shutdown": end.isoformat() if end and endpoint.host_name == endpoint.model.service else "",
        "successor": endpoint.model.successor,
        "priced": price.date.isoformat() if price and endpoint.estimate({}, "") is not None else "",
    }


def parted(recipe: Recipe) -> Answer:
    """What was asked for beside prompt and seed: the model with its plain settings, and what all columns share."""
    own = {"prompt", "model", "seed", "count"}
    values = {name: value for name, value in recipe.dumped().items() if name not in own}
    shared = {name for name, value in values.items() if name in GIVEN or not isinstance(value, int | float | str)}
    settings = {name: value for name, value in values.items() if name not in shared}
    return {"model": {"name": recipe.model, "settings": settings}, "base": {name: values[name] for name in shared}}


def _column(column: Contestant) -> ComparedColumn:
    return {
        "kind": column.kind,
        "model": column.model,
        "label": column.label,
        "settings": dict(column.settings),
        "contestant": column.contestant,
    }


def _cell(
    whole: Comparison, cell: Cell, compare: Compare, who: Identity, look: bytes | None, *, running: bool
) -> ComparisonCell:
    path = Path(cell.path)
    there = cell.state == "done" and compare.studio.index.shows(path)
    # What was never asked for is made when it is told to.
    state = "stopped" if cell.state in ("running", "waiting") and not running else cell.state
    answer: ComparisonCell = {
        "line": cell.line,
        "column": cell.column,
        "state": state,
        "said": list(summary(cell)),
        "measured": [(METRICS[name].label, value) for name, value in cell.metrics.items() if name in METRICS],
        "revised": cell.picture.revised,
        "kind": cell.kind,
        "fault": cell.sentence,
        "look": jpeg_address(look) if look else "",
        "width": cell.picture.width,
        "height": cell.picture.height,
    }
    return {**answer, **_shown(whole, cell, compare.studio, who)} if there else answer


def _shown(whole: Comparison, cell: Cell, studio: Studio, who: Identity) -> CellPicture:
    """Where its picture is, and what can be done with it: only a local one's recipe can be said by a form."""
    path, column, prompt = Path(cell.path), whole.columns[cell.column], whole.lines[cell.line].prompt
    answer: CellPicture = {
        "shown": thumbnail(studio, path, SIDE, who),
        "file": studio.addresses.of(path, who),
        "name": telling_name(path, prompt, cell.seed),
    }
    if path.is_relative_to(studio.library.folder):
        answer["which"] = {"stored": studio.addresses.token(path, who)}
    if column.kind == "local":
        answer["task"] = _task(path)
    return answer


@lru_cache(maxsize=1024)
def _task(path: Path) -> str:
    with suppress(StudioError):
        return own.read(path).task
    return ""


def _unpriced(whole: Comparison, cell: Cell) -> bool:
    """Whether nobody knows what a finished picture did cost."""
    hosted = whole.columns[cell.column].kind == "hosted"
    return hosted and cell.state == "done" and cell.picture.cost_usd is None
