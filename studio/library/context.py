"""What the parts of the library's index share, and the way from ids to the rows that who asks may see."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection

from studio.errors import InvalidRequest, NotFound
from studio.gate.identity import Identity
from studio.inputs import InputStore
from studio.library.owners import Owners
from studio.library.rows import batches, marks
from studio.library.thumbnails import Thumbnails
from studio.library.words import is_text
from studio.storage.database import Database

# As many pictures are named at once.
MOST_IDS = 10_000


@dataclass(frozen=True)
class Context:
    """The library's folder, small copies of its pictures, the one database, whose each picture is, and inputs.

    `tell` wakes whoever waits for news, after a change is on the disk.
    """

    folder: Path
    thumbnails: Thumbnails
    database: Database
    owners: Owners
    inputs: InputStore
    tell: Callable[[], None]


def seen(owners: Owners, who: Identity, column: str = "owner") -> tuple[str, list[str]]:
    """The condition that a row is one that who asks may see, and its values."""
    visible = owners.seen_by(who)
    return ("1", []) if visible is None else (f"{column} IN ({marks(visible)})", [*visible])


def numbers_of(rows: Connection, owners: Owners, ids: Sequence[str], who: Identity) -> list[int]:
    """The rows of these pictures; NotFound where one is none that who asks may see, InvalidRequest for too many."""
    wanted = [one for one in dict.fromkeys(ids) if is_text(one)]
    if len(wanted) > MOST_IDS:
        raise InvalidRequest(f"{len(wanted)} pictures are too many at once; the limit is {MOST_IDS}.", "Choose fewer.")
    condition, values = seen(owners, who)
    found: dict[str, int] = {}
    for some in batches(wanted):
        query = f"SELECT id, number FROM pictures WHERE id IN ({marks(some)}) AND {condition}"  # noqa: S608
        found.update(map(tuple, rows.execute(query, (*some, *values)).fetchall()))
    if len(found) < len(set(ids)):
        raise NotFound("There is no such picture in your library.", "It may be deleted; look at the library again.")
    return [found[one] for one in wanted]
