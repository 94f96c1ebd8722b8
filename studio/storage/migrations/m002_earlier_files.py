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
        "images": ("candidates", "set_id, image, quick, slow"),
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
            if table == "candidate_sets":
                _bring_candidate_jobs(database, earlier, folder)
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
            outcome = {"path": picture["path"], "seconds": picture["seconds"], "state": "done"} if picture else {}
            row = {"job": job["id"], "number": number, "recipe": recipe, "state": job["state"], **outcome}
            _insert(database, "items", {**row, "attempts": job["attempts"]})


def _bring_candidate_jobs(database: sqlite3.Connection, earlier: sqlite3.Connection, folder: Path) -> None:
    """The jobs of sets, those too that had been forgotten, with the pictures that they made."""
    query = "SELECT jobs.id, set_id, first, count, owner, created FROM jobs JOIN sets ON sets.id = set_id"
    for job in map(dict, earlier.execute(f"{query} ORDER BY jobs.number").fetchall()):
        pictures = earlier.execute("SELECT image, path, recipe, seconds FROM images WHERE set_id = ?", (job["set_id"],))
        made = {row["image"] - job["first"]: _relative(dict(row), folder) for row in pictures}
        made = {number: made[number] for number in range(job["count"]) if number in made}
        if not made and not database.execute("SELECT 1 FROM jobs WHERE id = ?", (job["id"],)).fetchone():
            continue
        _insert(database, "jobs", {**{name: job[name] for name in ("id", "owner", "created")}, "state": "done"})
        database.execute("UPDATE jobs SET kind = 'candidates' WHERE id = ?", (job["id"],))
        for number in range(job["count"] if made else 0):
            # What was never made, and of which recipe, nobody knows any more: it is stopped, with another's.
            row = made.get(number) or {"recipe": next(iter(made.values()))["recipe"], "path": None, "seconds": None}
            kept = {name: row[name] for name in ("recipe", "path", "seconds")}
            state = "done" if row["path"] else "stopped"
            _insert(database, "items", {"job": job["id"], "number": number, "state": state, **kept})
        _insert(database, "candidate_jobs", {name: job[name] for name in ("id", "set_id", "first", "count")})


def _bring_grid(database: sqlite3.Connection, file: Path) -> None:
    """A grid, with one job of its own in the place of those that made it run by run."""
    stored = load_json(file)
    whose = {name: stored[name] for name in ("id", "owner", "created")}
    name, made = stored["id"], [cell for cell in stored["cells"] if cell.get("recipe")]
    cells = [dict(zip("xyz", cell["at"], strict=True)) | {"error": cell.get("error", "")} for cell in stored["cells"]]
    runs = {cell["job"] for cell in made if cell.get("job")}
    database.executemany("DELETE FROM jobs WHERE id = ? AND state IN ('waiting', 'running')", [(run,) for run in runs])
    _insert(
        database,
        "jobs",
        {**whose, "kind": "grid", "state": "waiting" if stored["state"] == "running" else stored["state"]},
    )
    _insert(database, "grids", {**whose, "base": dumps(stored["base"]), "axes": dumps(stored["axes"])})
    for number, cell in enumerate(made):
        _insert(database, "items", {"job": name, "number": number, **_item(cell, stored["state"])})
    for cell, row in zip(stored["cells"], cells, strict=True):
        place = {"item": made.index(cell)} if cell.get("recipe") else {}
        _insert(database, "grid_cells", {"grid": name, **row, "error": "" if place else row["error"], **place})


def _item(cell: Mapping[str, Any], grid_state: str) -> dict[str, Any]:
    """A cell that can be made, as an item of the grid's job."""
    recipe = {"recipe": dumps(cell["recipe"])}
    if cell.get("path"):
        return {**recipe, "state": "done", "path": cell["path"], "seconds": cell.get("seconds", 0.0)}
    if cell.get("error"):
        return {**recipe, "state": "failed", "message": cell["error"]}
    return {**recipe, "state": "waiting" if grid_state == "running" else "stopped"}


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
