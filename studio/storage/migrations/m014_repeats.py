"""Keeps what follows a step of a picture's way that is done to others, so that no restart ends it."""

from studio.storage.migrations.base import Migration, run

MIGRATION = Migration(
    run(
        """CREATE TABLE repeats (
            job TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE, later TEXT NOT NULL, before TEXT NOT NULL,
            prompts TEXT NOT NULL, places TEXT NOT NULL
        ) WITHOUT ROWID""",
    )
)
