"""Ready-made words: styles and negative presets by name, and a recipe's prompts with them in."""

from collections.abc import Mapping
from typing import TypeVar

from studio.catalogue.models import Model
from studio.errors import InvalidPreset, InvalidPrompt, InvalidRecipe
from studio.families import FAMILIES
from studio.presets.importing import check_negative
from studio.presets.reading import NegativePreset, Presets, StylePreset, named
from studio.prompts.view import explain
from studio.prompts.wildcards import Wildcards
from studio.recipe import PROMPT_CHARACTERS, Recipe, setting_specs
from studio.suggestions import near

P = TypeVar("P", NegativePreset, StylePreset)


def styled(recipe: Recipe, model: Model, presets: Presets, wildcards: Wildcards) -> Recipe:
    """The recipe with its styles, in their order, and its negative presets as words of its prompts, none left by name.

    What a style keeps out is left out for a model that takes no negative prompt. Raises InvalidRecipe; an InvalidPrompt
    for a place in the creator's own words.
    """
    prompt, negative = recipe.prompt, recipe.negative_prompt.strip()
    if recipe.styles:
        _check(prompt, negative, wildcards)
    for name in recipe.styles:
        style = _named(name, "styles", presets.styles, presets)
        _check_suits(style, model)
        prompt, negative = _applied(style, prompt, negative, wildcards)
    if "negative_prompt" not in model.default("abilities"):
        negative = recipe.negative_prompt
    chosen = (
        _named(name, "negative_presets", presets.negatives, presets).text.strip() for name in recipe.negative_presets
    )
    negative = ", ".join(dict.fromkeys(filter(None, [negative, *chosen])))
    _check_lengths(prompt, negative)
    return recipe.changed(prompt=prompt, negative_prompt=negative, styles=(), negative_presets=())


def _applied(style: StylePreset, prompt: str, negative: str, wildcards: Wildcards) -> tuple[str, str]:
    whole = style.applied(prompt, negative)
    try:
        _check(*whole, wildcards)
        check_negative(style.negative)
    except InvalidPrompt as error:
        raise InvalidRecipe("styles", f"The style “{style.name}” cannot be read: {error.fault}", error.hint) from error
    return whole


def _check(prompt: str, negative: str, wildcards: Wildcards) -> None:
    explain(prompt, wildcards)
    explain(negative, wildcards, negative=True)


def _check_suits(style: StylePreset, model: Model) -> None:
    if not style.suits(model.family):
        families = ", ".join(FAMILIES[family].name for family in style.families)
        raise InvalidRecipe(
            "styles",
            f"The style “{style.name}” is for {families}; {model.name} is {model.family_facts().name}.",
            "Choose another style, or another model.",
        )


def _check_lengths(prompt: str, negative: str) -> None:
    for field, text in (("prompt", prompt), ("negative_prompt", negative)):
        if len(text) > PROMPT_CHARACTERS:
            raise InvalidRecipe(
                field,
                f"With what is ready-made, it has {len(text)} characters; the limit is {PROMPT_CHARACTERS}.",
                "Shorten it, or choose fewer styles and presets.",
            )


def _named(name: str, field: str, known: Mapping[str, P], presets: Presets) -> P:
    try:
        if preset := named(name, known):
            return preset
    except InvalidPreset as error:
        raise InvalidRecipe(field, error.message, error.hint) from error
    if fault := presets.fault_of(name):
        raise InvalidRecipe(field, fault.message, fault.hint)
    kind = setting_specs()[field].label.lower().removesuffix("s")
    raise InvalidRecipe(field, f"There is no {kind} “{name}”.", near(name, known))
