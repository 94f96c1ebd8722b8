"""Brings in what was kept in files of its own before there was one database; those files stay as they are.

A row that cannot be one any more is left out, and so is a file that cannot be read or that another studio is using.
"""

import logging
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from json import dumps
from pathlib import Path
from typing import Any

from studio.parsing import ParseError, load_json, parse_json
from studio.storage.connections import readable, reason
from studio.storage.migrations.base import Migration

log = logging.getLogger(__name__)

# In the folder of images, which was another where a command was given one, or in that of a command's grids.
IMAGES = "images"
GRIDS = ("grids/*.grid.json", "*.grid.json")
JOB = "id, owner, created, state, seconds, message, hint, field"
CELL = (
    "comparison, line, column, state, path, digest, seconds, cost_usd, width, height, seed, revised, metrics, kind, "
    "message, hint, job, attempt"
)
COMPARED: Mapping[str, tuple[str, str]] = {
    "comparisons": ("comparisons", "id, owner, created, seed, base"),
    "lines": ("comparison_lines", "comparison, number, prompt, tags"),
    "columns": ("comparison_columns", "comparison, number, kind, model, label, settings"),
    "cells": ("comparison_cells", CELL),
}
# Of each file and table of it, the table it goes to and the columns, which were called the same.
TABLES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "jobs.sqlite": {"jobs": ("jobs", JOB)},
    "candidates.sqlite": {
        "sets": ("candidate_sets", "id, owner, created, title, asked, sieve, missing"),
        "jobs": ("candidate_jobs", "id, set_id, first, count"),
        "images": ("candidates", "set_id, image, path, recipe, seconds, quick, slow"),
        "marks": ("ratings", "set_id, image, verdict, star, rating"),
    },
    "comparisons.sqlite": COMPARED,
    "comparison.sqlite": COMPARED,
    "arena.sqlite": {
        "pairs": ("pairs", "id, owner, comparison, line, left_column, right_column, left_path, right_path"),
        "votes": ("votes", "pair, owner, time, choice, left_name, right_name, prompt, tags"),
    },
    "spending.sqlite": {
        "calls": ("hosted_calls", "key, day, model, micros, settled"),
        "budgets": ("hosted_budgets", "name, micros"),
    },
    "images/inputs/held.sqlite": {
        "held": ("held_inputs", "owner, picture"),
        "unused": ("unused_inputs", "picture, at, glance"),
    },
    "used.sqlite": {"used": ("last_used", "item, at")},
}
# Columns whose paths were absolute.
PATHS = ("path", "left_path", "right_path")


def apply(database: sqlite3.Connection, folder: Path | None) -> None:
    """Copy what lies in the folder."""
    if folder is None:
        return
    for file in earlier_files(folder):
        try:
            if file.suffix == ".json":
                _bring_grid(database, file)
            else:
                _bring_file(database, file, folder)
        except (sqlite3.Error, OSError, ParseError, LookupError, TypeError, AttributeError) as error:
            why = error.fault if isinstance(error, ParseError) else reason(error)
            log.warning("%s was left out: %s.", file, why)


def earlier_files(folder: Path) -> Iterator[Path]:
    """The files that were used before there was one database, oldest grid first."""
    yield from (folder / name for name in TABLES if (folder / name).is_file())
    for pattern in GRIDS:
        yield from sorted(path for path in folder.glob(pattern) if path.is_file() and not path.name.startswith("."))


def _bring_file(database: sqlite3.Connection, file: Path, folder: Path) -> None:
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=0)) as earlier:
        earlier.row_factory = sqlite3.Row
        earlier.text_factory = readable
        for name, (table, columns) in TABLES[file.relative_to(folder).as_posix()].items():
            for row in earlier.execute(f"SELECT {columns} FROM {name}"):  # noqa: S608 - names from above
                _insert(database, table, _relative(dict(row), folder))
        if file.name == "jobs.sqlite":
            _bring_items(database, earlier)


def _relative(row: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The row with its paths below the images' folder, as far as they are there."""
    roots = [str(folder / IMAGES), str(folder)]
    for name in PATHS:
        root = next((one for one in roots if str(row.get(name)).startswith(f"{one}/")), None)
        if root:
            row[name] = str(row[name]).removeprefix(f"{root}/")
    return row


def _bring_items(database: sqlite3.Connection, earlier: sqlite3.Connection) -> None:
    """The recipes of each job, and the pictures that were made of them."""
    made = {(row["job"], row["image"]): row for row in earlier.execute("SELECT job, image, path, seconds FROM images")}
    for job in earlier.execute("SELECT id, recipes, state, attempts FROM jobs").fetchall():
        try:
            recipes = parse_json(job["recipes"])
        except (ParseError, TypeError, AttributeError):
            continue  # the job stays, without what it should make, and is told as one that cannot be read
        for number, recipe in enumerate(recipes if isinstance(recipes, list) else []):
            picture = made.get((job["id"], number))
            told = {"path": picture["path"], "seconds": picture["seconds"], "state": "done"} if picture else {}
            row = {"job": job["id"], "number": number, "recipe": recipe, "state": job["state"], **told}
            _insert(database, "items", {**row, "attempts": job["attempts"]})


def _bring_grid(database: sqlite3.Connection, file: Path) -> None:
    told = load_json(file)
    grid = {name: told[name] for name in ("id", "owner", "created", "state", "fault", "jobs")}
    cells = [_cell(told["id"], cell) for cell in told["cells"]]
    _insert(database, "grids", {**grid, "base": dumps(told["base"]), "axes": dumps(told["axes"])})
    for cell in cells:
        _insert(database, "grid_cells", cell)


def _cell(grid: str, told: Mapping[str, Any]) -> dict[str, Any]:
    x, y, z = told["at"]
    known = {name: told[name] for name in ("error", "job", "path", "seconds") if name in told}
    recipe = dumps(told["recipe"]) if "recipe" in told else None
    return {"grid": grid, "x": x, "y": y, "z": z, "item": told.get("index", 0), "recipe": recipe, **known}


def _insert(database: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    """Add a row; one that breaks a rule of the table is left out."""
    if table == "hosted_budgets":
        row = {**row, "given": 0.0}
    # What nobody said is what the table says.
    row = {name: value for name, value in row.items() if value is not None}
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    try:
        database.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", (*row.values(),))  # noqa: S608
    except sqlite3.IntegrityError:
        log.warning("A row of %s is damaged, and was left out.", table)


MIGRATION = Migration(apply)
