"""The well for pictures to start from: dropped, pasted, chosen or taken from a result, and stored before it shows them.

Its value is what `source.js` draws: the stored pictures, with what was done to them, and what could not be taken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from studio.errors import LibraryError, RecipeError, StudioError
from studio.inputs import Input, Inputs
from studio.studio import Studio
from studio.ui.fast_gradio import gr
from studio.ui.form import Updates, Values
from studio.ui.listeners import QUICK
from studio.ui.owner import owner_of
from studio.ui.pictures import address, smaller
from studio.ui.view import finished

# Gradio finds a custom event by its quoted name in here.
SCRIPT = """
studio.source(element, props, watch, upload, {
    bring: (data) => trigger("bring", data),
    pick: (data) => trigger("pick", data),
}, MANY);
"""
# How large a copy is shown: of one picture, and of each of several.
SIDE, SMALL_SIDE = 480, 144


@dataclass(frozen=True)
class Picture:
    """A stored picture under the name that it came by; `notes` say how it was changed."""

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
    def found(cls, inputs: Inputs, id: Any, name: str = "", notes: Sequence[str] = ()) -> "Picture | None":  # noqa: A002
        """A picture of the store by its id; None where it is gone."""
        try:
            return cls(id, *inputs.size(str(id)), name, tuple(notes))
        except LibraryError:
            return None

    def told(self, inputs: Inputs, side: int) -> dict[str, Any]:
        """What the page is told of it, with a copy of at most `side` pixels to show."""
        path = inputs.path(self.id)
        return {**asdict(self), "notes": list(self.notes), "file": address(path), "shown": smaller(path, side)}


class Source:
    """One well on the page; `many` takes several pictures at once."""

    def __init__(self, studio: Studio, owner: Any, tab: str, *, many: bool) -> None:
        self.studio = studio
        self._owner = owner
        self._many = many
        self.widget = gr.HTML(
            value={"pictures": [], "faults": []},
            label="Picture",
            html_template='<section class="source"></section>',
            js_on_load=SCRIPT.replace("MANY", "true" if many else "false"),
            elem_id=f"field-{tab}-init_image",
            apply_default_css=False,
        )
        self.widget.bring(self._bring, {self.widget}, [self.widget], **QUICK)
        self.widget.pick(self._pick, {self.widget, owner}, [self.widget], **QUICK)

    def ids(self, values: Values) -> list[str]:
        """The ids of the pictures that are in; RecipeError where there is none."""
        ids = [str(picture["id"]) for picture in (values.get(self.widget) or {}).get("pictures", [])]
        if not ids:
            raise RecipeError("init_image", "There is no picture to start from.", "Drop one here, or choose a file.")
        return ids

    def value(self, pictures: Sequence[Picture], faults: Sequence[str] = ()) -> dict[str, Any]:
        """What the widget shows: these pictures, and why others were not taken."""
        side = SIDE if len(pictures) == 1 else SMALL_SIDE
        return {"pictures": [picture.told(self.studio.inputs, side) for picture in pictures], "faults": list(faults)}

    def stored(self, id: str, name: str = "", notes: Sequence[str] = ()) -> Picture | None:  # noqa: A002
        """A picture of the store by its id; None where it is gone."""
        return Picture.found(self.studio.inputs, id, name, notes)

    def recall(self, kept: Any) -> dict[str, Any]:
        """The widget's value from what the browser kept of it."""
        return self.value(self._known(kept))

    def _known(self, value: Any) -> list[Picture]:
        """The pictures of a widget's value that are in the store."""
        told = value.get("pictures", []) if isinstance(value, Mapping) else []
        known = (self.stored(str(one.get("id")), str(one.get("name", "")), one.get("notes", ())) for one in told)
        return [picture for picture in known if picture]

    def _bring(self, values: Values, event: gr.EventData) -> Updates:
        """Take uploaded files in; each is told why where it cannot be."""
        pictures = self._known(values[self.widget]) if self._many else []
        faults = []
        for file in event.files:
            path, name = uploaded(file["path"]), str(file["name"])
            try:
                pictures.append(Picture.of(self.studio.inputs.add(path), name))
            except StudioError as fault:
                faults.append(f"{name}: {fault.message} {fault.hint}".strip())
        if not pictures:
            pictures = self._known(values[self.widget])
        return {self.widget: self.value(list({picture.id: picture for picture in pictures}.values()), faults)}

    def _pick(self, values: Values, event: gr.EventData, request: gr.Request) -> Updates:
        """Take a result in."""
        pictures = self._known(values[self.widget]) if self._many else []
        try:
            path = finished(self.studio, owner_of(values[self._owner], request), event.job, event.image).path
            pictures.append(Picture.of(self.studio.inputs.add(path), path.name))
        except StudioError as fault:
            return {self.widget: self.value(pictures, [f"{fault.message} {fault.hint}".strip()])}
        return {self.widget: self.value(list({picture.id: picture for picture in pictures}.values()))}


def uploaded(path: str) -> Path:
    """The path of a file that was uploaded; a page may name any other file of this machine, which is refused."""
    from gradio.utils import get_upload_folder

    folder, file = Path(get_upload_folder()).resolve(), Path(path).resolve()
    if not file.is_relative_to(folder):
        raise gr.Error("This file was not uploaded.")
    return file
