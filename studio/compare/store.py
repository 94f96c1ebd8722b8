"""Comparisons as they are kept: prompts as lines, models or imported pictures as columns, and who makes each cell."""

import json
import logging
import re
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from pathlib import Path
from sqlite3 import Connection, Row
from typing import Any, Literal

from PIL import Image
from pydantic import TypeAdapter, ValidationError

from studio.errors import NotFound, StudioError, Unreadable
from studio.hosted.models import joined
from studio.inputs import InputStore
from studio.library import Picture, picture
from studio.measuring import known_scores
from studio.pixels import digest
from studio.storage.connections import parsed
from studio.storage.database import Database

Kind = Literal["local", "hosted", "imported"]
State = Literal["waiting", "running", "done", "failed", "stopped", "empty"]
# Those that are made when a comparison goes on.
OPEN = ("waiting", "running", "failed", "stopped")
OTHER_VERSION = "This cell cannot be read: it was made by another version of the studio."

# A cell with the item that makes it; where its job was given up, the job says why.
CELLS = """SELECT line, column, items.job, items.number AS item, items.state, path, items.seconds, quick, slow,
    COALESCE(items.code, '') AS code, COALESCE(items.message, '') AS message, COALESCE(items.hint, '') AS hint,
    jobs.state AS job_state, jobs.code AS job_code, jobs.message AS job_message, jobs.hint AS job_hint,
    cells.code AS own_code, cells.message AS own_message, cells.hint AS own_hint
    FROM comparison_cells AS cells LEFT JOIN items ON items.job = cells.job AND items.number = cells.item
    LEFT JOIN jobs ON jobs.id = cells.job LEFT JOIN scores ON scores.job = cells.job AND scores.item = cells.item
    WHERE comparison = ?"""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Line:
    """One prompt, with tags that say what it is about."""

    prompt: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contestant:
    """A model with settings of its own, or pictures that were made elsewhere.

    `settings` are recipe fields of a local model, those of its own of a hosted one; of imported pictures, the stored
    input of each line by its number as text.
    """

    kind: Kind
    model: str
    label: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def contestant(self) -> str:
        """What its pictures are judged as: the model with these settings."""
        if self.kind == "imported" or not self.settings:
            return self.label
        return f"{self.label} ({', '.join(f'{name} {value}' for name, value in sorted(self.settings.items()))})"

    @property
    def values(self) -> dict[str, Any]:
        """The fields of a recipe that it decides."""
        if self.kind == "hosted":
            return {"model": joined(self.model, self.settings)}
        return {**self.settings, "model": self.model}


@dataclass(frozen=True)
class Cell:
    """What became of one prompt in one column; `kind`, `message` and `hint` tell why there is no picture.

    `item` of `job` makes it; there is no job before it is asked for, and none of what is imported.
    """

    line: int
    column: int
    state: State = "waiting"
    path: str = ""
    seconds: float | None = None
    seed: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    kind: str = ""
    message: str = ""
    hint: str = ""
    job: str = ""
    item: int | None = None

    @property
    def place(self) -> tuple[int, int]:
        """Line and column."""
        return self.line, self.column

    @property
    def sentence(self) -> str:
        """Why there is no picture, and what helps, in one line."""
        return f"{self.message} {self.hint}".strip()

    @property
    def picture(self) -> Picture:
        """What its file tells; nothing where there is none, or none any more."""
        return picture(Path(self.path)) if self.state == "done" else Picture()

    @property
    def digest(self) -> str:
        """Of its pixels: the same picture by two recipes is the same. OSError where it is gone."""
        return _digest(Path(self.path))


@dataclass(frozen=True)
class Comparison:
    """One comparison as it stands; `base` are recipe fields that all columns share."""

    id: str
    owner: str
    created: float
    seed: int
    base: Mapping[str, Any]
    lines: tuple[Line, ...]
    columns: tuple[Contestant, ...]
    cells: tuple[Cell, ...]

    def cell(self, line: int, column: int) -> Cell:
        """The cell at this place."""
        return next(cell for cell in self.cells if cell.place == (line, column))

    def cost_usd(self, cell: Cell) -> float | None:
        """What a cell did cost; None where nobody knows, or nothing is there."""
        return 0.0 if self.columns[cell.column].kind == "local" and cell.state == "done" else cell.picture.cost_usd

    @property
    def total_usd(self) -> float:
        """What is known of its cost."""
        return sum(self.cost_usd(cell) or 0 for cell in self.cells)


# What a row has to be to be one of these.
LINES, COLUMNS, CELL, WHOLE = (TypeAdapter(Line), TypeAdapter(Contestant), TypeAdapter(Cell), TypeAdapter(Comparison))


def read_lines(text: str) -> list[Line]:
    """The prompts of a text, one a line; what stands behind a # at its end are tags, with commas between them."""
    found = []
    for written in text.splitlines():
        prompt, tags = (*re.split(r"(?:^|\s)#", written, maxsplit=1), "")[:2]
        if prompt.strip():
            found.append(Line(prompt.strip(), tuple(filter(None, (tag.strip() for tag in tags.split(","))))))
    return found


class Comparisons:
    """All comparisons of a database; of another owner's, it is as if they were not there.

    `images` is the library's folder: paths are kept relative to it. `inputs` are imported pictures.
    """

    def __init__(self, database: Database, images: Path, inputs: InputStore) -> None:
        self.database = database
        self.images = images
        self._inputs = inputs

    def create(self, owner: str, seed: int, base: Mapping[str, Any]) -> str:
        """A new one without lines and columns; returns its id."""
        name = secrets.token_urlsafe(9)
        with self.database.write() as database:
            database.execute(
                "INSERT INTO comparisons (id, owner, created, seed, base) VALUES (?, ?, ?, ?, ?)",
                (name, owner, time.time(), seed, json.dumps(dict(base))),
            )
        return name

    def extend(self, id: str, lines: Sequence[Line], columns: Sequence[Contestant]) -> None:  # noqa: A002
        """Add those that it does not have yet."""
        with self.database.write() as database:
            held, own = _lines(database, id), _columns(database, id)
            new_lines = [line for line in dict.fromkeys(lines) if line.prompt not in {one.prompt for one in held}]
            new_columns = [
                column for at, column in enumerate(columns) if column not in own and column not in columns[:at]
            ]
            for number, line in enumerate(new_lines, len(held)):
                row = (id, number, line.prompt, json.dumps(line.tags))
                database.execute("INSERT INTO comparison_lines VALUES (?, ?, ?, ?)", row)
            for number, column in enumerate(new_columns, len(own)):
                column_row = (id, number, column.kind, column.model, column.label, json.dumps(dict(column.settings)))
                database.execute("INSERT INTO comparison_columns VALUES (?, ?, ?, ?, ?, ?)", column_row)

    def assign(self, id: str, job: str, cells: Iterable[Cell]) -> None:  # noqa: A002
        """The items of this job, in their order, make these cells."""
        row = "INSERT OR REPLACE INTO comparison_cells (comparison, line, column, job, item) VALUES (?, ?, ?, ?, ?)"
        with self.database.write() as database:
            database.executemany(row, [(id, *cell.place, job, item) for item, cell in enumerate(cells)])

    def refuse(self, id: str, faults: Iterable[tuple[Cell, StudioError]]) -> None:  # noqa: A002
        """These cells cannot be asked for."""
        row = """INSERT OR REPLACE INTO comparison_cells (comparison, line, column, code, message, hint)
            VALUES (?, ?, ?, ?, ?, ?)"""
        with self.database.write() as database:
            rows = [(id, *cell.place, fault.code, fault.message, fault.hint) for cell, fault in faults]
            database.executemany(row, rows)

    def get(self, id: str, owner: str) -> Comparison:  # noqa: A002
        """The owner's comparison; NotFound where there is none of this id."""
        with self.database.read() as database:
            head = database.execute("SELECT * FROM comparisons WHERE id = ? AND owner = ?", (id, owner)).fetchone()
            if head is None:
                raise NotFound("There is no such comparison.", "Choose one from the list.")
            return self._comparison(database, head)

    def of(self, owner: str) -> list[Comparison]:
        """The owner's, newest first; one that is damaged or of another version is logged and left out."""
        found = []
        with self.database.read() as database:
            query = "SELECT * FROM comparisons WHERE owner = ? ORDER BY number DESC"
            for head in database.execute(query, (owner,)).fetchall():
                try:
                    found.append(self._comparison(database, head))
                except Unreadable as error:
                    log.warning("%s", error)
        return found

    def forget(self, id: str, owner: str) -> None:  # noqa: A002
        """Remove it; its images stay in the library."""
        with self.database.write() as database:
            self.get(id, owner)
            database.execute("DELETE FROM comparisons WHERE id = ?", (id,))

    def kept(self, path: str) -> str:
        """How the path of a picture is kept."""
        return Path(path).relative_to(self.images).as_posix() if Path(path).is_relative_to(self.images) else path

    def _comparison(self, database: Connection, head: Row) -> Comparison:
        """Unreadable where what makes it one cannot be read; a cell that cannot has failed."""
        name = head["id"]
        lines, columns = _lines(database, name), _columns(database, name)
        rows = {(row["line"], row["column"]): row for row in database.execute(CELLS, (name,))}
        columns_of_head = {one: head[one] for one in ("id", "owner", "created", "seed")}
        places = product(range(len(lines)), range(len(columns)))
        try:
            whole = WHOLE.validate_python(
                {**columns_of_head, "base": parsed(head["base"], {}), "lines": lines, "columns": columns, "cells": ()}
            )
        except ValidationError as error:
            raise _unreadable(name) from error
        cells = (self._cell(line, columns[column], column, rows.get((line, column)), whole) for line, column in places)
        return Comparison(**{**vars(whole), "cells": tuple(cells)})

    def _cell(self, line: int, column: Contestant, at: int, row: Row | None, whole: Comparison) -> Cell:
        if column.kind == "imported":
            path = self._imported(column.settings.get(str(line)))
            return Cell(line, at, "done" if path else "empty", path)
        if row is None:
            return Cell(line, at)
        try:
            outcome = _outcome(row, self.images)
            if column.kind == "local" and outcome["state"] == "done":
                outcome["seed"] = column.settings.get("seed", whole.seed)
            return CELL.validate_python({"line": line, "column": at, **outcome})
        except ValidationError:
            hint = "Make it again."
            return Cell(line, at, "failed", kind=Unreadable.code, message=OTHER_VERSION, hint=hint)

    def _imported(self, picture: Any) -> str:
        try:
            return str(self._inputs.path(picture)) if isinstance(picture, str) else ""
        except NotFound:
            return ""


def _outcome(row: Row, images: Path) -> dict[str, Any]:
    """The fields of a cell that tell what became of its item."""
    state = row["state"] or ("failed" if row["own_code"] else "waiting")
    given_up = state == "stopped" and row["job_state"] == "failed"
    prefix = "job_" if given_up else "" if row["state"] else "own_"
    scores = {**(known_scores(row["quick"]) or {}), **(known_scores(row["slow"]) or {})}
    return {
        "state": state,
        "path": str(images / row["path"]) if state == "done" and isinstance(row["path"], str) else "",
        "seconds": row["seconds"],
        "metrics": scores,
        "kind": row[f"{prefix}code"],
        "message": row[f"{prefix}message"],
        "hint": row[f"{prefix}hint"],
        "job": row["job"] or "",
        "item": row["item"],
    }


@lru_cache(maxsize=8192)
def _digest(path: Path) -> str:
    with Image.open(path) as image:
        return digest(image.convert("RGB"))


def _lines(database: Connection, name: str) -> list[Line]:
    rows = database.execute("SELECT prompt, tags FROM comparison_lines WHERE comparison = ? ORDER BY number", (name,))
    try:
        return [LINES.validate_python({"prompt": prompt, "tags": parsed(tags, [])}) for prompt, tags in rows]
    except ValidationError as error:
        raise _unreadable(name) from error


def _columns(database: Connection, name: str) -> list[Contestant]:
    query = "SELECT kind, model, label, settings FROM comparison_columns WHERE comparison = ? ORDER BY number"
    rows = (dict(row) for row in database.execute(query, (name,)))
    try:
        return [COLUMNS.validate_python({**row, "settings": parsed(row["settings"], {})}) for row in rows]
    except ValidationError as error:
        raise _unreadable(name) from error


def _unreadable(name: str) -> Unreadable:
    return Unreadable(f"The comparison {name} cannot be read.", "It was made by another version of the studio.")
