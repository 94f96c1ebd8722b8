"""What is said of values that cannot be in a recipe."""

from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from studio.errors import InvalidRecipe
from studio.parsing import fault_words, shown
from studio.recipe.flat import SPREAD, fields, flat_name
from studio.recipe.masks import OutpaintPadding
from studio.recipe.units import ControlUnit, Lora
from studio.suggestions import near

PROMPT_CHARACTERS = 4000
# The fields that are values of several fields themselves, and named as one.
WHOLE: dict[str, type[BaseModel]] = {"outpaint": OutpaintPadding, "controls": ControlUnit, "loras": Lora}


def bounds(field: FieldInfo) -> tuple[float | None, float | None]:
    """The lowest and highest value a field takes, inclusive; None where it has no such bound."""
    low = next((m.ge for m in field.metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in field.metadata if hasattr(m, "le")), None)
    if high is None:
        high = next((m.lt - 1 for m in field.metadata if hasattr(m, "lt")), None)
    return low, high


def recipe_error(error: ValidationError, of: type[BaseModel]) -> InvalidRecipe:
    """The first fault of a validation, in the studio's words."""
    first = error.errors()[0]
    name, part = flat_name([str(step) for step in first["loc"]] or ["recipe"])
    if first["type"] == "extra_forbidden":
        known = {**WHOLE, **SPREAD}[name].model_fields if part else fields(of)
        return InvalidRecipe(name, "There is no such setting.", near(str(first["loc"][-1]), known))
    if first["type"] == "string_too_long":
        return InvalidRecipe(name, f"The text is longer than {PROMPT_CHARACTERS} characters.", "Shorten it.")
    if first["type"] == "string_pattern_mismatch":
        return InvalidRecipe(name, "This does not name a stored image.", "Give the image again.")
    field = fields(of).get(name)
    low, high = bounds(field) if field and not part else (None, None)
    if low is not None or high is not None:
        given = first.get("input")
        what = name.replace("_", " ").replace("steps", "number of steps")
        return InvalidRecipe(
            name,
            f"{shown(given)} is not a {f'valid {what}' if _is_number(given) else 'number'}.",
            f"Give a number from {low:.10g} to {high:.10g}.",
        )
    where = f"{' '.join(part)}: " if part else ""
    message = fault_words(first)
    place = int(part[0]) if part and part[0].isdecimal() else None
    return InvalidRecipe(name, f"{where}{message}.", "Correct the value, or leave it out.", place)


def _is_number(given: Any) -> bool:
    try:
        float(given)
    except (TypeError, ValueError):
        return False
    except OverflowError:  # of hundreds of digits
        pass
    return True
