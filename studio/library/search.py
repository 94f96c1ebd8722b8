"""From a query to the pictures it finds: a page at a time, counted once for as long as nothing changes."""

import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection, Row
from typing import Any

from studio.errors import InvalidRequest
from studio.gate.identity import Identity
from studio.library.alike import UNSEEN, Alike
from studio.library.context import Context, numbers_of, seen
from studio.library.entry import FACTS, Entry, Facet, Order, Page
from studio.library.meaning import Meanings
from studio.library.query import ABOUT, LIKE, NEARNESS, WORDS, Query, Term
from studio.library.rows import batches, changes, marks, names_of
from studio.library.words import folded, phrase

MOST = 500
MOST_COUNTS = 256
# A place behind all pictures, and how one is written.
LAST = 10**12
PLACE = re.compile(r"(?:(-?\d{1,12}(?:\.\d{1,20})?)/)?(\d{1,12})", re.ASCII)
SHOWN = "path IS NOT NULL AND binned IS NULL"
# Order, and what comes behind a picture in it.
ORDERS: dict[Order, tuple[str, str]] = {
    "newest": ("created DESC, number DESC", "(created, number) < (?, ?)"),
    "oldest": ("created, number", "(created, number) > (?, ?)"),
}
BY_SCORE = """(SELECT value FROM picture_scores WHERE metric = 'aesthetic' AND picture = number) DESC NULLS LAST,
    created DESC, number DESC"""
FIND = "SELECT picture_words.rowid FROM picture_words WHERE picture_words MATCH ?"
FACETS = ("model", "lora", "control", "tag")


@dataclass(frozen=True)
class Condition:
    """A condition on rows of `pictures`; `source` is the table with the index that it is read by."""

    source: str
    where: str
    values: tuple[Any, ...]


class Search:
    """Searches for who asks: nobody finds another's pictures."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._counts: OrderedDict[tuple[Any, ...], int] = OrderedDict()
        self._lock = threading.Lock()
        self.meanings = Meanings()
        self.alike = Alike(context)

    def page(self, query: Query, who: Identity, position: int | str, count: int, order: Order) -> Page:
        """Pictures of a search, as `LibraryIndex.search` says."""
        count = max(1, min(count, MOST))
        with self._context.database.read() as rows:
            if any(query.of(field) for field in NEARNESS):
                return self._nearest_page(rows, query, who, position, count)
            condition = self._condition(rows, query, who)
            total = self._total(rows, condition)
            found, following = _numbers(rows, condition, position, count, order)
            return Page(self.entries(rows, found), total, following)

    def tints(self, query: Query, who: Identity, start: int, count: int, order: Order) -> list[int]:
        """The mean colours of the pictures of a search from a place on, 0xRRGGBB, -1 where one is not known."""
        if any(query.of(field) for field in NEARNESS):
            return []
        sort, _ = ORDERS.get(order, (BY_SCORE, ""))
        with self._context.database.read() as rows:
            one = self._condition(rows, query, who)
            found = f"SELECT tint FROM {one.source} WHERE {one.where} ORDER BY {sort} LIMIT ? OFFSET ?"  # noqa: S608
            return [UNSEEN if tint is None else tint for (tint,) in rows.execute(found, (*one.values, count, start))]

    def numbers(self, rows: Connection, query: Query, who: Identity) -> list[int]:
        """All rows that a query finds, newest first, or the nearest in meaning or in look."""
        one, wanted = self._condition(rows, query, who), [term.value for term in query.of(ABOUT)]
        columns = "number, prompt" if wanted else "number"
        order = ORDERS["newest"][0]
        rows_found = rows.execute(f"SELECT {columns} FROM {one.source} WHERE {one.where} ORDER BY {order}", one.values)  # noqa: S608
        if wanted:
            found = self.meanings.nearest(wanted, [(int(number), str(prompt)) for number, prompt in rows_found])
        else:
            found = [int(number) for (number,) in rows_found]
        for term in query.of(LIKE):
            found = self._like(rows, term.value, found, who)
        return found

    def _like(self, rows: Connection, picture: str, numbers: Sequence[int], who: Identity) -> list[int]:
        """Those of these pictures that look like one, which who asks may see, the most alike first."""
        (one,) = numbers_of(rows, self._context.owners, [picture], who)
        digests = [(number, digest) for some in batches([one, *numbers]) for number, digest in _digests(rows, some)]
        return self.alike.nearest(rows, dict(digests)[one], digests[1:])

    def _nearest_page(self, rows: Connection, query: Query, who: Identity, position: int | str, count: int) -> Page:
        """Pictures by how near they are; a place among them is a number."""
        start = position if isinstance(position, int) else int(_bounds(position)[-1])
        found = self.numbers(rows, query, who)
        following = str(start + count) if start + count < len(found) else ""
        return Page(self.entries(rows, found[max(start, 0) : start + count]), len(found), following)

    def entries(self, rows: Connection, numbers: Sequence[int]) -> tuple[Entry, ...]:
        """The pictures of these rows, in this order."""
        return tuple(entry for some in batches(numbers) for entry in self._entries(rows, some))

    def _entries(self, rows: Connection, numbers: Sequence[int]) -> tuple[Entry, ...]:
        query = f"SELECT * FROM pictures WHERE number IN ({marks(numbers)})"  # noqa: S608 - question marks
        found = {row["number"]: row for row in rows.execute(query, numbers)}
        names, boards, scores = names_of(rows, numbers), _boards(rows, numbers), _scores(rows, numbers)
        return tuple(
            self._entry(found[one], names.get(one, []), boards.get(one, ()), scores.get(one, {}))
            for one in numbers
            if one in found
        )

    def facets(self, who: Identity) -> dict[str, tuple[Facet, ...]]:
        """Models, LoRAs, kinds of control and tags of all pictures that are shown, the most frequent first."""
        with self._context.database.read() as rows:
            condition, values = seen(self._context.owners, who)
            query = f"""SELECT kind, names.name, SUM(count) AS count FROM picture_counts
                JOIN picture_names AS names ON names.number = picture_counts.name
                WHERE {condition} GROUP BY names.number HAVING SUM(count) > 0 ORDER BY 3 DESC, names.name"""  # noqa: S608
            found: dict[str, list[Facet]] = {kind: [] for kind in FACETS}
            for kind, name, count in rows.execute(query, values):
                found[kind].append(Facet(name, count, str(Term(name, kind, "="))))
        return {kind: tuple(facets) for kind, facets in found.items()}

    def _condition(self, rows: Connection, query: Query, who: Identity) -> Condition:
        visible, values = seen(self._context.owners, who)
        is_bin = any(term.field == "bin" for term in query.terms)
        source = "pictures" if is_bin else "pictures INDEXED BY pictures_shown"
        conditions, all_values = ["path IS NOT NULL" if is_bin else SHOWN, visible], [*values]
        for where, given in (
            *_words(query),
            *(self._where(rows, term, who) for term in query.terms if _is_column(term)),
        ):
            conditions.append(where)
            all_values += given
        return Condition(source, " AND ".join(conditions), tuple(all_values))

    def _where(self, rows: Connection, term: Term, who: Identity) -> tuple[str, Sequence[Any]]:
        kind = term.filter.named
        names = self._names(rows, term, who) if kind else []
        where, values = term.filter.where(term.op, term.value, names)
        return (f"({where}) IS NOT TRUE", values) if term.excluded else (where, values)

    def _names(self, rows: Connection, term: Term, who: Identity) -> list[int]:
        """The numbers of the names, or of one's own boards, that a term means."""
        if term.field == "board":
            condition, values = seen(self._context.owners, who)
            known = rows.execute(f"SELECT number, name FROM boards WHERE {condition}", values)  # noqa: S608
        else:
            known = rows.execute("SELECT number, name FROM picture_names WHERE kind = ?", (term.field,))
        wanted = folded(term.value)
        if term.op == "=":
            return [number for number, name in known if folded(name) == wanted]
        return [number for number, name in known if wanted in folded(name)]

    def _total(self, rows: Connection, one: Condition) -> int:
        key = (changes(rows), one)
        with self._lock:
            if key in self._counts:
                self._counts.move_to_end(key)
                return self._counts[key]
        query = f"SELECT COUNT(*) FROM {one.source} WHERE {one.where}"  # noqa: S608 - from above
        total = int(rows.execute(query, one.values).fetchone()[0])
        with self._lock:
            self._counts[key] = total
            while len(self._counts) > MOST_COUNTS:
                self._counts.popitem(last=False)
        return total

    def _entry(
        self, row: Row, names: Sequence[tuple[str, str]], boards: Sequence[str], scores: dict[str, float]
    ) -> Entry:
        of = {kind: tuple(name for one, name in names if one == kind) for kind in FACETS}
        path = self._context.folder / row["path"] if row["path"] else None
        facts = {name: row[name] for name in (*FACTS, "tint", "rating", "note", "binned")}
        return Entry(
            **{**facts, "name": row["name"] or (path.name if path else "")},
            path=path,
            models=of["model"],
            loras=of["lora"],
            controls=of["control"],
            tags=of["tag"],
            boards=tuple(boards),
            scores=scores,
            star=bool(row["star"]),
        )


def _is_column(term: Term) -> bool:
    return term.field not in (WORDS, "negative", *NEARNESS)


def _words(query: Query) -> list[tuple[str, Sequence[Any]]]:
    """The conditions on words; the index of words is asked once where one of them has to be there."""
    found: list[tuple[str, Sequence[Any]]] = []
    there: list[str] = []
    absent: list[str] = []
    for term in query.terms:
        if _is_column(term) or term.field in NEARNESS:
            continue
        columns = "negative" if term.field == "negative" else "prompt beside"
        wanted = phrase(term.value, exact=term.op == "=")
        if wanted:
            (absent if term.excluded else there).append(f"{{{columns}}} : {wanted}")
        else:  # signs alone, which are no words
            plain = "instr(negative_prompt, ?)" if columns == "negative" else "instr(prompt || ' ' || note, ?)"
            found.append((f"NOT {plain}" if term.excluded else plain, [term.value]))
    without = " OR ".join(absent)
    if there:
        words = f"({' AND '.join(there)})" + (f" NOT ({without})" if absent else "")
        return [(f"number IN ({FIND})", [words]), *found]
    return [(f"number NOT IN ({FIND})", [without]), *found] if absent else found


def _numbers(rows: Connection, one: Condition, position: int | str, count: int, order: Order) -> tuple[list[int], str]:
    """The rows of a page, and where the next begins: behind its last picture, or where sorted by score, at a number."""
    sort, behind = ORDERS.get(order, (BY_SCORE, ""))
    where, values, skipped = one.where, [*one.values], min(position, LAST) if isinstance(position, int) else 0
    if isinstance(position, str):
        bounds = _bounds(position)
        if behind and len(bounds) == 2:
            where, values = f"{where} AND {behind}", [*values, *bounds]
        else:
            skipped = int(bounds[-1])
    query = f"SELECT number, created FROM {one.source} WHERE {where} ORDER BY {sort} LIMIT ? OFFSET ?"  # noqa: S608
    found = rows.execute(query, (*values, count + 1, max(skipped, 0))).fetchall()
    page = found[:count]
    if len(found) <= count:
        following = ""
    elif behind:
        following = f"{page[-1]['created']!r}/{page[-1]['number']}"
    else:
        following = f"{skipped + count}"
    return [int(row["number"]) for row in page], following


def _bounds(position: str) -> list[float]:
    """What a place says: a number, or when its last picture was made and that one's number."""
    found = PLACE.fullmatch(position)
    if not found:
        raise InvalidRequest("This is not a place in the library.", "Start again from the first page.")
    created, number = found.groups()
    return [int(number)] if created is None else [float(created), int(number)]


def _digests(rows: Connection, numbers: Sequence[int]) -> list[tuple[int, str]]:
    query = f"SELECT number, digest FROM pictures WHERE number IN ({marks(numbers)})"  # noqa: S608 - question marks
    found = {int(number): str(digest) for number, digest in rows.execute(query, numbers)}
    return [(number, found[number]) for number in numbers if number in found]


def _boards(rows: Connection, numbers: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    query = f"""SELECT picture, id FROM board_pictures JOIN boards ON boards.number = board
        WHERE picture IN ({marks(numbers)}) ORDER BY boards.name"""  # noqa: S608 - question marks
    for picture, board in rows.execute(query, numbers):
        found.setdefault(picture, []).append(board)
    return found


def _scores(rows: Connection, numbers: Sequence[int]) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = {}
    query = f"SELECT picture, metric, value FROM picture_scores WHERE picture IN ({marks(numbers)})"  # noqa: S608
    for picture, metric, value in rows.execute(query, numbers):
        found.setdefault(picture, {})[metric] = value
    return found
