"""What was said of a picture, as a JSON file beside it: written on export, and read where the picture is imported."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from studio.errors import AlreadyExists, InvalidRequest
from studio.gate.identity import Identity
from studio.library.entry import Entry
from studio.library.marks import MOST_NOTE, Marks
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


def apply(marks: Marks, picture: str, marked: Mapping[str, Any], who: Identity) -> None:
    """Say all that of a picture; what of it cannot be is left out."""
    if marked.get("star") is True:
        marks.star([picture], who)
    with suppress(InvalidRequest):
        if isinstance(rating := marked.get("rating"), int):
            marks.rate([picture], rating, who)
    if isinstance(note := marked.get("note"), str) and note.strip():
        marks.note(picture, note[:MOST_NOTE], who)
    for tag in _texts(marked.get("tags")):
        with suppress(InvalidRequest):
            marks.tag([picture], who, add=[tag])
    for name in _texts(marked.get("boards")):
        with suppress(InvalidRequest):
            marks.put([picture], _board(marks, name, who), who)


def _board(marks: Marks, name: str, who: Identity) -> str:
    with suppress(AlreadyExists):
        return marks.add_board(name, who).id
    wanted = " ".join(name.split())
    return next(board.id for board in marks.boards(who) if board.name == wanted)


def _texts(value: Any) -> Sequence[str]:
    return [one for one in value if isinstance(one, str)][:MOST_BOARDS] if isinstance(value, list) else []
