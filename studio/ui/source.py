"""The well for pictures to start from: dropped, pasted, chosen or taken from a result, and stored before it shows them.

Its value is what `source.js` draws: the stored pictures, with what was done to them, and what could not be taken.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from studio.errors import InvalidRecipe, NotFound, StudioError, Unreadable
from studio.gate.identity import Identity
from studio.inputs import Input, InputStore
from studio.studio import CACHE, UPLOADS, Studio
from studio.ui.events import QUICK, BadInput, Event, Name, Whole
from studio.ui.fast_gradio import gr
from studio.ui.form import Updates, Values
from studio.ui.ids import Id
from studio.ui.island import Island
from studio.ui.job_view import finished
from studio.ui.owner import identify
from studio.ui.pictures import smaller
from studio.ui.schemas.pictures import StoredPicture

MOST_FILES = 1000
# How large a copy is shown: of one picture, and of each of several.
SIDE, SMALL_SIDE = 480, 144


class File(TypedDict):
    """A file that was uploaded, and its name where it came from."""

    path: Name
    name: Name


class Brought(Event):
    """Files that were dropped, pasted or chosen."""

    files: Annotated[list[File], Field(max_length=MOST_FILES)]


class Picked(Event):
    """A result."""

    job: Name
    image: Whole


class Seen(TypedDict):
    """What the page says of one picture in a well; the id alone counts."""

    id: Name
    name: NotRequired[Name]
    notes: NotRequired[list[Name]]


class Well(TypedDict):
    """What a well holds; `restored` where the form already says what is to be made of it."""

    pictures: Annotated[list[Seen], Field(max_length=MOST_FILES)]
    restored: NotRequired[bool]


class Given(TypedDict):
    """A file in the place of a stored picture, as Gradio's clients upload one."""

    path: Name
    orig_name: NotRequired[Name | None]


@dataclass(frozen=True)
class Picture:
    """A stored picture under the name that it came by; `notes` as in `Input`."""

    id: str
    width: int
    height: int
    name: str = ""
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, stored: Input, name: str) -> "Picture":
        """What was stored just now."""
        return cls(stored.id, stored.width, stored.height, name, stored.notes)

    @classmethod
    def found(
        cls,
        inputs: InputStore,
        id: Any,  # noqa: A002
        who: Identity,
        name: str = "",
        notes: Sequence[str] = (),
    ) -> "Picture | None":
        """A picture of the store by its id; None where it is gone, or the owner neither brought nor made it."""
        try:
            return cls(id, *inputs.size(str(id)), name, tuple(notes)) if inputs.holds(who, [str(id)]) else None
        except (NotFound, Unreadable):
            return None

    def facts(self, studio: Studio, who: Identity, side: int) -> StoredPicture:
        """What the owner's page is told of it, with a copy of at most `side` pixels to show."""
        path = studio.inputs.path(self.id)
        return {
            "id": self.id,
            "width": self.width,
            "height": self.height,
            "name": self.name,
            "notes": list(self.notes),
            "file": studio.addresses.of(path, who),
            "shown": smaller(path, side),
        }


class Source:
    """One well on the page; `many` takes several pictures at once."""

    def __init__(self, studio: Studio, tab: str, *, many: bool) -> None:
        self.studio = studio
        self._many = many
        self.widget = Island(
            f"{Id.FIELD}{tab}-init_image",
            '<section class="source"></section>',
            module="source",
            value={"pictures": [], "faults": []},
            holds=Well | Given,
            data={"many": many},
            events=("bring", "pick"),
            label="Picture",
        )
        self.widget.bring(self._bring, {self.widget}, [self.widget], **QUICK)
        self.widget.pick(self._pick, {self.widget}, [self.widget], **QUICK)

    def ids(self, values: Values, who: Identity) -> list[str]:
        """The ids of the pictures that are in, or of a file that a program gave; InvalidRecipe where there is none."""
        given = values.get(self.widget) or {}
        if "path" in given:
            self.studio.pace.check(who)
            return [self.studio.inputs.add(cached(self.studio, given["path"]), who=who).id]
        return [self.first(values), *(str(picture["id"]) for picture in given["pictures"][1:])]

    def first(self, values: Values) -> str:
        """The id of the first picture that is in; InvalidRecipe where there is none."""
        pictures = (values.get(self.widget) or {}).get("pictures", [])
        if not pictures:
            raise InvalidRecipe("init_image", "There is no picture to start from.", "Drop one here, or choose a file.")
        return str(pictures[0]["id"])

    def value(
        self, pictures: Sequence[Picture], who: Identity, faults: Sequence[str] = (), *, restored: bool = False
    ) -> dict[str, Any]:
        """What the widget shows: these pictures, and why others were not taken; `restored` as in `Well`."""
        side = SIDE if len(pictures) == 1 else SMALL_SIDE
        shown = [picture.facts(self.studio, who, side) for picture in pictures]
        return {"pictures": shown, "faults": list(faults), "restored": restored}

    def stored(self, id: str, who: Identity, name: str = "", notes: Sequence[str] = ()) -> Picture | None:  # noqa: A002
        """A picture of the owner's in the store, by its id; None where it is gone."""
        return Picture.found(self.studio.inputs, id, who, name, notes)

    def recall(self, kept: Any, who: Identity) -> dict[str, Any]:
        """The widget's value from what the browser kept of it."""
        return self.value(self._known(kept, who), who, restored=True)

    def _known(self, value: Any, who: Identity) -> list[Picture]:
        """The pictures of a widget's value that are in the store."""
        entries = value.get("pictures", []) if isinstance(value, Mapping) else []
        known = (self.stored(one["id"], who, one.get("name", ""), one.get("notes", ())) for one in entries)
        return [picture for picture in known if picture]

    def holes(self, values: Values, who: Identity) -> str:
        """The stored mask of what is transparent in the first picture; empty where nothing is."""
        pictures = (values.get(self.widget) or {}).get("pictures", [])
        return self.studio.inputs.holes(who, str(pictures[0]["id"])) if pictures else ""

    def _bring(self, values: Values, event: Brought, request: gr.Request) -> Updates:
        """Take uploaded files in; each is told why where it cannot be."""
        who = identify(request)
        pictures = self._known(values[self.widget], who) if self._many else []
        faults = []
        for file in event.files:
            path, name = uploaded(self.studio, file["path"]), file["name"]
            try:
                self.studio.pace.check(who)
                pictures.append(Picture.of(self.studio.inputs.add(path, who=who), name))
            except StudioError as fault:
                faults.append(f"{name}: {fault.message} {fault.hint}".strip())
        if not pictures:
            pictures = self._known(values[self.widget], who)
        return {self.widget: self.value(list({picture.id: picture for picture in pictures}.values()), who, faults)}

    def _pick(self, values: Values, event: Picked, request: gr.Request) -> Updates:
        """Take a result in."""
        who = identify(request)
        pictures = self._known(values[self.widget], who) if self._many else []
        try:
            self.studio.pace.check(who)
            path = finished(self.studio, who, event.job, event.image).path
            pictures.append(Picture.of(self.studio.inputs.add(path, who=who), path.name))
        except StudioError as fault:
            return {self.widget: self.value(pictures, who, [fault.sentence])}
        return {self.widget: self.value(list({picture.id: picture for picture in pictures}.values()), who)}


def cached(studio: Studio, path: str) -> Path:
    """The path of a file that a program gave to an endpoint: Gradio keeps it, by its content, beside the uploads."""
    folder = (studio.settings.home / CACHE).resolve()
    with suppress(OSError, ValueError):
        file = Path(path).resolve()
        if file.is_relative_to(folder) and file.is_file():
            return file
    raise BadInput("This file was not uploaded. Upload it again.")


def uploaded(studio: Studio, path: str) -> Path:
    """The path of a file that was uploaded; a page may name any other file of this machine, which is refused.

    A part of it is drawn by lot, and told to whoever brought the file alone.
    """
    folder = studio.settings.home / UPLOADS
    try:
        file = Path(path).resolve()
        if file.is_relative_to(folder.resolve()) and file.is_file():
            return file
    except (OSError, ValueError):  # no path at all
        pass
    raise BadInput("This file was not uploaded, or too long ago. Upload it again.")
