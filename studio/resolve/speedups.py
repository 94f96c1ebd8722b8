"""The speed-ups of a recipe: each is known, said rightly, and for the models that paint."""

from collections.abc import Sequence
from typing import Any

from studio.catalogue.models import Model
from studio.errors import InvalidRecipe
from studio.recipe import Recipe
from studio.speedups import SPEEDUPS
from studio.suggestions import near


def read_speedups(recipe: Recipe) -> list[tuple[str, Any]]:
    """The name and value of each speed-up, by name; InvalidRecipe for one that there is not, twice or said wrongly."""
    found: dict[str, Any] = {}
    for text in recipe.speedups:
        name, _, value = (part.strip() for part in text.partition("="))
        if name not in SPEEDUPS:
            raise InvalidRecipe("speedups", f"There is no speed-up “{name}”.", near(name, SPEEDUPS))
        if name in found:
            raise InvalidRecipe("speedups", f"{SPEEDUPS[name].label} is given twice.", "Leave one of them out.")
        found[name] = SPEEDUPS[name].read(value)
    return sorted(found.items())


def check_speedups(recipe: Recipe, models: Sequence[Model]) -> None:
    """InvalidRecipe for the first speed-up of a recipe, resolved so far, that one of its models cannot have."""
    for name, _ in read_speedups(recipe):
        for model in models:
            if fault := SPEEDUPS[name].why_not(model.family_facts(), recipe):
                raise InvalidRecipe("speedups", f"{SPEEDUPS[name].label}: {fault}", "Leave it out.")


def splits_steps(recipe: Recipe) -> bool:
    """Whether a speed-up of the recipe changes a whole network, so that its picture shares no steps."""
    return not all(SPEEDUPS[name].shares_steps for name, _ in read_speedups(recipe))
