"""What the page offers to vary of a recipe: fields in groups, with the choices of those that are chosen from a list."""

from collections.abc import Iterator, Mapping
from typing import get_args

from studio.catalogue.models import Model
from studio.errors import InvalidRecipe
from studio.grids.axes import SEARCHED, SIZE, UNVARIED, subject
from studio.prompts.matrix import matrix
from studio.recipe import ControlUnit, Group, OutpaintPadding, Recipe, setting_specs
from studio.resolve.applicability import lacked, unused
from studio.resolve.tasks import paints_over
from studio.studio import Studio
from studio.ui import fields
from studio.ui.schemas.grids import GridOffer
from studio.ui.size_picker import SizePicker

WORDS = "prompt:"
GROUPS: Mapping[Group, str] = {
    "prompt": "Words",
    "model": "Model",
    "size": "Size",
    "sampling": "Sampling",
    "seed": "Seed",
    "edit": "Picture",
    "mask": "Mask",
    "hires": "Hires fix",
    "upscale": "Enlarging",
    "control": "Control",
    "lora": "LoRAs",
}
# Named by a stored picture, which nobody types.
PICTURED = ("init_image", "mask_image", "mask_sketch")
# Parts that are varied by name, not as a whole.
WHOLE = ("loras", "controls", "outpaint")


def offers(studio: Studio, base: Recipe) -> list[GridOffer]:
    """Each thing that can vary of this recipe: its field, title and group, a hint, and choices where there are some."""
    model = model_of(studio, base)
    idle = unused(base).keys() | lacked(model.default("abilities")).keys() | {UNVARIED, *WHOLE, *PICTURED}
    varied = [name for name in setting_specs() if name not in idle]
    found = [_offer(name, _choices(studio, model, base, name) or _matrix(base, name)) for name in varied]
    words: GridOffer = {
        "field": WORDS,
        "title": "Words in the prompt",
        "group": GROUPS["prompt"],
        "numeric": False,
        "hint": "Each value takes their place.",
        "choices": [],
    }
    found.insert(0, words)
    if not {"width", "height"} & idle:
        found.append(_offer(SIZE, _sizes(studio, model), GROUPS["size"]))
    found += [_offer(name, [], GROUPS["lora"]) for name in _lora_parts(studio, model, base)]
    found += [_offer(name, _unit_choices(name), GROUPS["control"]) for name in _unit_parts(base)]
    if base.outpaint:
        found += [_offer(f"outpaint.{side}", [], GROUPS["mask"]) for side in OutpaintPadding.model_fields]
    order = list(GROUPS.values())
    return sorted(found, key=lambda offer: order.index(offer["group"]))


def model_of(studio: Studio, base: Recipe) -> Model:
    """The model that a recipe is for."""
    known = base.model is not None and base.model in studio.catalogue
    return studio.catalogue[base.model if base.model and known else studio.settings.model]


def _offer(name: str, choices: list[tuple[str, str]], group: str = "") -> GridOffer:
    varied, setting = subject(name), setting_specs().get(name)
    return {
        "field": varied.field,
        "title": varied.title,
        "group": group or GROUPS[setting.group if setting else "prompt"],
        "hint": setting.help if setting else "",
        "numeric": varied.numeric,
        "choices": [{"label": label, "value": value} for label, value in choices],
    }


def _choices(studio: Studio, model: Model, base: Recipe, name: str) -> list[tuple[str, str]]:
    if name in ("model", "hires_model"):
        here = (one for one in studio.catalogue.values() if studio.catalogue.present(one))
        able = (one for one in here if (all(map(one.does, base.passes)) if name == "model" else paints_over(one)))
        return [(one.name, one.id) for one in able]
    return [choice for choice in fields.choices(name, model, studio) or [] if choice[1] != ""]


def _matrix(base: Recipe, name: str) -> list[tuple[str, str]]:
    """What the bars in a prompt part, in every combination."""
    if name not in SEARCHED:
        return []
    try:
        found = matrix(base.get(name), negative=name != "prompt")
    except InvalidRecipe:  # told when the grid is planned
        return []
    return [(words, words) for words in found] if found[1:] else []


def _sizes(studio: Studio, model: Model) -> list[tuple[str, str]]:
    sizes = SizePicker(studio).sizes(model)["final"].values()
    return [(f"{width} × {height}", f"{width}x{height}") for width, height in sizes]


def _lora_parts(studio: Studio, model: Model, base: Recipe) -> Iterator[str]:
    """Those of the recipe first."""
    named = [lora.name for lora in base.loras]
    yield from (f"lora:{name}" for name in dict.fromkeys([*named, *studio.prompt_assets.loras.fitting(model.family)]))


def _unit_parts(base: Recipe) -> Iterator[str]:
    for number, unit in enumerate(base.controls, start=1):
        names = ("weight", "start", "end", "mode", "resize")
        yield from (f"control.{number}.{name}" for name in names if not (unit.is_prompt and name in ("mode", "resize")))


def _unit_choices(name: str) -> list[tuple[str, str]]:
    field = ControlUnit.model_fields[name.rpartition(".")[2]]
    return [(value.capitalize(), value) for value in get_args(field.annotation) if isinstance(value, str)]
