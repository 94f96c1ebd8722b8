"""Keeps whose each hosted call is, who signs in by Hugging Face, and who a browser's person became by signing in."""

from studio.storage.migrations.base import Migration, run

CAST = "number, pair, time, choice, left_name, right_name, prompt, tags"
MIGRATION = Migration(
    run(
        "ALTER TABLE hosted_calls ADD COLUMN owner TEXT NOT NULL DEFAULT ''",
        # `subject` is what Hugging Face calls somebody for good; their name there may change.
        """CREATE TABLE hub_accounts (
            subject TEXT PRIMARY KEY, account TEXT NOT NULL UNIQUE REFERENCES accounts (id) ON DELETE CASCADE
        ) WITHOUT ROWID""",
        # `mark` is what stands in the files of who took them over; it outlives the account, as the pictures do.
        "CREATE TABLE taken_over (mark TEXT PRIMARY KEY, owner TEXT NOT NULL) WITHOUT ROWID",
        # A vote stays as it was cast; whose it is may change, as with all else.
        "DROP TRIGGER votes_stay",
        f"""CREATE TRIGGER votes_stay BEFORE UPDATE OF {CAST} ON votes BEGIN
            SELECT RAISE(ABORT, 'votes stay');
        END""",
    )
)
