"""What the page sees of a comparison, as plain data."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
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
from studio.metadata import png
from studio.metrics import METRICS
from studio.recipe import Recipe, Task
from studio.studio import Studio
from studio.ui.pictures import jpeg_address, thumbnail

# Pixels of a picture in the table.
SIDE = 512

Answer = dict[str, Any]


def table(
    whole: Comparison, compare: Compare, who: Identity, looks: Mapping[tuple[int, int], bytes], *, running: bool
) -> Answer:
    """All of a comparison: its prompts, its columns, what became of each cell, and what that cost."""
    return {
        "id": whole.id,
        "running": running,
        "base": dict(whole.base),
        "lines": [asdict(line) for line in whole.lines],
        "columns": [{**asdict(column), "contestant": column.contestant} for column in whole.columns],
        "cells": [_cell(whole, cell, compare, who, looks.get(cell.place), running=running) for cell in whole.cells],
        "total": whole.total_usd,
        "unknown": sum(_unpriced(whole, cell) for cell in whole.cells),
    }


def title(one: Comparison, compare: Compare, who: Identity) -> Answer:
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


def local(model: Model, *, here: bool) -> Answer:
    """A model of this machine, for the list of them; whether its weights are here."""
    return {
        "name": model.id,
        "label": model.name,
        "here": here,
        "tasks": [one for one in get_args(Task) if model.does(one)],
    }


def offered(endpoint: HostedEndpoint) -> Answer:
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
    own = {"version", "prompt", "model", "seed", "count"}
    values = recipe.model_dump(mode="json", exclude=own, exclude_none=True, exclude_defaults=True)
    shared = {name for name, value in values.items() if name in GIVEN or not isinstance(value, int | float | str)}
    settings = {name: value for name, value in values.items() if name not in shared}
    return {"model": {"name": recipe.model, "settings": settings}, "base": {name: values[name] for name in shared}}


def _cell(
    whole: Comparison, cell: Cell, compare: Compare, who: Identity, look: bytes | None, *, running: bool
) -> Answer:
    path, column = Path(cell.path), whole.columns[cell.column]
    there = cell.state == "done" and path.is_file()
    # What was never asked for is made when it is told to.
    state = "stopped" if cell.state in ("running", "waiting") and not running else cell.state
    return {
        "line": cell.line,
        "column": cell.column,
        "state": state,
        "said": summary(cell),
        "measured": [[METRICS[name].label, value] for name, value in cell.metrics.items() if name in METRICS],
        "revised": cell.picture.revised,
        "kind": cell.kind,
        "fault": cell.sentence,
        "look": jpeg_address(look) if look else "",
        "width": cell.picture.width,
        "height": cell.picture.height,
        **(_shown(path, column, compare.studio, who) if there else {}),
    }


def _shown(path: Path, column: Contestant, studio: Studio, who: Identity) -> Answer:
    """Where its picture is, and what can be done with it: only a local one's recipe can be said by a form."""
    answer: Answer = {
        "shown": thumbnail(studio, path, SIDE, who),
        "file": studio.addresses.of(path, who),
        "name": path.name,
    }
    if path.is_relative_to(studio.library.folder):
        answer["which"] = {"stored": studio.addresses.token(path, who)}
    if column.kind == "local":
        answer["task"] = _task(path)
    return answer


@lru_cache(maxsize=1024)
def _task(path: Path) -> str:
    with suppress(StudioError):
        return png.read(path).task
    return ""


def _unpriced(whole: Comparison, cell: Cell) -> bool:
    """Whether nobody knows what a finished picture did cost."""
    hosted = whole.columns[cell.column].kind == "hosted"
    return hosted and cell.state == "done" and cell.picture.cost_usd is None
