"""What a failing disk leaves in a database: rows that break the rules of their tables."""

import sqlite3
from contextlib import closing
from pathlib import Path


def damage(path: Path, *statements: str) -> None:
    """Execute statements on a database as if no column had to have a value."""
    tables = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%'"
    with closing(sqlite3.connect(path)) as database, database:
        kept = database.execute(tables).fetchall()
    _write_schema(path, [(name, sql.replace(" NOT NULL", "")) for name, sql in kept])
    with closing(sqlite3.connect(path)) as database, database:
        for statement in statements:
            database.execute(statement)
    _write_schema(path, kept)


def _write_schema(path: Path, tables: list[tuple[str, str]]) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA writable_schema = ON")
        for name, sql in tables:
            database.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (sql, name))
