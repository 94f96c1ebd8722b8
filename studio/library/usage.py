"""How much room pictures take, how much each person may, and that there is some left before more is made."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from shutil import disk_usage
from sqlite3 import Connection

from studio.errors import LibraryFull
from studio.gate.identity import Identity
from studio.library.context import Context, seen
from studio.library.entry import Sum

MEGABYTE = 2**20


@dataclass(frozen=True)
class Usage:
    """What the pictures of who asks take, in bytes, and how many there are; those in the bin by themselves.

    `most` is what they may take, None without a bound; `free` is left on the disk. `cleared` tells, to whoever runs the
    studio, of inputs and control maps that nothing used: how many were cleared so far, their bytes, and when last.
    """

    count: int
    bytes: int
    binned_count: int
    binned_bytes: int
    most: int | None
    free: int
    cleared: tuple[int, int, float] | None = None

    @property
    def total(self) -> int:
        """All that counts towards what they may take: the bin, too, until it is emptied."""
        return self.bytes + self.binned_bytes


class Usages:
    """Counts what is stored; `most_mb` is what one person's pictures may take, in megabytes."""

    def __init__(self, context: Context, most_mb: int | None) -> None:
        self._context = context
        self._most = None if most_mb is None else most_mb * MEGABYTE

    def of(self, who: Identity) -> Usage:
        """What the pictures of who asks take."""
        shown, binned = (_total(one for one in self.sums(who) if one.binned == which) for which in (False, True))
        cleared = self._context.inputs.cleared() if who.keeps else None
        return Usage(*shown, *binned, self._most, self._free(), cleared)

    def sums(self, who: Identity) -> tuple[Sum, ...]:
        """How many pictures who asks has of each sort, counted as they come and go."""
        condition, values = seen(self._context.owners, who)
        with self._context.database.read() as rows:
            return _sums(rows, condition, values)

    def by_owner(self) -> dict[str, tuple[int, int]]:
        """How many pictures there are of each owner, as the index calls them, and their bytes; for an admin."""
        with self._context.database.read() as rows:
            found = rows.execute("SELECT owner, SUM(count), SUM(bytes) FROM picture_sums GROUP BY owner").fetchall()
        return {str(owner): (int(count), int(size)) for owner, count, size in found if count}

    def check(self, who: Identity, needed_bytes: int) -> None:
        """LibraryFull where so much more would be beyond what who asks may keep."""
        if self._most is None:
            return
        owners = [who.owner, self._context.owners.of_mark(self._context.owners.mark(who))]
        with self._context.database.read() as rows:
            _, kept = _total(_sums(rows, "owner IN (?, ?)", owners))
        if kept + needed_bytes > self._most:
            raise LibraryFull(
                f"Your pictures take {kept / MEGABYTE:.0f} MB of the {self._most / MEGABYTE:.0f} MB that they may, "
                f"and this needs up to {needed_bytes / MEGABYTE:.1f} MB.",
                "Delete some and empty the bin, or ask the studio's operator to raise STUDIO_LIBRARY_MB.",
            )

    def _free(self) -> int:
        """What is left on the disk of the library's folder, which may not be there yet."""
        for place in (self._context.folder, *self._context.folder.parents):
            with suppress(OSError):
                return disk_usage(place).free
        return 0


def _sums(rows: Connection, condition: str, values: Sequence[str]) -> tuple[Sum, ...]:
    query = f"""SELECT binned, star, task, kind, SUM(count), SUM(bytes) FROM picture_sums
        WHERE {condition} GROUP BY binned, star, task, kind HAVING SUM(count) > 0"""  # noqa: S608 - question marks
    found = rows.execute(query, values)
    return tuple(Sum(bool(binned), bool(star), *others) for binned, star, *others in found)


def _total(sums: Iterable[Sum]) -> tuple[int, int]:
    """How many pictures these are, and their bytes."""
    known = [*sums]
    return sum(one.count for one in known), sum(one.bytes for one in known)
