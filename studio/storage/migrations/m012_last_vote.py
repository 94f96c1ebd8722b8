"""Lets somebody's last vote be taken back; all others stay, so that nobody chooses afterwards what ratings say."""

from studio.storage.migrations.base import Migration, run

MIGRATION = Migration(
    run(
        "DROP TRIGGER votes_are_kept",
        """CREATE TRIGGER votes_are_kept BEFORE DELETE ON votes
            WHEN EXISTS (SELECT 1 FROM votes WHERE owner = OLD.owner AND number > OLD.number)
            BEGIN SELECT RAISE(ABORT, 'only the last vote can be taken back'); END""",
    )
)
