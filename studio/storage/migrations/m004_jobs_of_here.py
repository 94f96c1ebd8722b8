"""Keeps which jobs come from this machine: they may spend its keys of hosted models after a restart, too."""

from studio.storage.migrations.base import Migration, run

MIGRATION = Migration(run("ALTER TABLE jobs ADD COLUMN here INTEGER NOT NULL DEFAULT 0"))
