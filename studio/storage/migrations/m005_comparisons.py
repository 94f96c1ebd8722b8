"""Has comparisons made by jobs as grids are, and keeps scores with the items that they are of, whatever job that is.

A comparison's pictures whose jobs are forgotten become the items of one job of its own.
"""

from collections.abc import Sequence
from json import dumps
from pathlib import Path
from sqlite3 import Connection, Row

from studio.storage.migrations.base import Migration, run

SCORES = (
    # A pass that is NULL is still to come.
    """CREATE TABLE scores (
        job TEXT NOT NULL, item INTEGER NOT NULL, quick TEXT, slow TEXT, PRIMARY KEY (job, item),
        FOREIGN KEY (job, item) REFERENCES items (job, number) ON DELETE CASCADE
    )""",
    "CREATE INDEX scores_without_quick ON scores (job) WHERE quick IS NULL",
    "CREATE INDEX scores_without_slow ON scores (job) WHERE slow IS NULL",
    """INSERT INTO scores SELECT items.job, items.number, quick, slow FROM candidates
        JOIN candidate_jobs AS made ON made.set_id = candidates.set_id AND image >= first AND image < first + count
        JOIN items ON items.job = made.id AND items.number = image - first ORDER BY candidates.rowid""",
    "DROP TRIGGER candidates_made",
    "DROP INDEX ratings_of_candidate",
    "ALTER TABLE ratings RENAME TO earlier_ratings",
    """CREATE TABLE ratings (
        number INTEGER PRIMARY KEY, set_id TEXT NOT NULL REFERENCES candidate_sets (id) ON DELETE CASCADE,
        image INTEGER NOT NULL, verdict TEXT, star INTEGER NOT NULL, rating INTEGER
    )""",
    "INSERT INTO ratings SELECT number, set_id, image, verdict, star, rating FROM earlier_ratings",
    "CREATE INDEX ratings_of_set ON ratings (set_id, image)",
    "DROP TABLE earlier_ratings",
    "DROP TABLE candidates",
)
CELLS = (
    "ALTER TABLE comparison_cells RENAME TO earlier_cells",
    # `item` of `job` makes a cell; where there is none yet, `message` may say why. A cell that nothing is known of has
    # no row.
    """CREATE TABLE comparison_cells (
        comparison TEXT NOT NULL REFERENCES comparisons (id) ON DELETE CASCADE, line INTEGER NOT NULL,
        column INTEGER NOT NULL, job TEXT REFERENCES jobs (id) ON DELETE SET NULL, item INTEGER,
        code TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '', hint TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (comparison, line, column)
    )""",
    "CREATE INDEX comparison_cells_of_job ON comparison_cells (job)",
)
EARLIER = """SELECT cells.*, prompt, columns.kind AS maker, columns.model AS model, items.job AS known
    FROM earlier_cells AS cells
    JOIN comparison_lines AS lines ON lines.comparison = cells.comparison AND lines.number = line
    JOIN comparison_columns AS columns ON columns.comparison = cells.comparison AND columns.number = column
    LEFT JOIN items ON items.job = cells.job AND items.number = 0
    WHERE cells.comparison = ? AND columns.kind != 'imported' ORDER BY column, line"""
# Of the second priority, as comparisons are.
JOB = "INSERT INTO jobs (id, owner, kind, priority, place, created, state) VALUES (?, ?, 'comparison', 1, ?, ?, 'done')"
ITEM = "INSERT INTO items (job, number, recipe, state, path, seconds) VALUES (?, ?, ?, 'done', ?, ?)"
CELL = "INSERT INTO comparison_cells (comparison, line, column, job, item) VALUES (?, ?, ?, ?, ?)"
FAULT = "INSERT INTO comparison_cells (comparison, line, column, code, message, hint) VALUES (?, ?, ?, ?, ?, ?)"
SCORE = "INSERT OR IGNORE INTO scores (job, item, quick, slow) VALUES (?, ?, ?, '{}')"


def apply(database: Connection, folder: Path | None) -> None:
    """Make the new tables and fill them."""
    run(*SCORES, *CELLS)(database, folder)
    for comparison in database.execute("SELECT * FROM comparisons ORDER BY number").fetchall():
        _bring(database, comparison, database.execute(EARLIER, (comparison["id"],)).fetchall())
    database.execute("DROP TABLE earlier_cells")


def _bring(database: Connection, comparison: Row, cells: Sequence[Row]) -> None:
    name, owner, created = (comparison[key] for key in ("id", "owner", "created"))
    kept = [cell for cell in cells if cell["state"] == "done" and cell["path"] and not cell["known"]]
    if kept:
        database.execute(JOB, (name, owner, created, created))
    for number, cell in enumerate(kept):
        recipe = {"prompt": cell["prompt"], "model": cell["model"], "seed": cell["seed"]}
        database.execute(ITEM, (name, number, dumps(recipe), cell["path"], cell["seconds"]))
        _place(database, cell, name, number)
    for cell in cells:
        if cell["known"]:
            database.execute("UPDATE jobs SET kind = 'comparison' WHERE id = ?", (cell["job"],))
            _place(database, cell, cell["job"], 0)
        elif cell["state"] == "failed":
            fault = (cell["kind"], cell["message"], cell["hint"])
            database.execute(FAULT, (name, cell["line"], cell["column"], *fault))


def _place(database: Connection, cell: Row, job: str, item: int) -> None:
    database.execute(CELL, (cell["comparison"], cell["line"], cell["column"], job, item))
    if cell["state"] == "done":
        database.execute(SCORE, (job, item, cell["metrics"]))


MIGRATION = Migration(apply)
