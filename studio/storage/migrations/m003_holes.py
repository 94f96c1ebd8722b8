"""Keeps which stored mask says what was transparent in a picture that somebody brought."""

from studio.storage.migrations.base import Migration, run

MIGRATION = Migration(
    run(
        """CREATE TABLE input_holes (
            owner TEXT NOT NULL, picture TEXT NOT NULL, mask TEXT NOT NULL, PRIMARY KEY (owner, picture)
        ) WITHOUT ROWID"""
    )
)
