"""Library: everything that was made or brought, found again, kept in order and handed on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from studio.gate.identity import Identity
from studio.library.context import MOST_IDS
from studio.library.names import safe_stem
from studio.ui import library_views as views
from studio.ui.events import Act, Name, Nothing, Whole, Words, served
from studio.ui.island import Island
from studio.ui.library_views import Searching
from studio.ui.library_zips import ENDINGS, Form
from studio.ui.schemas.library import (
    LibraryFacts,
    LibraryFile,
    LibraryIds,
    LibraryImported,
    LibraryMade,
    LibraryNews,
    LibraryPage,
    LibraryQuery,
    LibraryTints,
    LibraryTree,
    LibraryWork,
)
from studio.ui.source import uploaded
from studio.ui.tabs.base import Panel, Tab, TabContext

Ids = Annotated[list[Name], Field(max_length=MOST_IDS)]
Names = Annotated[list[Name], Field(max_length=100)]
Answer = dict[str, Any]


# What of the acts only looks.
LOOKS = ("search", "ids", "tints", "facts", "news", "tree", "like", "alike", "zip")


class OfPictures(TypedDict):
    """Some pictures."""

    ids: Ids


class HandingOn(OfPictures):
    """Some pictures, as what they are handed on, and under which title; none where it is empty."""

    form: Form
    title: Annotated[str, Field(max_length=200)]


class Starring(OfPictures):
    """Some pictures, with a star or without."""

    on: bool


class RatingPictures(OfPictures):
    """A rating of some pictures, or none."""

    rating: Whole | None


class Tagging(OfPictures):
    """Tags for some pictures, and tags that are taken off."""

    add: Names
    remove: Names


class Noting(OfPictures):
    """What is noted of a picture."""

    text: Words


class OnBoard(OfPictures):
    """Some pictures, and a board."""

    board: Name


class Moving(OnBoard):
    """Some pictures, the board that they are taken off, and another one."""

    to: Name


class Purging(TypedDict):
    """Some pictures of the bin, or all of it."""

    ids: Ids | None


class Repeating(TypedDict):
    """The picture whose way others go: some pictures, those of a board, or prompts."""

    id: Name
    ids: Ids
    board: Name
    prompts: Annotated[list[Words], Field(max_length=MOST_IDS)]


class OfPicture(TypedDict):
    """A picture."""

    id: Name


class Named(TypedDict):
    """The name of a board."""

    name: Name


class OfBoard(TypedDict):
    """A board."""

    board: Name


class Renaming(OfBoard):
    """A board, and another name for it."""

    name: Name


class File(TypedDict):
    """A file that was uploaded, and what it is called."""

    path: Words
    name: Name


class Bringing(TypedDict):
    """Files that were uploaded."""

    files: Annotated[list[File], Field(max_length=100)]


class LibraryTab(Tab):
    """The tab; it makes nothing."""

    label = "Library"
    order = 80

    def build(self, context: TabContext) -> Panel:
        return LibraryPanel(context)


class LibraryPanel(Panel):
    """What the script asks of the server; each answer is of what who asks may see."""

    def __init__(self, context: TabContext) -> None:
        self.studio = context.studio
        self.index = context.studio.index
        self._blocks = context.blocks
        acts: Mapping[str, Act] = {
            "search": self._page,
            "ids": self._ids,
            "tints": self._tints,
            "facts": self._facts,
            "news": self._news,
            "tree": self._tree,
            "like": self._like,
            "alike": self._alike,
            "star": self._star,
            "rate": self._rate,
            "tag": self._tag,
            "note": self._note,
            "put": self._put,
            "off": self._off,
            "move": self._move,
            "bin": self._bin,
            "restore": self._restore,
            "purge": self._purge,
            "add_board": self._add_board,
            "rename_board": self._rename_board,
            "remove_board": self._remove_board,
            "zip": self._zip,
            "bring": self._bring,
            "repeat": self._repeat,
        }
        self.widget = Island(
            "library",
            '<section class="library" aria-label="Library"></section>',
            module="library_tab",
            acts=served(acts, looks=LOOKS),
        )

    def _page(self, event: Searching, who: Identity) -> LibraryPage:
        return views.page(self.studio, event, who)

    def _ids(self, event: Searching, who: Identity) -> LibraryIds:
        return views.ids(self.studio, event, who)

    def _tints(self, event: Searching, who: Identity) -> LibraryTints:
        return views.tints(self.studio, event, who)

    def _facts(self, event: Nothing, who: Identity) -> LibraryFacts:
        del event
        return views.facts(self.studio, who)

    def _news(self, _: Nothing) -> LibraryNews:
        return {"changes": self.index.serial()}

    def _tree(self, event: OfPicture, who: Identity) -> LibraryTree:
        return views.tree(self.studio, event["id"], who)

    def _like(self, event: OfPicture, who: Identity) -> LibraryQuery:
        return {"query": str(self.index.like(event["id"], who))}

    def _alike(self, event: OfPicture, who: Identity) -> LibraryQuery:
        return {"query": str(self.index.alike(event["id"], who))}

    def _star(self, event: Starring, who: Identity) -> Answer:
        self.index.marks.star(event["ids"], who, on=event["on"])
        return {}

    def _rate(self, event: RatingPictures, who: Identity) -> Answer:
        self.index.marks.rate(event["ids"], event["rating"], who)
        return {}

    def _tag(self, event: Tagging, who: Identity) -> Answer:
        self.index.marks.tag(event["ids"], who, add=event["add"], remove=event["remove"])
        return {}

    def _note(self, event: Noting, who: Identity) -> Answer:
        for one in event["ids"]:
            self.index.marks.note(one, event["text"], who)
        return {}

    def _put(self, event: OnBoard, who: Identity) -> Answer:
        self.index.marks.put(event["ids"], event["board"], who)
        return {}

    def _off(self, event: OnBoard, who: Identity) -> Answer:
        self.index.marks.take_off(event["ids"], event["board"], who)
        return {}

    def _move(self, event: Moving, who: Identity) -> Answer:
        self.index.marks.move(event["ids"], event["board"], event["to"], who)
        return {}

    def _bin(self, event: OfPictures, who: Identity) -> Answer:
        self.index.marks.bin(event["ids"], who)
        return {}

    def _restore(self, event: OfPictures, who: Identity) -> Answer:
        self.index.marks.restore(event["ids"], who)
        return {}

    def _purge(self, event: Purging, who: Identity) -> Answer:
        self.index.marks.empty_bin(who, event["ids"])
        return {}

    def _add_board(self, event: Named, who: Identity) -> LibraryMade:
        return {"id": self.index.marks.add_board(event["name"], who).id}

    def _rename_board(self, event: Renaming, who: Identity) -> Answer:
        self.index.marks.rename_board(event["board"], event["name"], who)
        return {}

    def _remove_board(self, event: OfBoard, who: Identity) -> Answer:
        self.index.marks.remove_board(event["board"], who)
        return {}

    def _zip(self, event: HandingOn, who: Identity) -> LibraryFile:
        self.index.entries(event["ids"], who)
        form, title = event["form"], event["title"] or f"{len(event['ids'])} pictures"
        name = f"{datetime.now().astimezone():%Y-%m-%d} {safe_stem(title)}{ENDINGS[form]}"
        return {"address": self._blocks.zips.address(event["ids"], who, form, title), "name": name}

    def _repeat(self, event: Repeating, who: Identity) -> LibraryWork:
        return views.repeat(self.studio, event["id"], event["ids"], event["board"], event["prompts"], who)

    def _bring(self, event: Bringing, who: Identity) -> LibraryImported:
        """Take uploaded files in; each is told why where it cannot be."""
        self.studio.pace.check(who)
        paths = {uploaded(self.studio, file["path"]): file["name"] for file in event["files"]}
        try:
            found = self.index.importer.bring(paths, who)
        finally:
            for path in paths:
                path.unlink(missing_ok=True)
        faults = [f"{name}: {why}" for name, why in found.refused.items()]
        ids = [*found.added, *found.known]
        return {"added": len(found.added), "known": len(found.known), "ids": ids, "faults": faults}


TAB = LibraryTab()
