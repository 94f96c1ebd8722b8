"""The contract of a migration: `m007_words.py` with `MIGRATION` brings a database from version 6 to version 7."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection

# Changes tables and rows of the database in this folder (None: in memory). It runs inside a transaction that is not
# its own, so it neither begins nor ends one: no `executescript`, which would commit.
Step = Callable[[Connection, Path | None], None]


@dataclass(frozen=True)
class Migration:
    """One step from a version of the database to the next; what was released is never edited, a new file follows."""

    apply: Step


def run(*statements: str) -> Step:
    """The step that executes these statements in their order."""

    def apply(database: Connection, folder: Path | None) -> None:
        del folder
        for statement in statements:
            database.execute(statement)

    return apply
