"""What each field that an error can name is called on the page."""

import re

from studio.errors import StudioError
from studio.events import Failed
from studio.recipe import setting_specs

# Beside the settings of a recipe.
OTHER = {
    "axis": "Axis",
    "board": "Board",
    "buckets": "Repeatable",
    "control": "Control",
    "hires": "Hires fix",
    "lora": "LoRAs",
    "mask": "Mask",
    "note": "Note",
    "preset": "Saved recipe",
    "prompts": "Prompts",
    "race": "Race",
    "rating": "Rating",
    "recipe": "Recipe",
    "search": "Search",
    "size": "Size",
    "tag": "Tag",
    "tasks": "Tasks",
    "variation": "Variation",
    "version": "Recipe",
    "x": "First axis",
}


def label_of(field: str) -> str:
    """Of a part of a setting (`outpaint.left`, `lora:ink`) the setting's; what a person called so stays as it is."""
    known = setting_specs()
    base = re.split(r"[.:]", field, maxsplit=1)[0]
    return known[base].label if base in known else OTHER.get(base, field)


def labelled(error: StudioError | Failed) -> str:
    """What went wrong and what helps, behind the label of the field that it is about."""
    return f"{label_of(error.field)}: {error.sentence}" if error.field else error.sentence
