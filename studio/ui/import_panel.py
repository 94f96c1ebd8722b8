"""Settings from elsewhere: a picture that is dropped, pasted or chosen, or a text, fills the form with what it tells.

The widget's value says what came of the last one: its `name`, what was `left` out, or a `fault`.
"""

import time
from typing import Any

from studio.inputs import pixels_of
from studio.metadata import readers
from studio.metadata.credentials import credentials
from studio.metadata.fitting import Fitted, Here, fit
from studio.metadata.imported import PROMPTS, ImportedSettings
from studio.recipe import setting_specs
from studio.studio import Studio
from studio.ui.events import Event, Name, Words
from studio.ui.island import Island
from studio.ui.source import uploaded


class Brought(Event):
    """An uploaded file with its name, or a text."""

    path: Name = ""
    name: Name = ""
    text: Words = ""


def place() -> Any:
    """Put the button here, with room for what came of it; it tells `bring` with a file's path and name, or a text."""
    return Island("imported", '<div class="imported"></div>', module="import_panel", value={}, events=("bring",))


def read_settings(studio: Studio, event: Brought) -> ImportedSettings:
    """What the file or text of the event tells; StudioError where that is nothing."""
    if event.text:
        return readers.of_text(event.text)
    path = uploaded(studio, event.path)
    # Some tools hide what they say in the pixels.
    with studio.inputs.room.of(pixels_of(path)):
        return readers.of_file(path)


def origin(studio: Studio, event: Brought) -> list[str]:
    """What the file says of where the picture comes from."""
    return credentials(uploaded(studio, event.path)) if event.path else []


def answer(event: Brought, **more: Any) -> dict[str, Any]:
    """The widget's value after this event."""
    return {"serial": time.time_ns(), "name": event.name, **more}


def fitting(studio: Studio, imported: ImportedSettings, model: str) -> Fitted:
    """What of it this studio can make; `model` stays where its own is not here."""
    here = Here(
        studio.settings, studio.catalogue, studio.presets, studio.inputs, studio.controlnets, studio.prompt_assets
    )
    return fit(here, imported, model)


def named(imported: ImportedSettings, fitted: Fitted) -> set[str] | None:
    """The fields that the form is to take over, None for all. Of words, and where no settings were told, only what was.

    All else that a whole picture does not tell was left open when it was made.
    """
    if imported.partial:
        return set(fitted.values) - {"model"}
    lacking = {name for name in PROMPTS if name not in fitted.values}
    return {*setting_specs()} - lacking if lacking else None
