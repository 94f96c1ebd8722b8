"""Pictures of the library that were chosen to be fetched as one file: remembered until they are."""

import secrets
import zipfile
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from studio.errors import InvalidRequest
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
# All but files as they are is made in memory.
MOST_MADE = 500


@dataclass(frozen=True)
class Chosen:
    """Some pictures of an owner, what is made of them, and its title."""

    owner: str
    ids: tuple[str, ...]
    form: Form
    title: str

    def made(self, studio: Studio, who: Identity) -> bytes:
        """The bytes of a sheet or a set; NotFound where a picture is not there, Unreadable where one is damaged."""
        paths = [entry.path for entry in studio.index.entries(self.ids, who) if entry.path]
        if self.form == "pdf":
            return contact_sheet.pdf(paths, self.title)
        return contact_sheet.html(paths, self.title) if self.form == "html" else _set(paths)


class Zips:
    """Which pictures each address means, and whose they are."""

    def __init__(self) -> None:
        self._chosen: OrderedDict[str, Chosen] = OrderedDict()

    def address(self, ids: Sequence[str], who: Identity, form: Form = "files", title: str = "") -> str:
        """Where who asks can fetch these pictures from now on, relative to the page; InvalidRequest."""
        if form != "files" and len(ids) > MOST_MADE:
            raise InvalidRequest(
                f"That would be {len(ids):,} pictures; {MOST_MADE} are the most at once.",
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


def _set(paths: Sequence[Path]) -> bytes:
    buffer = BytesIO()
    with TemporaryDirectory() as folder, zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        training.export(paths, Path(folder))
        for path in sorted(Path(folder).iterdir()):
            archive.write(path, path.name)
    return buffer.getvalue()
