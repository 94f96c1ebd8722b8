"""What was said of a picture, as a JSON file beside it: written on export and on request, read where one comes in."""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from studio.library import rows as index_rows
from studio.library.entry import Entry
from studio.library.marks import MOST_NOTE, MOST_TAGS, RATINGS, is_name
from studio.metrics import METRICS
from studio.parsing import ParseError, load_json

VERSION = 1
MOST_BYTES, MOST_BOARDS = 200_000, 50


def of(entry: Entry, boards: Mapping[str, str]) -> str:
    """The sidecar of a picture; `boards` are the names of boards by their ids."""
    facts = {
        "image-studio-sidecar": VERSION,
        "id": entry.id,
        "digest": entry.digest,
        "star": entry.star,
        "rating": entry.rating,
        "note": entry.note,
        "tags": list(entry.tags),
        "boards": [boards[board] for board in entry.boards if board in boards],
        "scores": dict(entry.scores),
    }
    return json.dumps(facts, ensure_ascii=False, indent=1)


def beside(path: Path) -> Mapping[str, Any] | None:
    """The sidecar of a picture's file; None where there is none that can be read."""
    for place in (path.with_name(f"{path.name}.json"), path.with_suffix(".json")):
        with suppress(OSError, ParseError):
            if not place.is_symlink() and place.stat().st_size <= MOST_BYTES:
                found = load_json(place)
                if isinstance(found, dict) and found.get("image-studio-sidecar") == VERSION:
                    return found
    return None


def apply(rows: Connection, number: int, whose: str, marked: Mapping[str, Any]) -> None:
    """Say all that of the picture in this row, which is `whose`; what of it cannot be is left out."""
    if marked.get("star") is True:
        rows.execute("UPDATE pictures SET star = 1 WHERE number = ?", (number,))
    if isinstance(rating := marked.get("rating"), int) and rating in RATINGS:
        rows.execute("UPDATE pictures SET rating = ? WHERE number = ?", (rating, number))
    if isinstance(note := marked.get("note"), str) and note.strip():
        rows.execute("UPDATE pictures SET note = ? WHERE number = ?", (note.strip()[:MOST_NOTE], number))
    for tag in _names(marked.get("tags"), MOST_TAGS):
        put = (index_rows.name_number(rows, index_rows.TAG, tag), number)
        rows.execute("INSERT OR IGNORE INTO picture_named (name, picture) VALUES (?, ?)", put)
    for name in _names(marked.get("boards"), MOST_BOARDS):
        place = (_board(rows, name, whose), number, time.time())
        rows.execute("INSERT OR IGNORE INTO board_pictures (board, picture, added) VALUES (?, ?, ?)", place)
    put_score = "INSERT OR IGNORE INTO picture_scores (picture, metric, value) VALUES (?, ?, ?)"
    rows.executemany(put_score, [(number, name, value) for name, value in _scores(marked.get("scores"))])
    index_rows.write_words(rows, number)
    index_rows.changed(rows)


def _board(rows: Connection, name: str, whose: str) -> int:
    """The number of a board of this name, which is there from now on."""
    board = (secrets.token_urlsafe(9), whose, name, time.time())
    rows.execute("INSERT OR IGNORE INTO boards (id, owner, name, created) VALUES (?, ?, ?, ?)", board)
    return int(rows.execute("SELECT number FROM boards WHERE owner = ? AND name = ?", (whose, name)).fetchone()[0])


def _scores(value: Any) -> Sequence[tuple[str, float]]:
    """What of a mapping can be scores of metrics, or how a vote ended."""
    known = {*METRICS, index_rows.VOTE}
    pairs = value.items() if isinstance(value, dict) else ()
    return [(name, float(one)) for name, one in pairs if name in known and isinstance(one, int | float)]


def _names(value: Any, most: int) -> Sequence[str]:
    """What of a list can be names of tags or boards."""
    texts = [" ".join(one.split()) for one in value if isinstance(one, str)] if isinstance(value, list) else []
    return [one for one in texts if is_name(one)][:most]
