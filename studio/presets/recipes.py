"""Recipes that are kept under a name, to be taken up whole or in part. Pictures are no part of them."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

from pydantic import field_validator

from studio.errors import InvalidRecipe
from studio.recipe import Recipe, setting_specs
from studio.recipe_parts import ControlUnit, Group

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
PICTURES = frozenset({"init_image", "mask_image"})
UNIT_PICTURES = frozenset({"image", "map"})


class RecipePreset(Recipe):
    """A recipe without pictures; what its file does not say is left as it is by whoever takes it up."""

    id: str
    name: str

    @field_validator(*PICTURES)
    @classmethod
    def _is_no_picture(cls, picture: str | None) -> None:
        if picture is not None:
            raise ValueError("a preset keeps no pictures; leave it out")

    @field_validator("controls")
    @classmethod
    def _have_no_pictures(cls, units: tuple[ControlUnit, ...]) -> tuple[ControlUnit, ...]:
        if any(unit.image or unit.map for unit in units):
            raise ValueError("a preset keeps no pictures; leave image and map out")
        return units

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of which it says something."""
        return tuple(part for part in PARTS if self.model_fields_set & names_of([part]))

    def as_values(self, parts: Collection[Part] = ()) -> dict[str, Any]:
        """The fields that it says, of these parts, or of all where none is named."""
        names = names_of(parts or self.parts)
        return {name: getattr(self, name) for name in Recipe.model_fields if name in self.model_fields_set & names}


def names_of(parts: Iterable[Part]) -> frozenset[str]:
    """The fields of these parts."""
    groups = {group for part in parts for group in PARTS[part]}
    return frozenset(name for name, setting in setting_specs().items() if setting.group in groups)


def to_table(recipe: Recipe) -> dict[str, Any]:
    """What the file of a preset of this recipe says: all that is not open, without pictures."""
    dumped = recipe.model_dump(mode="json", exclude_none=True, exclude={*PICTURES})
    units = [{key: value for key, value in unit.items() if key not in UNIT_PICTURES} for unit in dumped["controls"]]
    return {**dumped, "controls": units}


def has_pictures(recipe: Recipe) -> bool:
    """Whether some of it would be left out of a preset."""
    return any(getattr(recipe, name) for name in PICTURES) or any(unit.image or unit.map for unit in recipe.controls)


def known_parts(names: Iterable[str]) -> tuple[Part, ...]:
    """These names as parts; InvalidRecipe for one that there is not."""
    wanted = list(names)
    for name in wanted:
        if name not in PARTS:
            raise InvalidRecipe("preset", f"There is no part {name!r} of a preset.", f"Known are: {', '.join(PARTS)}.")
    return tuple(part for part in PARTS if part in wanted)
