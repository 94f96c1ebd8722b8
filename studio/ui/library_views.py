"""What the page sees of the library, as plain data: pictures, boards, names to search by, relatives, the disk."""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated
from urllib.parse import quote

from pydantic import Field
from typing_extensions import TypedDict

from studio import hub
from studio.errors import InvalidRequest, NotFound, StudioError
from studio.gate.addresses import PREFIX
from studio.gate.identity import Identity
from studio.library import Board, Entry, Facet, Order, Tree
from studio.library.context import MOST_IDS
from studio.library.entry import Sum
from studio.library.filters import FILTERS
from studio.library.filters import KINDS as KIND_COLUMNS
from studio.library.query import Query, Term
from studio.library.thumbnails import SHOWN, SIDE, WHOLE
from studio.studio import Studio
from studio.ui.consent import Consent
from studio.ui.events import Words
from studio.ui.pictures import check_words, model_name, telling_name, thumbnail
from studio.ui.schemas.library import (
    LibraryBoard,
    LibraryFacets,
    LibraryFacts,
    LibraryIds,
    LibraryPage,
    LibraryPicture,
    LibraryRelative,
    LibraryTints,
    LibraryTree,
    LibraryWork,
)

THUMBNAILS = "studio/thumbnails/"
DIGEST_CHARACTERS = 12
# A side of a small copy of what the library does not have as a picture.
SMALL_SIDE = 160
TITLES = {"model": "Models", "lora": "LoRAs", "control": "ControlNet", "tag": "Tags"}
# How kinds are called, by what finds them.
KINDS = {
    "text2img": "Text to image",
    "img2img": "Image to image",
    "inpaint": "Inpainting",
    "upscale": "Upscale",
    "candidates": "Candidates",
    "grid": "Grids",
    "comparison": "Comparisons",
    "imported": "Imported",
}
# What stands where nobody knows a picture's colours.
GREY = 0x808080
# What one search gives at once.
MOST_AT_ONCE = 500


class Searching(TypedDict):
    """A search, and which of the pictures that it finds."""

    query: Words
    order: Order
    start: Annotated[int, Field(ge=0, le=10**9)]
    count: Annotated[int, Field(ge=1, le=MOST_IDS)]


def page(studio: Studio, wanted: Searching, who: Identity) -> LibraryPage:
    """Some of the pictures that a search finds; InvalidRequest names the word at fault."""
    found = studio.index.search(wanted["query"], who, wanted["start"], wanted["count"], wanted["order"])
    names = {name: model_name(studio, name) for entry in found.entries for name in entry.models}
    return {"total": found.total, "pictures": [_picture(studio, entry, who, names) for entry in found.entries]}


def tints(studio: Studio, wanted: Searching, who: Identity) -> LibraryTints:
    """The mean colours of the pictures that a search finds between two places."""
    found = studio.index.tints(wanted["query"], who, wanted["start"], wanted["count"], wanted["order"])
    rgb = b"".join((one if one >= 0 else GREY).to_bytes(3) for one in found)
    return {"rgb": b64encode(rgb).decode()}


def ids(studio: Studio, wanted: Searching, who: Identity) -> LibraryIds:
    """The ids of the pictures that a search finds between two places."""
    found: list[str] = []
    start, end = wanted["start"], wanted["start"] + wanted["count"]
    for place in range(start, end, MOST_AT_ONCE):
        count = min(MOST_AT_ONCE, end - place)
        entries = studio.index.search(wanted["query"], who, place, count, wanted["order"]).entries
        found += [entry.id for entry in entries]
        if len(entries) < count:
            break
    return {"ids": found}


def picture(studio: Studio, entry: Entry, who: Identity) -> LibraryPicture:
    """A picture of the library, without a look at its file."""
    return _picture(studio, entry, who, {name: model_name(studio, name) for name in entry.models})


def _picture(studio: Studio, entry: Entry, who: Identity, names: Mapping[str, str]) -> LibraryPicture:
    """The same, where it is known how models are called."""
    token = studio.addresses.token(entry.path, who) if entry.path else ""
    own = not entry.tool
    hidden = entry.path is not None and entry.path.suffix.lower() not in SHOWN
    return {
        "id": entry.id,
        "key": entry.id,
        "which": {"stored": token},
        "done": True,
        "width": entry.width,
        "height": entry.height,
        "prompt": entry.prompt,
        "negative": entry.negative_prompt,
        "shown": small(entry),
        "file": f"{PREFIX}{quote(token)}" if token else "",
        "view": small(entry, WHOLE) if hidden else "",
        "name": telling_name(entry.path, entry.prompt, entry.seed, entry.created)
        if entry.path and entry.task
        else entry.name,
        "task": entry.task if own else "",
        "seed": entry.seed,
        "seconds": entry.seconds or 0.0,
        "model": ", ".join(names[name] for name in entry.models) or entry.tool,
        "how": "",
        "loras": ", ".join(entry.loras),
        "check": check_words(entry.safety),
        "star": entry.star,
        "rating": entry.rating,
        "created": entry.created,
        "kind": entry.kind,
        "tool": entry.tool,
        "tags": list(entry.tags),
        "boards": list(entry.boards),
        "note": entry.note,
        "binned": entry.binned is not None,
        "tint": "" if entry.tint is None or entry.tint < 0 else f"#{entry.tint:06x}",
    }


def small(entry: Entry, side: int = SIDE) -> str:
    """The address of a picture's small copy; it changes with its pixels."""
    return f"{THUMBNAILS}{side}/{entry.digest[:DIGEST_CHARACTERS]}/{entry.id}"


def facts(studio: Studio, who: Identity) -> LibraryFacts:
    """What there is beside the pictures, and what all of them take."""
    index = studio.index
    changes, usage, known = index.serial(), index.usages.of(who), index.facets(who)
    shown = [one for one in index.usages.sums(who) if not one.binned]
    most = "" if usage.most is None else f" of {hub.in_words(usage.most)}"
    return {
        "changes": changes,
        "about": index.knows_meanings,
        "sees": index.sees,
        "most": MOST_IDS,
        "all": usage.count,
        "starred": sum(one.count for one in shown if one.star),
        "binned": usage.binned_count,
        "boards": _boards(studio, who),
        "facets": [*_facets(studio, known), *_kinds(shown)],
        "tags": [facet.name for facet in known["tag"]],
        "filters": [
            {"help": one.help, "example": one.example}
            for name, one in FILTERS.items()
            if name != "about" or index.knows_meanings
        ],
        "used": f"{hub.in_words(usage.total)}{most}",
        "free": hub.in_words(usage.free),
        "cleared": _cleared(usage.cleared),
    }


def _cleared(cleared: tuple[int, int, float] | None) -> str:
    if cleared is None:
        return ""
    count, size_bytes, _ = cleared
    return f"{count:,} cleared so far of unused inputs, maps and filmstrips ({hub.in_words(size_bytes)})"


def _facets(studio: Studio, known: Mapping[str, Sequence[Facet]]) -> Iterator[LibraryFacets]:
    for kind, title in TITLES.items():
        names = [model_name(studio, one.name) if kind == "model" else one.name for one in known[kind]]
        yield {
            "title": title,
            "values": [
                {"name": name, "count": one.count, "term": one.term}
                for name, one in zip(names, known[kind], strict=True)
            ],
        }


def _kinds(shown: Sequence[Sum]) -> Iterator[LibraryFacets]:
    counts = {kind: _count_of(kind, shown) for kind in KINDS}
    yield {
        "title": "Kinds",
        "values": [
            {"name": KINDS[kind], "count": count, "term": f"kind:{kind}"} for kind, count in counts.items() if count
        ],
    }


def _count_of(kind: str, shown: Sequence[Sum]) -> int:
    column, stored = KIND_COLUMNS[kind]
    return sum(one.count for one in shown if getattr(one, column) == stored)


def _boards(studio: Studio, who: Identity) -> list[LibraryBoard]:
    boards = studio.index.marks.boards(who)
    covers = {entry.id: entry for entry in _covers(studio, boards, who)}
    return [
        {
            "id": board.id,
            "name": board.name,
            "count": board.count,
            "cover": small(covers[board.cover]) if board.cover in covers else "",
            "term": str(Term(board.name, "board", "=")),
        }
        for board in boards
    ]


def _covers(studio: Studio, boards: Sequence[Board], who: Identity) -> Sequence[Entry]:
    try:
        return studio.index.entries([board.cover for board in boards if board.cover], who)
    except NotFound:  # one was deleted between the two looks
        return ()


def repeat(
    studio: Studio, picture: str, ids: Sequence[str], board: str, prompts: Sequence[str], who: Identity
) -> LibraryWork:
    """Begin to do to other pictures, or with other prompts, what was done to one; StudioError where that cannot be."""
    (entry,) = studio.index.entries([picture], who)
    if entry.path is None:
        raise NotFound(f"{entry.name or 'The picture'} is no longer there.", "Choose another one.")
    named = {one.id: one.name for one in studio.index.marks.boards(who)}
    if board:
        ids = studio.index.ids(Query((Term(named.get(board, board), "board", "="),)), who)
    paths = [one.path for one in studio.index.entries(ids, who) if one.path and one.id != picture]
    if not (paths or prompts):
        raise InvalidRequest("There is no other picture to do it to.", "Choose pictures, a board, or write prompts.")
    planned = studio.repeats.plan(studio.repeats.way(entry.path, who), who, paths=paths, prompts=prompts)
    later = [recipe for recipe in planned.later if studio.is_hosted(recipe)]
    Consent(studio).check([*planned.recipes, *later * len(planned.recipes)], who)
    studio.repeats.begin(planned, who)
    return {"count": len(planned.recipes), "steps": 1 + len(planned.later)}


def tree(studio: Studio, id: str, who: Identity) -> LibraryTree:  # noqa: A002 - what it is called everywhere
    """What a picture came from and what was made from it; NotFound."""
    lineage = studio.index.lineage
    return {
        "sources": list(_relatives(studio, lineage.came_from(id, who), who)),
        "results": list(_relatives(studio, lineage.made_from(id, who), who)),
    }


def _relatives(studio: Studio, trees: Sequence[Tree], who: Identity, depth: int = 0) -> Iterator[LibraryRelative]:
    for one in trees:
        entry = one.link.entry if one.link.entry and one.link.entry.path else None
        yield {
            "role": one.link.role,
            "depth": depth,
            "shown": small(entry) if entry else _input(studio, one.link.digest, who),
            "picture": picture(studio, entry, who) if entry else None,
        }
        yield from _relatives(studio, one.below, who, depth + 1)


def _input(studio: Studio, digest: str, who: Identity) -> str:
    """The small copy of a stored input that who asks brought; empty where there is none."""
    if digest not in studio.inputs.holds(who, [digest]):
        return ""
    try:
        return thumbnail(studio, studio.inputs.path(digest), SMALL_SIDE, who)
    except StudioError:
        return ""
