"""Comparisons as they are kept: prompts as lines, models or imported pictures as columns, and each of their cells."""

import json
import logging
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import product
from pathlib import Path
from sqlite3 import Connection, Row
from typing import Any, Literal

from PIL import Image
from pydantic import TypeAdapter, ValidationError

from studio.errors import NotFound, StudioError, Unreadable
from studio.events import Failed
from studio.pixels import digest
from studio.storage.connections import parsed
from studio.storage.database import Database

Kind = Literal["local", "hosted", "imported"]
State = Literal["waiting", "running", "done", "failed", "stopped", "empty"]
# Those that are made when a comparison goes on; what was running when a program was killed is among them.
OPEN = ("waiting", "running", "failed", "stopped")

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


@dataclass(frozen=True)
class Cell:
    """What became of one prompt in one column; `kind`, `message` and `hint` tell why there is no picture."""

    line: int
    column: int
    state: State = "waiting"
    path: str = ""
    digest: str = ""
    seconds: float | None = None
    cost_usd: float | None = None
    width: int | None = None
    height: int | None = None
    seed: int | None = None
    revised: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    kind: str = ""
    message: str = ""
    hint: str = ""
    job: str = ""
    attempt: int = 0

    @property
    def sentence(self) -> str:
        """Why there is no picture, and what helps, in one line."""
        return f"{self.message} {self.hint}".strip()


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
        return next(cell for cell in self.cells if (cell.line, cell.column) == (line, column))

    @property
    def total_usd(self) -> float:
        """What is known of its cost."""
        return sum(cell.cost_usd or 0 for cell in self.cells)


# What a row has to be to be one of these.
LINES, COLUMNS, CELLS, WHOLE = (TypeAdapter(Line), TypeAdapter(Contestant), TypeAdapter(Cell), TypeAdapter(Comparison))
# Nothing to be said against a cell.
CLEAN = {"kind": "", "message": "", "hint": ""}


def failed(error: StudioError | Failed) -> dict[str, Any]:
    """The fields of a cell in which something went wrong."""
    return {"state": "failed", "kind": error.code, "message": error.message, "hint": error.hint}


def seen(path: Path) -> dict[str, Any]:
    """What a picture's file tells, as fields of its cell."""
    with Image.open(path) as picture:
        width, height = picture.size
        # Of the pixels: the same picture by two recipes is the same.
        found = digest(picture.convert("RGB"))
    return {"state": "done", "path": str(path), "width": width, "height": height, "digest": found}


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

    `images` is the library's folder: paths are kept relative to it, those of pictures that lie elsewhere as they are.
    """

    def __init__(self, database: Database, images: Path) -> None:
        self.database = database
        self.images = images

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
        """Add those that it does not have yet, with a waiting cell for each new pair."""
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
            places = product(range(len(held) + len(new_lines)), range(len(own) + len(new_columns)))
            database.executemany(
                "INSERT OR IGNORE INTO comparison_cells (comparison, line, column, state) VALUES (?, ?, ?, 'waiting')",
                [(id, *place) for place in places],
            )

    def get(self, id: str, owner: str) -> Comparison:  # noqa: A002
        """The owner's comparison; NotFound where there is none of this id."""
        with self.database.read() as database:
            head = database.execute("SELECT * FROM comparisons WHERE id = ? AND owner = ?", (id, owner)).fetchone()
            if head is None:
                raise NotFound("There is no such comparison.", "Choose one of the list.")
            return _comparison(database, head, self.images)

    def of(self, owner: str) -> list[Comparison]:
        """The owner's, newest first."""
        with self.database.read() as database:
            query = "SELECT * FROM comparisons WHERE owner = ? ORDER BY number DESC"
            heads = database.execute(query, (owner,)).fetchall()
            return list(filter(None, (_readable(database, head, self.images) for head in heads)))

    def forget(self, id: str, owner: str) -> None:  # noqa: A002
        """Remove it; its images stay in the library."""
        with self.database.write() as database:
            self.get(id, owner)
            database.execute("DELETE FROM comparisons WHERE id = ?", (id,))

    def change(self, id: str, line: int, column: int, **values: Any) -> None:  # noqa: A002
        """Set fields of a cell."""
        if "metrics" in values:
            values["metrics"] = json.dumps(dict(values["metrics"]))
        if "path" in values:
            values["path"] = self.kept(values["path"])
        named = ", ".join(f"{name} = ?" for name in values)
        with self.database.write() as database:
            database.execute(
                f"UPDATE comparison_cells SET {named} WHERE comparison = ? AND line = ? AND column = ?",  # noqa: S608
                (*values.values(), id, line, column),
            )

    def kept(self, path: str) -> str:
        """How the path of a picture is kept."""
        return Path(path).relative_to(self.images).as_posix() if Path(path).is_relative_to(self.images) else path

    def halt(self, id: str, message: str) -> None:  # noqa: A002
        """Nobody waits any more for what is being made."""
        with self.database.write() as database:
            query = "UPDATE comparison_cells SET state = 'stopped', message = ? WHERE comparison = ? AND state = ?"
            database.execute(query, (message, id, "running"))
            database.execute(query, ("", id, "waiting"))


def _readable(database: Connection, head: Row, images: Path) -> Comparison | None:
    """A comparison; None where it is damaged or of another version, which takes none of the others down."""
    try:
        return _comparison(database, head, images)
    except Unreadable as error:
        log.warning("%s", error)
        return None


def _comparison(database: Connection, head: Row, images: Path) -> Comparison:
    """Unreadable where what makes it one cannot be read; a cell that cannot is as if it were still to be made."""
    name = head["id"]
    lines, columns = _lines(database, name), _columns(database, name)
    names = ", ".join(one.name for one in fields(Cell))
    rows = database.execute(f"SELECT {names} FROM comparison_cells WHERE comparison = ?", (name,))  # noqa: S608
    cells = {(row["line"], row["column"]): _placed(row, images) for row in rows}
    values = {"id": name, **{one: head[one] for one in ("owner", "created", "seed")}, "base": parsed(head["base"], {})}
    try:
        return WHOLE.validate_python(
            {
                **values,
                "lines": tuple(lines),
                "columns": tuple(columns),
                "cells": tuple(_cell(*at, cells.get(at, {})) for at in product(range(len(lines)), range(len(columns)))),
            }
        )
    except ValidationError as error:
        raise _unreadable(name) from error


def _placed(row: Row, images: Path) -> dict[str, Any]:
    """The fields of a cell, with the whole path of its picture."""
    path = row["path"]
    return {**row, "path": str(images / path) if path and isinstance(path, str) else path}


def _cell(line: int, column: int, row: Mapping[str, Any]) -> Cell:
    try:
        values = {**row, "metrics": parsed(row.get("metrics"), {})}
        return CELLS.validate_python({**values, "line": line, "column": column})
    except ValidationError:
        message = "This cell cannot be read: it was made by another version of the studio."
        return Cell(line, column, "failed", kind=Unreadable.code, message=message, hint="Make it again.")


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
