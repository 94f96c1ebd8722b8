"""Keeps what each person likes best, and what is noted of files; brings in favourites that lay in a file of their own.

That file stays as it is. An owner of no name is whoever runs the studio.
"""

import logging
from pathlib import Path
from sqlite3 import Connection

from studio.parsing import ParseError, load_json
from studio.storage.migrations.base import Migration

log = logging.getLogger(__name__)

TABLES = (
    """CREATE TABLE favourites (
        owner TEXT NOT NULL, sort TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (owner, sort, name)
    ) WITHOUT ROWID""",
    """CREATE TABLE file_notes (
        sort TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (sort, name)
    ) WITHOUT ROWID""",
)


def apply(database: Connection, folder: Path | None) -> None:
    """Make the tables, and fill them with what lies in the folder."""
    for table in TABLES:
        database.execute(table)
    try:
        stored = load_json(folder / "favourites.json") if folder else {}
        rows = [("", str(sort), str(name)) for sort, names in stored.items() for name in names]
    except (ParseError, TypeError, AttributeError) as error:
        if not (isinstance(error, ParseError) and error.missing):
            log.warning("favourites.json was left out: it holds no lists of names.")
        return
    database.executemany("INSERT OR IGNORE INTO favourites (owner, sort, name) VALUES (?, ?, ?)", rows)


MIGRATION = Migration(apply)
