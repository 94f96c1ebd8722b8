"""What somebody made before signing in becomes their account's: each row that says whose it is, all or none."""

from sqlite3 import Connection

from studio.gate.identity import Identity, check_creates
from studio.library import handover
from studio.studio import Studio

# Each row is one owner's. Of those in `pictures`, `boards` and `taken_over` the library knows more.
TABLES = (
    "jobs",
    "grids",
    "candidate_sets",
    "comparisons",
    "pairs",
    "votes",
    "hosted_calls",
    "held_inputs",
    "input_holes",
    "favourites",
)


def left_behind(studio: Studio, earlier: Identity) -> int:
    """How many pictures and unfinished jobs there are of who asked before signing in."""
    with studio.database.read() as rows:
        owners = studio.index.owners.of(earlier)
        pictures = rows.execute("SELECT COUNT(*) FROM pictures WHERE owner IN (?, ?) AND path IS NOT NULL", owners)
        jobs = "SELECT COUNT(*) FROM jobs WHERE owner = ? AND state IN ('waiting', 'running')"
        return int(pictures.fetchone()[0]) + int(rows.execute(jobs, (earlier.owner,)).fetchone()[0])


def take_over(studio: Studio, earlier: Identity, who: Identity) -> None:
    """Make all of one person's things those of an account: pictures, jobs, boards, grids, comparisons, votes, keys."""
    check_creates(who)

    def write(rows: Connection) -> None:
        for table in TABLES:
            # What both have is one.
            rows.execute(f"UPDATE OR IGNORE {table} SET owner = ? WHERE owner = ?", (who.owner, earlier.owner))  # noqa: S608
            rows.execute(f"DELETE FROM {table} WHERE owner = ?", (earlier.owner,))  # noqa: S608
        handover.hand_over(rows, studio.index.owners, earlier, who)

    studio.jobs.hand_over(earlier, who, write)
    studio.hosted.keys.hand_over(earlier, who)
    with studio.index.news:
        studio.index.news.notify_all()
