"""The recipe: one frozen value that says how to make an image. Its fields are those of `Fields`."""

from typing import Any, Literal, Self

from pydantic import ValidationError, model_validator

from studio.errors import InvalidRecipe
from studio.parsing import ParseError, parse_json
from studio.recipe.faults import recipe_error
from studio.recipe.fields import VERSION, Fields
from studio.recipe.flat import ADDRESSES, SPREAD, fields, named, nested
from studio.recipe.units import ControlUnit

Task = Literal["text2img", "img2img", "inpaint", "upscale"]

# What is written of a recipe even where it says nothing.
ALWAYS = frozenset({"version", "prompt", "negative_prompt", "count"})


class Recipe(Fields):
    """How to make an image. Frozen, hashable, unknown keys refused; equal recipes make equal pixels on one machine."""

    @model_validator(mode="before")
    @classmethod
    def _in_parts(cls, values: Any) -> Any:
        """By flat names, by labels or by parts, and of any version."""
        return nested(named(upgrade(values), cls)) if isinstance(values, dict) else values

    @property
    def task(self) -> Task:
        """What is done, told by what is present; without an image to start from it is text to image."""
        if self.init_image is None:
            return "text2img"
        if self.upscale.upscaler is not None or self.upscale.scale is not None:
            return "upscale"
        if self.mask.image is not None or self.outpaint is not None:
            return "inpaint"
        return "img2img"

    @property
    def denoises(self) -> bool:
        """Whether a model paints; enlarging alone takes none of its steps and no prompt."""
        return self.task != "upscale" or self.strength is not None

    @property
    def passes(self) -> tuple[Task, ...]:
        """What its model is asked to do, in this order: a second pass, and painting over, are image to image.

        A second pass by another model is not among it.
        """
        if self.task == "upscale":
            return ("img2img",) if self.denoises else ()
        return (self.task, "img2img") if self.hires.scale and not self.hires.model else (self.task,)

    @property
    def models(self) -> tuple[str, ...]:
        """The models that paint it, in this order; none where a picture is enlarged only."""
        return tuple(name for name in (self.model, self.hires.model) if name is not None) if self.denoises else ()

    @property
    def map_units(self) -> tuple[ControlUnit, ...]:
        """The control units that have a map."""
        return tuple(unit for unit in self.controls if not unit.is_prompt)

    @property
    def prompt_units(self) -> tuple[ControlUnit, ...]:
        """The control units whose picture is a prompt itself."""
        return tuple(unit for unit in self.controls if unit.is_prompt)

    @property
    def pictures(self) -> tuple[str, ...]:
        """The ids of the stored pictures that it names."""
        units = (picture for unit in self.controls for picture in (unit.image, unit.map))
        return tuple(filter(None, (self.init_image, self.mask.image, self.mask.sketch, *units)))

    @classmethod
    def make(cls, **values: Any) -> Self:
        """Build a recipe from foreign values; InvalidRecipe names the first field at fault and the cure."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise recipe_error(error, cls) from error

    @classmethod
    def unchecked(cls, **values: Any) -> Self:
        """A recipe of values as they are, to ask what of them means something."""
        whole = nested(values)
        parts = {name: of.model_construct(None, **dict(whole[name])) for name, of in SPREAD.items() if name in whole}
        return cls.model_construct(None, **whole | parts)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a stored recipe of any version; InvalidRecipe where it is none."""
        try:
            values = parse_json(text)
        except ParseError as error:
            hint = "Choose an image that the studio made."
            raise InvalidRecipe("recipe", f"The recipe {error.fault}.", hint) from error
        if not isinstance(values, dict):
            raise InvalidRecipe("recipe", "This is not a recipe.", "Choose an image that the studio made.")
        return cls.make(**values)

    def to_json(self) -> str:
        """The recipe as one line of JSON, without what was left open."""
        given = {name for name, field in type(self).model_fields.items() if getattr(self, name) != field.default}
        return self.model_dump_json(exclude_none=True, include=given | ALWAYS)

    @property
    def named(self) -> frozenset[str]:
        """The settings that were said when it was made, by flat names."""
        inner = (name for name, (part, field) in ADDRESSES.items() if field in getattr(self, part).model_fields_set)
        return frozenset((*self.model_fields_set & fields(type(self)).keys(), *inner))

    def get(self, name: str) -> Any:
        """The value of a setting by its flat name."""
        part, field = ADDRESSES.get(name, ("", name))
        return getattr(getattr(self, part) if part else self, field)

    def with_flat(self, name: str, value: Any) -> Self:
        """A copy with one setting changed, by its flat name, to a value that is known to fit."""
        part, field = ADDRESSES.get(name, ("", name))
        return self.changed(**{part: getattr(self, part).changed(**{field: value})} if part else {field: value})

    def given(self) -> dict[str, Any]:
        """What is said otherwise than by a field's default, by flat names."""
        return {name: value for name, field in fields(Recipe).items() if (value := self.get(name)) != field.default}

    def dumped(self) -> dict[str, Any]:
        """The same as plain values, as JSON has them."""
        dump = self.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        places = {name: ADDRESSES.get(name, ("", name)) for name in self.given()}
        return {name: dump[part][field] if part else dump[field] for name, (part, field) in places.items()}

    def without_maps(self) -> Self:
        """A copy in which the maps that are made of a picture are left open again."""
        units = (unit.changed(map=None) if unit.image else unit for unit in self.controls)
        return self.changed(controls=tuple(units))

    def replace(self, **changes: Any) -> "Recipe":
        """An open recipe with some fields changed, by flat names too, checked like a new one."""
        return Recipe.make(**nested(changes, {name: getattr(self, name) for name in Recipe.model_fields}))


def upgrade(values: dict[str, Any]) -> dict[str, Any]:
    """Bring a stored recipe to the present version. Version 1 had its parts' fields by flat names."""
    return {**nested(values), "version": VERSION} if values.get("version") == 1 else values
