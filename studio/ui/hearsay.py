"""Settings from elsewhere: a picture that is dropped, pasted or chosen, or a text, fills the form with what it tells.

The widget's value says what came of the last one: its `name`, what was `left` out, or a `fault`.
"""

import time
from typing import Any

from studio.errors import RecipeError, StudioError
from studio.metadata import hearsay
from studio.metadata.infotext import SAMPLERS
from studio.metadata.parameters import SHOWN, Heard
from studio.recipe import Recipe, settings
from studio.studio import Studio
from studio.ui.fast_gradio import gr
from studio.ui.source import uploaded

# Gradio finds a custom event by its quoted name in here.
SCRIPT = """studio.hearsay(element, props, watch, upload, (data) => trigger("bring", data));"""
OTHER_NAMES = {name: own for own, name in SAMPLERS.items()}
# What a fault of the words is told at is the prompt itself, when it is asked for.
WORDS = ("prompt", "negative_prompt")


def place() -> Any:
    """Put the button here, with room for what came of it; it tells `bring` with a file's path and name, or a text."""
    return gr.HTML(
        value={},
        html_template='<div class="hearsay"></div>',
        js_on_load=SCRIPT,
        elem_id="hearsay",
        apply_default_css=False,
    )


def heard(event: gr.EventData) -> Heard:
    """What the file or text of the event tells; StudioError where that is nothing."""
    if text := getattr(event, "text", ""):
        return hearsay.of_text(str(text))
    return hearsay.of_file(uploaded(event.path))


def told(event: gr.EventData, **more: Any) -> dict[str, Any]:
    """The widget's value after this event."""
    return {"serial": time.time_ns(), "name": str(getattr(event, "name", "")), **more}


def fitting(studio: Studio, heard: Heard, model: str) -> tuple[Recipe, list[str]]:
    """What was heard as a recipe of this studio, and what is left out; `model` stays where its own is not here."""
    given, left = dict(heard.values), list(heard.left)
    given["model"] = _known(studio, given.get("model", model))
    if given["model"] is None:
        left.append(f"Model {heard.values['model']}: it is not in this studio, so the chosen one stays")
        given["model"] = model
    while fault := _fault(studio, given):
        name = fault.field
        if name not in given or name in (*WORDS, "model"):
            break
        value = given.pop(name)
        if name == "scheduler" and value in OTHER_NAMES:
            given[name] = OTHER_NAMES[value]
        else:
            left.append(f"{settings()[name].label} {str(value)[:SHOWN]}: {fault.message}")
    return Recipe.make(**given), left


def _known(studio: Studio, asked: str) -> str | None:
    """The model of this id or name; other tools call it by its file."""
    names = {word.casefold(): one.id for one in studio.catalogue.values() for word in (one.name, one.id)}
    return names.get(asked.casefold())


def _fault(studio: Studio, given: dict[str, Any]) -> RecipeError | None:
    try:
        studio.settle(Recipe.make(**given))
    except RecipeError as fault:
        return fault
    except StudioError:  # it is no single setting: Generate tells it
        return None
    return None
