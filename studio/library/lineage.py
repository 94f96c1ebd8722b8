"""What a picture came from and what was made from it, found by the digests of pixels that recipes name.

A stored input is called by the digest of its pixels, which for a picture of the library is that of the picture itself.
"""

from collections.abc import Callable
from sqlite3 import Connection

from studio.gate.identity import Identity
from studio.library.context import Context, numbers_of, seen
from studio.library.entry import Link, Role, Tree
from studio.library.search import Search

MOST_NODES, MOST_DEPTH = 60, 6
Found = list[tuple[Role, str, int | None]]


class Lineage:
    """Follows pictures to their sources and to what was made of them, as far as who asks may see."""

    def __init__(self, context: Context, search: Search) -> None:
        self._context = context
        self._search = search

    def came_from(self, picture: str, who: Identity) -> tuple[Tree, ...]:
        """What the picture was made from, with what that was made from below it; NotFound."""
        return self._tree(picture, who, self._sources)

    def made_from(self, picture: str, who: Identity) -> tuple[Tree, ...]:
        """What was made from the picture, newest first, with what was made from that below it; NotFound."""
        return self._tree(picture, who, self._results)

    def _tree(
        self, picture: str, who: Identity, step: Callable[[Connection, int, Identity], Found]
    ) -> tuple[Tree, ...]:
        with self._context.database.read() as rows:
            (number,) = numbers_of(rows, self._context.owners, [picture], who)
            return self._below(rows, number, who, step, {number}, MOST_DEPTH)

    def _below(
        self,
        rows: Connection,
        number: int,
        who: Identity,
        step: Callable[[Connection, int, Identity], Found],
        been: set[int],
        depth: int,
    ) -> tuple[Tree, ...]:
        found: list[Tree] = []
        for role, digest, other in step(rows, number, who) if depth else []:
            if other is None:
                found.append(Tree(Link(role, digest, None)))
            elif other not in been and len(been) < MOST_NODES:
                been.add(other)
                (entry,) = self._search.entries(rows, [other])
                found.append(Tree(Link(role, digest, entry), self._below(rows, other, who, step, been, depth - 1)))
        return tuple(found)

    def _sources(self, rows: Connection, number: int, who: Identity) -> Found:
        condition, values = seen(self._context.owners, who)
        found: Found = []
        query = "SELECT role, digest FROM picture_inputs WHERE picture = ? ORDER BY role, digest"
        for role, digest in rows.execute(query, (number,)).fetchall():
            same = (
                f"SELECT number FROM pictures WHERE digest = ? AND number != ? AND {condition} ORDER BY number LIMIT 1"  # noqa: S608
            )
            row = rows.execute(same, (digest, number, *values)).fetchone()
            found.append((role, digest, int(row[0]) if row else None))
        varied = f"""SELECT number, digest FROM pictures WHERE base != '' AND {condition} AND base =
            (SELECT variation FROM pictures WHERE number = ?) ORDER BY number LIMIT 1"""  # noqa: S608
        for other, digest in rows.execute(varied, (*values, number)).fetchall():
            found.append(("variation", digest, other))
        return found

    def _results(self, rows: Connection, number: int, who: Identity) -> Found:
        condition, values = seen(self._context.owners, who)
        made = f"""SELECT role, pictures.digest, number FROM picture_inputs JOIN pictures ON number = picture
            WHERE picture_inputs.digest = (SELECT digest FROM pictures WHERE number = ?1) AND number != ?1
            AND {condition} ORDER BY created DESC LIMIT {MOST_NODES}"""  # noqa: S608
        varied = f"""SELECT 'variation', digest, number FROM pictures WHERE variation != '' AND {condition}
            AND variation = (SELECT base FROM pictures WHERE number = ?) ORDER BY created DESC LIMIT {MOST_NODES}"""  # noqa: S608
        found = [*rows.execute(made, (number, *values)), *rows.execute(varied, (*values, number))]
        return [(role, digest, other) for role, digest, other in found]
