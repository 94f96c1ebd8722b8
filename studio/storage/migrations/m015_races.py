"""Says of a job how it is raced, and of an item where it fell behind."""

from studio.storage.migrations.base import Migration, run

MIGRATION = Migration(run("ALTER TABLE jobs ADD COLUMN race TEXT", "ALTER TABLE items ADD COLUMN fell TEXT"))
