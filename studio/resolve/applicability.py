"""Which settings a recipe uses, what they are where they are left open, and why it uses no others."""

from collections.abc import Collection, Mapping
from typing import Any

from studio.errors import InvalidRecipe
from studio.recipe import Ability, Recipe, Rule, Setting, setting_specs

HIRES = frozenset(name for name, setting in setting_specs().items() if setting.group == "hires")
# How far a mask's feather reaches, in mask blurs; what is farther from the mask keeps its pixels to the bit.
FEATHER = 2.5


def unused(recipe: Recipe) -> dict[str, Rule]:
    """The settings that mean nothing for this recipe, each with the first reason why."""
    broken = ((name, _broken(setting, recipe)) for name, setting in setting_specs().items())
    return {name: rule for name, rule in broken if rule}


def _broken(setting: Setting, recipe: Recipe) -> Rule | None:
    return next((rule for rule in setting.rules if not rule.applies(recipe)), None)


def check_used(recipe: Recipe) -> None:
    """InvalidRecipe for the first setting that is given and would be ignored."""
    for name in recipe.given():
        if rule := _broken(setting_specs()[name], recipe):
            fault = f"{setting_specs()[name].label} has no effect {rule.when}."
            raise InvalidRecipe(name, fault, f"{rule.cure}, or leave this out.")


def lacked(abilities: Collection[Ability]) -> dict[str, Setting]:
    """The settings that a model of these abilities cannot take."""
    return {name: setting for name, setting in setting_specs().items() if setting.ability not in (None, *abilities)}


def check_able(recipe: Recipe, abilities: Collection[Ability], model: str) -> None:
    """InvalidRecipe for the first setting that is given and that the model of this name cannot take."""
    given = recipe.given()
    for name, setting in lacked(abilities).items():
        if name in given:
            takes_no = f"{model} takes no {str(setting.ability).replace('_', ' ')}."
            if setting.label not in ("Negative prompt", "Negative presets") and setting.ability == "negative_prompt":
                takes_no = f"{setting.label} has no effect here: {takes_no}"
            raise InvalidRecipe(name, takes_no, "Leave it out, or choose another model.")


def standards(recipe: Recipe, abilities: Collection[Ability]) -> Mapping[str, Any]:
    """What open settings are that recipe and model use, as far as that does not depend on the model."""
    open_ones = {name: setting.standard for name, setting in setting_specs().items() if setting.standard is not None}
    values = {name: one(recipe) if callable(one) else one for name, one in open_ones.items()}
    lacking = lacked(abilities)
    return {
        name: value
        for name, value in values.items()
        if value is not None and name not in lacking and not _broken(setting_specs()[name], recipe)
    }
