"""Pictures of the library that were chosen to be fetched as one file: remembered until they are."""

import secrets
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from studio.errors import InvalidRequest, NotFound
from studio.export import contact_sheet, training
from studio.gate.identity import Identity
from studio.studio import Studio

ZIPS = "studio/zips/"
# Those that were asked for the longest ago are forgotten.
MOST = 256
# As they are; a contact sheet, to print or as a page; a set to train with.
Form = Literal["files", "pdf", "html", "training"]
ENDINGS: Mapping[Form, str] = {"files": ".zip", "pdf": ".pdf", "html": ".html", "training": ".training.zip"}
TYPES: Mapping[str, str] = {".zip": "application/zip", ".pdf": "application/pdf", ".html": "text/html"}
# Those that are drawn or written anew: of more, one has to wait too long.
MOST_MADE = 500


@dataclass(frozen=True)
class Chosen:
    """Some pictures of an owner, what is made of them, and its title."""

    owner: str
    ids: tuple[str, ...]
    form: Form
    title: str

    def blocks(self, studio: Studio, who: Identity) -> Iterator[bytes]:
        """The bytes of its file, which is made while they are sent: no more than a picture or page is held of it.

        NotFound at once where a picture is not there; Unreadable where one that is to be printed is damaged.
        """
        if self.form == "files":
            return studio.index.exports.zip(self.ids, who)
        paths = [entry.path for entry in studio.index.entries(self.ids, who) if entry.path]
        if not paths:
            raise NotFound("These pictures are no longer there.", "Select others.")
        if self.form == "training":
            return training.zipped(paths)
        return (contact_sheet.pdf if self.form == "pdf" else contact_sheet.html)(paths, self.title)


class Zips:
    """Which pictures each address means, and whose they are."""

    def __init__(self) -> None:
        self._chosen: OrderedDict[str, Chosen] = OrderedDict()

    def address(self, ids: Sequence[str], who: Identity, form: Form = "files", title: str = "") -> str:
        """Where who asks can fetch these pictures from now on, relative to the page; InvalidRequest."""
        if form != "files" and len(ids) > MOST_MADE:
            raise InvalidRequest(
                f"That would be {len(ids):,} pictures; the limit is {MOST_MADE} at once.",
                "Select fewer, or use studio export in a terminal.",
            )
        name = f"{secrets.token_urlsafe(18)}{ENDINGS[form]}"
        self._chosen[name] = Chosen(who.owner, tuple(ids), form, title)
        while len(self._chosen) > MOST:
            self._chosen.popitem(last=False)
        return f"{ZIPS}{name}"

    def chosen(self, name: str, who: Identity) -> Chosen | None:
        """What an address means; None where it was made for somebody else, or is not known."""
        found = self._chosen.get(name)
        return found if found and found.owner == who.owner else None
