"""Keeps the SHA-256 of files of weights, for as long as they stay as they are."""

from studio.storage.migrations.base import Migration, run

MIGRATION = Migration(
    run(
        """CREATE TABLE weight_digests (
            path TEXT NOT NULL, part TEXT NOT NULL, bytes INTEGER NOT NULL, changed INTEGER NOT NULL,
            sha256 TEXT NOT NULL, PRIMARY KEY (path, part)
        ) WITHOUT ROWID"""
    )
)
