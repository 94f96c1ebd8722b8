"""Keeps how pictures look, and how many there are of each sort and with each name, counted as they come and go."""

from studio.storage.migrations.base import Migration, run

SHOWN = "{0}.path IS NOT NULL AND {0}.binned IS NULL"
# A picture counts while its file is there: among those that are shown, or in the bin.
SUM = """INSERT INTO picture_sums (owner, binned, star, task, kind, count, bytes)
    SELECT {0}.owner, {0}.binned IS NOT NULL, {0}.star != 0, {0}.task, {0}.kind, {1}1, {1}{0}.bytes
    WHERE {0}.path IS NOT NULL
    ON CONFLICT DO UPDATE SET count = count + excluded.count, bytes = bytes + excluded.bytes"""
COUNT = """INSERT INTO picture_counts (owner, name, count)
    SELECT {0}.owner, name, {1}1 FROM picture_named WHERE picture = {0}.number AND {2}
    ON CONFLICT DO UPDATE SET count = count + excluded.count"""


def _count(row: str, sign: str) -> str:
    return COUNT.format(row, sign, SHOWN.format(row))


LOOKS = (
    "ALTER TABLE pictures ADD COLUMN tint INTEGER",
    "CREATE TABLE picture_looks (digest TEXT PRIMARY KEY, look BLOB NOT NULL, features BLOB) WITHOUT ROWID",
    # What has none yet.
    "CREATE INDEX pictures_unseen ON pictures (number) WHERE tint IS NULL AND path IS NOT NULL",
    "DROP INDEX pictures_shown",
    """CREATE INDEX pictures_shown ON pictures (
        created, number, owner, star, rating, seed, steps, width, height, task, kind, scheduler, tool,
        bytes, tint
    ) WHERE path IS NOT NULL AND binned IS NULL""",
)
TABLES = (
    """CREATE TABLE picture_sums (
        owner TEXT NOT NULL, binned INTEGER NOT NULL, star INTEGER NOT NULL, task TEXT NOT NULL, kind TEXT NOT NULL,
        count INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (owner, binned, star, task, kind)
    ) WITHOUT ROWID""",
    """CREATE TABLE picture_counts (
        owner TEXT NOT NULL, name INTEGER NOT NULL REFERENCES picture_names (number) ON DELETE CASCADE,
        count INTEGER NOT NULL, PRIMARY KEY (owner, name)
    ) WITHOUT ROWID""",
    """INSERT INTO picture_sums (owner, binned, star, task, kind, count, bytes)
        SELECT owner, binned IS NOT NULL, star != 0, task, kind, COUNT(*), TOTAL(bytes) FROM pictures
        WHERE path IS NOT NULL GROUP BY 1, 2, 3, 4, 5""",
    f"""INSERT INTO picture_counts (owner, name, count)
        SELECT owner, picture_named.name, COUNT(*) FROM picture_named JOIN pictures ON number = picture
        WHERE {SHOWN.format("pictures")} GROUP BY 1, 2""",  # noqa: S608 - from above
)
TRIGGERS = (
    f"CREATE TRIGGER picture_sums_add AFTER INSERT ON pictures BEGIN {SUM.format('NEW', '+')}; END",
    f"""CREATE TRIGGER picture_sums_change AFTER UPDATE OF path, owner, binned, star, task, kind, bytes ON pictures
        BEGIN {SUM.format("OLD", "-")}; {SUM.format("NEW", "+")}; END""",
    f"""CREATE TRIGGER picture_counts_change AFTER UPDATE OF path, owner, binned ON pictures
        WHEN ({SHOWN.format("OLD")}) != ({SHOWN.format("NEW")}) OR OLD.owner != NEW.owner
        BEGIN {_count("OLD", "-")}; {_count("NEW", "+")}; END""",
    # Before, because its names go with it, and then nobody can ask whose they were.
    f"""CREATE TRIGGER pictures_go BEFORE DELETE ON pictures
        BEGIN {SUM.format("OLD", "-")}; {_count("OLD", "-")}; END""",
    f"""CREATE TRIGGER picture_named_add AFTER INSERT ON picture_named BEGIN
        INSERT INTO picture_counts (owner, name, count)
        SELECT owner, NEW.name, 1 FROM pictures WHERE number = NEW.picture AND {SHOWN.format("pictures")}
        ON CONFLICT DO UPDATE SET count = count + 1; END""",  # noqa: S608 - from above
    f"""CREATE TRIGGER picture_named_go AFTER DELETE ON picture_named BEGIN
        UPDATE picture_counts SET count = count - 1 WHERE name = OLD.name AND owner =
        (SELECT owner FROM pictures WHERE number = OLD.picture AND {SHOWN.format("pictures")}); END""",  # noqa: S608
)
MIGRATION = Migration(run(*LOOKS, *TABLES, *TRIGGERS))
