"""Keeps with each picture what the safety layer said of it, and the id in its watermark, by which it is found."""

from studio.storage.migrations.base import Migration, run

MIGRATION = Migration(
    run(
        "ALTER TABLE pictures ADD COLUMN safety TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE pictures ADD COLUMN watermark TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX pictures_by_watermark ON pictures (watermark) WHERE watermark != ''",
    )
)
