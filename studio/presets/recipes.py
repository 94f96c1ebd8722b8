"""Recipes that are kept under a name, to be taken up whole or in part. Pictures are no part of them."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

from pydantic import field_validator

from studio.errors import InvalidRecipe
from studio.recipe import ControlUnit, Group, Mask, Recipe, field_of, setting_specs
from studio.suggestions import near

Part = Literal["words", "model", "size", "sampling", "seed", "edit", "loras", "control"]
# Of which groups of settings each part is; it is taken up with all of them, also those that are left open in it.
PARTS: Mapping[Part, tuple[Group, ...]] = {
    "words": ("prompt",),
    "model": ("model",),
    "size": ("size", "hires"),
    "sampling": ("sampling",),
    "seed": ("seed",),
    "edit": ("edit", "mask", "upscale"),
    "loras": ("lora",),
    "control": ("control",),
}
PICTURES = frozenset({"init_image", "mask_image", "mask_sketch"})
# What is said by a file even where it is empty: whoever takes it up is to have none of it then.
ALWAYS = ("prompt", "styles", "negative_prompt", "negative_presets", "count", "controls", "loras")


def _no_picture(picture: str | None) -> None:
    if picture is not None:
        raise ValueError("a preset keeps no pictures; leave it out")


class BareMask(Mask):
    """What is done with a mask, without one."""

    _is_no_picture = field_validator("image", "sketch")(_no_picture)


class RecipePreset(Recipe):
    """A recipe without pictures; what its file does not say is left as it is by whoever takes it up."""

    id: str
    name: str
    mask: BareMask = BareMask()

    _is_no_picture = field_validator("init_image")(_no_picture)

    @field_validator("controls")
    @classmethod
    def _have_no_pictures(cls, units: tuple[ControlUnit, ...]) -> tuple[ControlUnit, ...]:
        if any(unit.image or unit.map for unit in units):
            raise ValueError("a preset keeps no pictures; leave image and map out")
        return units

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of which it says something."""
        return tuple(part for part in PARTS if self.named & names_of([part]))

    def as_values(self, parts: Collection[Part] = ()) -> dict[str, Any]:
        """The fields that it says, of these parts, or of all where none is named."""
        names = names_of(parts or self.parts)
        return {name: self.get(name) for name in setting_specs() if name in self.named & names}


def names_of(parts: Iterable[Part]) -> frozenset[str]:
    """The fields of these parts."""
    groups = {group for part in parts for group in PARTS[part]}
    return frozenset(name for name, setting in setting_specs().items() if setting.group in groups)


def to_table(recipe: Recipe) -> dict[str, Any]:
    """What the file of a preset of this recipe says: all that is not open, without pictures."""
    bare = recipe.replace(
        **dict.fromkeys(PICTURES), controls=[unit.changed(image=None, map=None) for unit in recipe.controls]
    )
    empty = {name: [] if field_of(name).default == () else recipe.get(name) for name in ALWAYS}
    return {"version": recipe.version, **empty, **bare.dumped()}


def has_pictures(recipe: Recipe) -> bool:
    """Whether some of it would be left out of a preset."""
    return any(recipe.get(name) for name in PICTURES) or any(unit.image or unit.map for unit in recipe.controls)


def known_parts(names: Iterable[str]) -> tuple[Part, ...]:
    """These names as parts; InvalidRecipe for one that there is not."""
    wanted = list(names)
    for name in wanted:
        if name not in PARTS:
            raise InvalidRecipe("preset", f"There is no part {name!r} of a preset.", near(name, PARTS))
    return tuple(part for part in PARTS if part in wanted)
