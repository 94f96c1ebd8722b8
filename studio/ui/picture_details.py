"""All that a stored picture tells of itself, in the words of the page: each setting, how it was made, its file."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NotRequired

from typing_extensions import TypedDict

from studio import hub
from studio.errors import NotFound, Unreadable
from studio.gate.identity import Identity
from studio.library import Entry, facts, picture, size
from studio.library.facts import CREATED, ITEM, JOB, KIND, OWNER, PICTURE, PIXELS
from studio.metadata import readers
from studio.metadata.infotext import to_infotext
from studio.recipe import INPUT_ID, ControlUnit, Group, Lora, OutpaintPadding, Recipe, setting_specs
from studio.resolve.applicability import unused
from studio.studio import Studio
from studio.ui.events import Name, Whole
from studio.ui.job_view import finished, stored_path
from studio.ui.schemas.pictures import PictureDetails, SettingGroup, SettingLine

# The groups of settings as they stand below each other; the prompts themselves stand above them.
GROUPS: Mapping[Group, str] = {
    "prompt": "Presets",
    "model": "Model",
    "lora": "LoRAs",
    "sampling": "Sampling",
    "seed": "Seed",
    "size": "Size",
    "edit": "Image to image",
    "mask": "Inpainting",
    "control": "ControlNet",
    "hires": "Second pass",
    "upscale": "Upscale",
}
MODELS = frozenset({"model", "hires_model"})
# What the library writes into its files for itself.
BOOKKEEPING = frozenset({PICTURE, OWNER, JOB, ITEM, KIND, CREATED, PIXELS, "seconds", "cost_usd"})
# How much of a stored picture's id is shown: enough to tell it from others.
ID_SHOWN = 12


class WhichOne(TypedDict):
    """A picture: one of a job, or one of the library by what the page was told of it."""

    job: NotRequired[Name]
    image: NotRequired[Whole]
    stored: NotRequired[Name]


def path_of(studio: Studio, which: WhichOne, who: Identity) -> Path:
    """The file of the owner's picture that a page means; NotFound."""
    if token := which.get("stored"):
        return stored_path(studio, token, who)
    return finished(studio, who, which.get("job", ""), which.get("image", 0)).path


def entry_of(studio: Studio, which: WhichOne, who: Identity) -> Entry:
    """What the library knows of the owner's picture that a page means; NotFound."""
    entry = studio.index.at(path_of(studio, which, who), who)
    if entry is None:
        raise NotFound("This picture is not in the library.", "Look at the library again.")
    return entry


def details(studio: Studio, which: WhichOne, who: Identity) -> PictureDetails:
    """All that is known of the owner's picture that a page means, also of one that another tool made; NotFound."""
    path = path_of(studio, which, who)
    entry, recipe = studio.index.at(path, who), _recipe(studio, path)
    settings = recipe or _other_tool(path)
    return {
        "star": entry is not None and entry.star,
        "groups": [*(_groups(studio, settings) if settings else ()), *_made(path)],
        "infotext": to_infotext(recipe, size(path)) if recipe else "",
        "recipe": recipe.to_json() if recipe else "",
    }


def _recipe(studio: Studio, path: Path) -> Recipe | None:
    try:
        return studio.library.read(path)
    except Unreadable:
        return None


def _other_tool(path: Path) -> Recipe | None:
    """The settings that another tool wrote into a file, as far as they have a name here."""
    try:
        return Recipe.unchecked(**readers.of_file(path).values)
    except (NotFound, Unreadable):
        return None


def _groups(studio: Studio, recipe: Recipe) -> Iterator[SettingGroup]:
    """Every setting that means something for this recipe, in its groups."""
    left_out = unused(recipe).keys() | {"count", "prompt", "negative_prompt"}
    for group, title in GROUPS.items():
        names = [name for name, setting in setting_specs().items() if setting.group == group and name not in left_out]
        if lines := [line for name in names for line in _lines(studio, recipe, name)]:
            yield {"title": title, "lines": lines}


def _lines(studio: Studio, recipe: Recipe, name: str) -> Iterator[SettingLine]:
    value, label = recipe.get(name), setting_specs()[name].label
    if value is None or value == ():
        return
    for number, one in enumerate(value if isinstance(value, tuple) else (value,)):
        if isinstance(one, Lora):
            yield {"name": f"lora:{one.name}", "label": one.name, "value": _lora(one)}
        elif isinstance(one, ControlUnit):
            yield {"name": f"control:{number}", "label": one.kind, "value": _unit(one)}
        else:
            yield {"name": name, "label": label, "value": _value(studio, name, one)}


def _value(studio: Studio, name: str, value: Any) -> str:
    if name in MODELS:
        return studio.catalogue[value].name if value in studio.catalogue else str(value)
    if re.match(INPUT_ID, str(value)):
        return str(value)[:ID_SHOWN]
    if isinstance(value, OutpaintPadding):
        return ", ".join(f"{side} {pixels}" for side, pixels in value if pixels)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _lora(lora: Lora) -> str:
    text = "" if lora.text_weight is None else f"text {lora.text_weight:g}"
    blocks = f"blocks {', '.join(f'{one:g}' for one in lora.blocks)}" if lora.blocks else ""
    return ", ".join(filter(None, [f"{lora.weight:g}", text, _steps(lora), blocks]))


def _unit(unit: ControlUnit) -> str:
    mode = "" if unit.mode == "balanced" else f"{unit.mode} wins"
    options = [f"{name} {value}" for name, value in unit.options]
    return ", ".join(filter(None, [f"{unit.weight:g}", unit.model, _steps(unit), mode, *options]))


def _steps(one: Lora | ControlUnit) -> str:
    return "" if (one.start, one.end) == (0, 1) else f"from {one.start:g} to {one.end:g} of the steps"


def _made(path: Path) -> Iterator[SettingGroup]:
    """What its file tells beyond the recipe, and of the file itself."""
    written = {name: value for name, value in facts(path).items() if value and name not in BOOKKEEPING}
    if cost := picture(path).cost_usd:
        written["cost"] = f"${cost:.3f}"
    if lines := [_plain(name, value) for name, value in written.items()]:
        yield {"title": "How it was made", "lines": lines}
    status, (width, height) = path.stat(), size(path)
    made = datetime.fromtimestamp(status.st_mtime, UTC).astimezone()
    about = {
        "file": path.name,
        "stored": f"{made:%Y-%m-%d %H:%M}",
        "pixels": f"{width} × {height}",
        "bytes": hub.in_words(status.st_size),
    }
    yield {"title": "File", "lines": [_plain(name, value) for name, value in about.items()]}


def _plain(name: str, value: str) -> SettingLine:
    return {"name": f"fact:{name}", "label": name.replace("_", " ").capitalize(), "value": value}
