"""The rows of the index: what a file tells is written over what it told before, and nothing else is touched."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from sqlite3 import Connection, Row
from typing import Any, TypeVar

from studio.library.facts import COLUMNS, ID_CHARACTERS, FileFacts, file_id
from studio.library.looks import tint
from studio.library.owners import UNKNOWN, Owners
from studio.library.words import indexed
from studio.storage.connections import parsed

T = TypeVar("T")

ADD = f"INSERT INTO pictures (id, owner, {', '.join(COLUMNS)}) VALUES ({', '.join('?' * (len(COLUMNS) + 2))})"  # noqa: S608
CHANGE = f"UPDATE pictures SET {', '.join(f'{name} = ?' for name in COLUMNS)} WHERE number = ?"  # noqa: S608
# What somebody said of a picture, so that its row stays when its file goes.
CHERISHED = """star OR binned IS NOT NULL OR rating IS NOT NULL OR note != ''
    OR EXISTS (SELECT 1 FROM board_pictures WHERE picture = number)
    OR EXISTS (SELECT 1 FROM picture_named JOIN picture_names ON picture_names.number = picture_named.name
        WHERE picture = pictures.number AND picture_names.kind = 'tag')"""
MADE_BY = (
    "SELECT job, items.number AS item, owner, kind FROM items JOIN jobs ON jobs.id = items.job WHERE items.path = ?"
)
# What is known of a picture by the item that made it: its scores, and what was last said of it as a candidate.
SCORES = "SELECT quick, slow FROM scores WHERE job = ? AND item = ?"
RATED = """SELECT star, rating FROM ratings JOIN candidate_jobs AS made ON made.set_id = ratings.set_id
    WHERE made.id = ? AND image = first + ? ORDER BY ratings.number DESC LIMIT 1"""
VOTED = "SELECT choice, left_path FROM votes JOIN pairs ON pairs.id = votes.pair WHERE ? IN (left_path, right_path)"
TAG = "tag"
# How a blind vote stands among a picture's scores.
VOTE = "vote"


def add(rows: Connection, folder: Path, owners: Owners, facts: FileFacts, whose: str | None = None) -> str:
    """Have the index know a file of the library's folder, new or known; returns the picture's id.

    A picture is known by its id, or by the digest of its pixels where its file had gone; it keeps its owner, who else
    is `whose`, or whom the file or a job tells.
    """
    made = rows.execute(MADE_BY, (facts.path,)).fetchone()
    if made and not facts.job:
        facts = replace(facts, job=made["job"], item=made["item"], kind=made["kind"])
    whose = whose if whose is not None else _owner(owners, facts, made)
    facts = replace(facts, id=facts.id or file_id(facts.mark, facts.digest))
    known = _known(rows, facts, whose)
    if known and known["path"] not in (None, facts.path) and (folder / known["path"]).is_file():
        # The file that is known by this id is still there, so that this one is a copy.
        facts = replace(facts, id=sha256(f"{facts.id} {facts.path}".encode()).hexdigest()[:ID_CHARACTERS])
        known = _known(rows, facts, whose)
    forget_path(rows, facts.path, but=known["number"] if known else None)
    values = [getattr(facts, name) for name in COLUMNS]
    if known:
        number, picture = int(known["number"]), str(known["id"])
        rows.execute(CHANGE, (*values, number))
    else:
        picture = facts.id
        number = int(rows.execute(ADD, (picture, whose, *values)).lastrowid or 0)
        _bring_marks(rows, number, facts)
    _write_names(rows, number, facts.names, but=TAG)
    rows.execute("DELETE FROM picture_inputs WHERE picture = ?", (number,))
    inputs = [(number, role, name) for role, name in sorted(facts.inputs)]
    rows.executemany("INSERT INTO picture_inputs (picture, role, digest) VALUES (?, ?, ?)", inputs)
    write_words(rows, number)
    write_look(rows, facts.digest, facts.look)
    changed(rows)
    return picture


def forget_path(rows: Connection, path: str, but: int | None = None) -> None:
    """The file at this path is not there, or is another picture's now; what was said of its picture stays."""
    which = "path = ? AND number IS NOT ?"
    rows.execute(f"DELETE FROM pictures WHERE {which} AND NOT ({CHERISHED})", (path, but))  # noqa: S608 - from above
    rows.execute(f"UPDATE pictures SET path = NULL WHERE {which}", (path, but))  # noqa: S608
    changed(rows)


def write_words(rows: Connection, number: int) -> None:
    """Have the words of a picture searched: its prompts, note, tags and, of one that was brought, its file's name."""
    row = rows.execute(
        "SELECT prompt, negative_prompt, note, name FROM pictures WHERE number = ?", (number,)
    ).fetchone()
    beside = " ".join((row["note"], row["name"], *(name for _, name in names_of(rows, [number], TAG).get(number, ()))))
    rows.execute("DELETE FROM picture_words WHERE rowid = ?", (number,))
    rows.execute(
        "INSERT INTO picture_words (rowid, prompt, beside, negative) VALUES (?, ?, ?, ?)",
        (number, *map(indexed, (row["prompt"], beside, row["negative_prompt"]))),
    )


def write_look(rows: Connection, digest: str, look: bytes) -> None:
    """Keep how the pictures with these pixels look; without a look, what is known of that already is theirs."""
    if look:
        rows.execute("INSERT OR REPLACE INTO picture_looks (digest, look) VALUES (?, ?)", (digest, look))
    else:
        found = rows.execute("SELECT look FROM picture_looks WHERE digest = ?", (digest,)).fetchone()
        look = found[0] if found else b""
    rows.execute("UPDATE pictures SET tint = ? WHERE digest = ?", (tint(look) if look else None, digest))


def names_of(rows: Connection, numbers: Sequence[int], kind: str = "") -> dict[int, list[tuple[str, str]]]:
    """The names that these pictures have, each with its kind, sorted."""
    found: dict[int, list[tuple[str, str]]] = {}
    query = f"""SELECT picture, kind, picture_names.name FROM picture_named
        JOIN picture_names ON picture_names.number = picture_named.name
        WHERE picture IN ({marks(numbers)}) ORDER BY picture_names.name"""  # noqa: S608 - question marks
    for picture, of, name in rows.execute(query, numbers):
        if kind in ("", of):
            found.setdefault(picture, []).append((of, name))
    return found


def name_number(rows: Connection, kind: str, name: str) -> int:
    """The number of a name, which is there from now on."""
    rows.execute("INSERT OR IGNORE INTO picture_names (kind, name) VALUES (?, ?)", (kind, name))
    query = "SELECT number FROM picture_names WHERE kind = ? AND name = ?"
    return int(rows.execute(query, (kind, name)).fetchone()[0])


def changed(rows: Connection) -> None:
    """Something is otherwise in the library from this transaction on."""
    rows.execute("UPDATE library_state SET value = value + 1 WHERE name = 'changes'")


def changes(rows: Connection) -> int:
    """How often something was changed so far."""
    return int(rows.execute("SELECT value FROM library_state WHERE name = 'changes'").fetchone()[0])


def marks(values: Sequence[object]) -> str:
    """As many question marks."""
    return ", ".join("?" * len(values))


def ids_of(rows: Connection, numbers: Sequence[int]) -> list[str]:
    """The ids of these rows, in their order."""
    query = f"SELECT number, id FROM pictures WHERE number IN ({marks(numbers)})"  # noqa: S608 - question marks
    found = dict(map(tuple, rows.execute(query, numbers).fetchall()))
    return [str(found[number]) for number in numbers if number in found]


def batches(values: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """The values, as many at a time as a statement takes."""
    return (values[start : start + size] for start in range(0, len(values), size))


def _known(rows: Connection, facts: FileFacts, whose: str) -> Row | None:
    query = "SELECT number, id, path FROM pictures WHERE"
    found: Row | None = rows.execute(f"{query} id = ?", (facts.id,)).fetchone()
    if found is None:
        gone = f"{query} digest = ? AND path IS NULL AND owner = ?"
        found = rows.execute(gone, (facts.digest, whose)).fetchone()
    return found


def _owner(owners: Owners, facts: FileFacts, made: Row | None) -> str:
    """Whom the file tells, or else the job that made it."""
    owner = owners.of_mark(facts.mark)
    return str(made["owner"]) if owner == UNKNOWN and made else owner


def add_scores(rows: Connection, job: str, item: int, scores: Mapping[str, float]) -> None:
    """What the metrics said of what an item made."""
    put = """INSERT OR REPLACE INTO picture_scores (picture, metric, value)
        SELECT number, ?, ? FROM pictures WHERE job = ? AND item = ?"""
    rows.executemany(put, [(name, value, job, item) for name, value in scores.items()])
    changed(rows)


def add_vote(rows: Connection, path: str, share: float) -> None:
    """What a picture got of the one point of a blind vote, shown beside another: 1 if it won, 0.5 if neither did."""
    put = """INSERT OR REPLACE INTO picture_scores (picture, metric, value)
        SELECT number, ?, ? FROM pictures WHERE path = ?"""
    rows.execute(put, (VOTE, share, path))
    changed(rows)


def remove_vote(rows: Connection, path: str) -> None:
    """Forget how a picture did in a blind vote that was taken back."""
    gone = "DELETE FROM picture_scores WHERE metric = ? AND picture = (SELECT number FROM pictures WHERE path = ?)"
    rows.execute(gone, (VOTE, path))
    changed(rows)


def rate_item(rows: Connection, job: str, item: int, values: Mapping[str, int | None]) -> None:
    """What the owner says of what an item made, by column: `star`, `rating`."""
    for column in values.keys() & {"star", "rating"}:
        change = f"UPDATE pictures SET {column} = ? WHERE job = ? AND item = ?"  # noqa: S608 - one of two
        rows.execute(change, (values[column], job, item))
    changed(rows)


def _bring_marks(rows: Connection, number: int, facts: FileFacts) -> None:
    """What was said of a picture before the index knew it, in a set of candidates or in the arena."""
    for choice, left in rows.execute(VOTED, (facts.path,)).fetchall():
        share = {"left": 1.0, "right": 0.0}.get(choice, 0.5)
        add_vote(rows, facts.path, share if left == facts.path else 1 - share)
    if not facts.job or facts.item is None:
        return
    place = (facts.job, facts.item)
    for row in rows.execute(SCORES, place).fetchall():
        for which in row:
            add_scores(
                rows, *place, {k: v for k, v in parsed(which, dict[str, Any]()).items() if isinstance(v, int | float)}
            )
    for star, rating in rows.execute(RATED, place).fetchall():
        rows.execute("UPDATE pictures SET star = ?, rating = ? WHERE number = ?", (bool(star), rating, number))


def _write_names(rows: Connection, number: int, names: Iterable[tuple[str, str]], but: str) -> None:
    """These are a picture's names from now on, besides those of the kind `but`, which stay."""
    others = "SELECT number FROM picture_names WHERE kind != ?"
    rows.execute(f"DELETE FROM picture_named WHERE picture = ? AND name IN ({others})", (number, but))  # noqa: S608
    numbers = [(name_number(rows, kind, name), number) for kind, name in sorted(names)]
    rows.executemany("INSERT OR IGNORE INTO picture_named (name, picture) VALUES (?, ?)", numbers)
