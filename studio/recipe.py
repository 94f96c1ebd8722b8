"""The recipe: one frozen value that says how to make an image.

Every setting is said once, here: its type and hard range, and beside them (`Setting`) its label, help, group, the
range a slider shows, the ability of the model it needs and how dear it is to change. Forms, checks, metadata and
the command line are read from it. `None` means: what the model is best at, filled in when the recipe is settled.
"""

import json
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from studio.errors import RecipeError

Group = Literal["prompt", "model", "size", "sampling", "seed"]
Ability = Literal["negative_prompt", "guidance"]

PROMPT_CHARACTERS = 4000
SEEDS = 2**32


class Dearness(IntEnum):
    """What has to be done again when a setting changes; a grid varies the dearest slowest."""

    SEED = 1
    SAMPLING = 2
    TEXT = 3
    SIZE = 4
    MODEL = 5


@dataclass(frozen=True)
class Setting:
    """How a field is shown and treated; `minimum`, `maximum`, `step` are what a slider offers."""

    label: str
    help: str
    group: Group
    dearness: Dearness
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    ability: Ability | None = None


class Recipe(BaseModel):
    """How to make an image. Frozen, hashable, unknown keys refused; equal recipes make equal pixels on one machine."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)

    version: Literal[1] = 1
    prompt: Annotated[
        str,
        Field(max_length=PROMPT_CHARACTERS),
        Setting("Prompt", "What the picture shows, in words.", "prompt", Dearness.TEXT),
    ] = ""
    negative_prompt: Annotated[
        str,
        Field(max_length=PROMPT_CHARACTERS),
        Setting(
            "Negative prompt",
            "What to keep out of the picture.",
            "prompt",
            Dearness.TEXT,
            ability="negative_prompt",
        ),
    ] = ""
    negative_presets: Annotated[
        tuple[str, ...],
        Setting(
            "Negative presets",
            "Ready-made negative prompts, added to your own.",
            "prompt",
            Dearness.TEXT,
            ability="negative_prompt",
        ),
    ] = ()
    model: Annotated[
        str | None,
        Setting("Model", "The weights that draw the picture.", "model", Dearness.MODEL),
    ] = None
    width: Annotated[
        int | None,
        Field(ge=16, le=8192),
        Setting("Width", "Pixels from left to right.", "size", Dearness.SIZE, 64, 2048, 8),
    ] = None
    height: Annotated[
        int | None,
        Field(ge=16, le=8192),
        Setting("Height", "Pixels from top to bottom.", "size", Dearness.SIZE, 64, 2048, 8),
    ] = None
    scheduler: Annotated[
        str | None,
        Setting("Scheduler", "The method that removes the noise, step by step.", "sampling", Dearness.SAMPLING),
    ] = None
    steps: Annotated[
        int | None,
        Field(ge=1, le=1000),
        Setting(
            "Steps", "More steps take longer and add detail, up to a point.", "sampling", Dearness.SAMPLING, 1, 100, 1
        ),
    ] = None
    guidance_scale: Annotated[
        float | None,
        Field(ge=0, le=50),
        Setting(
            "Guidance",
            "How strictly the picture follows the prompt; too high burns the colours.",
            "sampling",
            Dearness.SAMPLING,
            1,
            20,
            0.1,
            ability="guidance",
        ),
    ] = None
    seed: Annotated[
        int | None,
        Field(ge=0, lt=SEEDS),
        Setting(
            "Seed", "The number the noise is drawn from; the same seed gives the same picture.", "seed", Dearness.SEED
        ),
    ] = None
    count: Annotated[
        int,
        Field(ge=1, le=1024),
        Setting("Images", "How many pictures, each with the next seed.", "seed", Dearness.SEED, 1, 16, 1),
    ] = 1

    @classmethod
    def make(cls, **values: Any) -> "Recipe":
        """Build a recipe from foreign values; RecipeError names the first field at fault and the cure."""
        try:
            return cls(**values)
        except ValidationError as error:
            raise _recipe_error(error) from error

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """Read a stored recipe of any version; RecipeError where it is none."""
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            hint = "Choose an image that the studio made."
            raise RecipeError("recipe", f"This is not JSON ({error}).", hint) from error
        if not isinstance(values, dict):
            raise RecipeError("recipe", "This is not a recipe.", "Choose an image that the studio made.")
        return cls.make(**upgrade(values))

    def to_json(self) -> str:
        """The recipe as one line of JSON, without what was left open."""
        return self.model_dump_json(exclude_none=True)

    def replace(self, **changes: Any) -> "Recipe":
        """A copy with some fields changed, checked like a new one."""
        return self.make(**{**self.model_dump(), **changes})


def upgrade(values: dict[str, Any]) -> dict[str, Any]:
    """Bring a stored recipe to the present version; there is only one so far."""
    return values


def settings() -> dict[str, Setting]:
    """Each field's `Setting`, by field name, in the recipe's order."""
    return {
        name: meta
        for name, field in Recipe.model_fields.items()
        for meta in field.metadata
        if isinstance(meta, Setting)
    }


def hard_range(name: str) -> tuple[float | None, float | None]:
    """The lowest and highest value a field takes, inclusive; None where it has no such bound."""
    field: FieldInfo = Recipe.model_fields[name]
    low = next((m.ge for m in field.metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in field.metadata if hasattr(m, "le")), None)
    if high is None:
        high = next((m.lt - 1 for m in field.metadata if hasattr(m, "lt")), None)
    return low, high


def _recipe_error(error: ValidationError) -> RecipeError:
    """The first fault of a validation, in the studio's words."""
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else "recipe"
    if first["type"] == "extra_forbidden":
        return RecipeError(name, "There is no such setting.", f"Known are: {', '.join(Recipe.model_fields)}.")
    if first["type"] == "string_too_long":
        return RecipeError(name, f"The text is longer than {PROMPT_CHARACTERS} characters.", "Shorten it.")
    low, high = hard_range(name) if name in Recipe.model_fields else (None, None)
    if low is not None or high is not None:
        given = first.get("input")
        return RecipeError(name, f"{given!r} cannot be.", f"Give a number from {low:.10g} to {high:.10g}.")
    return RecipeError(name, f"{first['msg']}.", "Mend the value or leave it out.")
