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
from studio.library.context import Context, seen
from studio.library.entry import Entry, Facet, Order, Page
from studio.library.meaning import Meanings
from studio.library.query import WORDS, Query, Term
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
ABOUT = "about"
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
        self._facets: tuple[tuple[Any, ...], dict[str, tuple[Facet, ...]]] | None = None
        self._lock = threading.Lock()
        self.meanings = Meanings()

    def page(self, query: Query, who: Identity, position: int | str, count: int, order: Order) -> Page:
        """Pictures of a search, as `LibraryIndex.search` says."""
        count = max(1, min(count, MOST))
        with self._context.database.read() as rows:
            if query.of(ABOUT):
                return self._nearest_page(rows, query, who, position, count)
            condition = self._condition(rows, query, who)
            total = self._total(rows, condition)
            found, following = _numbers(rows, condition, position, count, order)
            return Page(self.entries(rows, found), total, following)

    def numbers(self, rows: Connection, query: Query, who: Identity) -> list[int]:
        """All rows that a query finds, newest first, or the nearest in meaning."""
        one, wanted = self._condition(rows, query, who), [term.value for term in query.of(ABOUT)]
        columns = "number, prompt" if wanted else "number"
        order = ORDERS["newest"][0]
        found = rows.execute(f"SELECT {columns} FROM {one.source} WHERE {one.where} ORDER BY {order}", one.values)  # noqa: S608
        if wanted:
            return self.meanings.nearest(wanted, [(int(number), str(prompt)) for number, prompt in found])
        return [int(number) for (number,) in found]

    def _nearest_page(self, rows: Connection, query: Query, who: Identity, position: int | str, count: int) -> Page:
        """Pictures by what their prompts mean; a place among them is a number."""
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
            key = (changes(rows), *values)
            with self._lock:
                if self._facets and self._facets[0] == key:
                    return self._facets[1]
            shown = f"SELECT number FROM pictures INDEXED BY pictures_shown WHERE {SHOWN} AND {condition}"  # noqa: S608
            query = f"""SELECT kind, names.name, COUNT(*) AS count FROM picture_named
                JOIN picture_names AS names ON names.number = picture_named.name
                WHERE picture IN ({shown}) GROUP BY names.number ORDER BY count DESC, names.name"""  # noqa: S608
            found: dict[str, list[Facet]] = {kind: [] for kind in FACETS}
            for kind, name, count in rows.execute(query, values):
                found[kind].append(Facet(name, count, str(Term(name, kind, "="))))
        result = {kind: tuple(facets) for kind, facets in found.items()}
        with self._lock:
            self._facets = (key, result)
        return result

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
        same = ("id", "digest", "width", "height", "bytes", "created", "task", "kind", "job", "item", "tool", "prompt")
        more = ("negative_prompt", "seed", "steps", "guidance", "scheduler", "seconds", "rating", "note", "binned")
        return Entry(
            path=path,
            name=row["name"] or (path.name if path else ""),
            models=of["model"],
            loras=of["lora"],
            controls=of["control"],
            tags=of["tag"],
            boards=tuple(boards),
            scores=scores,
            star=bool(row["star"]),
            **{name: row[name] for name in (*same, *more)},
        )


def _is_column(term: Term) -> bool:
    return term.field not in (WORDS, "negative", ABOUT)


def _words(query: Query) -> list[tuple[str, Sequence[Any]]]:
    """The conditions on words; the index of words is asked once where one of them has to be there."""
    found: list[tuple[str, Sequence[Any]]] = []
    there: list[str] = []
    absent: list[str] = []
    for term in query.terms:
        if _is_column(term) or term.field == ABOUT:
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
        raise InvalidRequest("This is not a place in the library.", "Begin again at the first page.")
    created, number = found.groups()
    return [int(number)] if created is None else [float(created), int(number)]


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
