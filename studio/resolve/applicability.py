"""Which settings a recipe's task uses, what they are where they are left open, and why it uses no others."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from studio.catalogue.upscalers import LANCZOS
from studio.errors import InvalidRecipe
from studio.recipe import Recipe, setting_specs
from studio.recipe_parts import Ability, Group, Setting
from studio.schedulers import SCHEDULERS


def _group(*groups: Group) -> frozenset[str]:
    return frozenset(name for name, setting in setting_specs().items() if setting.group in groups)


MASK = _group("mask")
HIRES = _group("hires")
UPSCALE = _group("upscale")
# How far a mask's feather reaches, in mask blurs; what is farther from the mask keeps its pixels to the bit.
FEATHER = 2.5
PAINTING = frozenset(
    {
        "prompt",
        "styles",
        "negative_prompt",
        "negative_presets",
        "scheduler",
        "steps",
        "guidance_scale",
        "clip_skip",
        "guidance_rescale",
        "eta",
        "sigma_churn",
        "sigma_noise",
        "rng",
        "vae",
        "controls",
        "loras",
        "variation_seed",
        "variation_strength",
    }
)


def _knows(recipe: Recipe, what: Literal["eta", "churn"]) -> bool:
    """Whether the recipe's scheduler knows a setting; one that is open may."""
    row = {name.casefold(): row for name, row in SCHEDULERS.items()}.get((recipe.scheduler or "").casefold())
    return row is None or bool(getattr(row, what))


@dataclass(frozen=True)
class Unused:
    """Where a recipe `applies`, its `fields` mean nothing; `when` and `cure` end the sentences that say so."""

    applies: Callable[[Recipe], bool]
    fields: frozenset[str]
    when: str
    cure: str


RULES = (
    Unused(
        lambda recipe: recipe.init_image is None,
        _group("edit") - {"init_image"} | MASK | UPSCALE,
        "without a picture to start from",
        "Give that picture (init_image)",
    ),
    Unused(lambda recipe: recipe.init_image is not None, HIRES, "on a given picture", "Enlarge it with an upscaler"),
    Unused(
        lambda recipe: recipe.task == "upscale",
        MASK | {"resize", "width", "height", "image_guidance_scale"},
        "while a picture is enlarged",
        "Change the picture first and enlarge the result",
    ),
    Unused(lambda recipe: recipe.task != "upscale", UPSCALE, "without an upscaler", "Give one (upscaler)"),
    Unused(
        lambda recipe: not recipe.denoises,
        PAINTING,
        "where a picture is enlarged and not painted over",
        "Give a strength",
    ),
    Unused(
        lambda recipe: recipe.task == "img2img", MASK, "without a mask", "Give a mask (mask_image) or sides (outpaint)"
    ),
    Unused(
        lambda recipe: recipe.mask_image is None,
        frozenset({"mask_grow", "mask_fill", "mask_area", "mask_padding"}),
        "without a mask",
        "Give a mask (mask_image)",
    ),
    Unused(
        lambda recipe: recipe.mask_area != "masked",
        frozenset({"mask_padding"}),
        "while the whole picture is in view",
        "Set the area to the masked place alone (mask_area “masked”)",
    ),
    Unused(
        lambda recipe: recipe.mask_area == "masked",
        frozenset({"resize"}),
        "where the masked place alone is in view",
        "Set the area to the whole picture (mask_area “whole”)",
    ),
    Unused(
        lambda recipe: recipe.guidance_scale is not None and recipe.guidance_scale <= 1,
        frozenset({"guidance_rescale"}),
        "without guidance",
        "Give a guidance_scale above 1",
    ),
    Unused(lambda recipe: not _knows(recipe, "eta"), frozenset({"eta"}), "with this scheduler", "Choose DDIM"),
    Unused(
        lambda recipe: not _knows(recipe, "churn"),
        frozenset({"sigma_churn", "sigma_noise"}),
        "with this scheduler",
        "Choose Euler, or EDM Euler for a model of EDM",
    ),
    Unused(
        lambda recipe: not recipe.sigma_churn,
        frozenset({"sigma_noise"}),
        "where no noise is put back",
        "Give a sigma_churn",
    ),
    Unused(
        lambda recipe: recipe.variation_strength is None,
        frozenset({"variation_seed"}),
        "without a variation",
        "Give its strength (variation_strength)",
    ),
    Unused(
        lambda recipe: recipe.hires_scale is None,
        HIRES - {"hires_scale"},
        "without a second pass",
        "Give its scale (hires_scale)",
    ),
)


def unused(recipe: Recipe) -> dict[str, Unused]:
    """The settings that mean nothing for this recipe, each with the first reason why."""
    return {name: rule for rule in reversed(RULES) if rule.applies(recipe) for name in rule.fields}


def check_used(recipe: Recipe) -> None:
    """InvalidRecipe for the first setting that is given and would be ignored."""
    idle = unused(recipe)
    for name, setting in setting_specs().items():
        if name in idle and getattr(recipe, name) not in (None, "", ()):
            rule = idle[name]
            raise InvalidRecipe(name, f"{setting.label} means nothing {rule.when}.", f"{rule.cure}, or leave this out.")


def lacked(abilities: Collection[Ability]) -> dict[str, Setting]:
    """The settings that a model of these abilities cannot take."""
    return {name: setting for name, setting in setting_specs().items() if setting.ability not in (None, *abilities)}


def check_able(recipe: Recipe, abilities: Collection[Ability], model: str) -> None:
    """InvalidRecipe for the first setting that is given and that the model of this name cannot take."""
    for name, setting in lacked(abilities).items():
        if getattr(recipe, name) not in (None, "", ()):
            takes_no = f"{model} takes no {str(setting.ability).replace('_', ' ')}."
            if setting.label not in ("Negative prompt", "Negative presets") and setting.ability == "negative_prompt":
                takes_no = f"{setting.label} means nothing here: {takes_no}"
            raise InvalidRecipe(name, takes_no, "Leave it out, or choose another model.")


def standards(recipe: Recipe, abilities: Collection[Ability]) -> Mapping[str, Any]:
    """What the settings of an edit are where they are left open; those that recipe or model do not use are not named.

    A second pass takes as many steps as the first one, by another model as many as that is best at.
    """
    values = {
        "strength": {"img2img": 0.75, "inpaint": 1.0}.get(recipe.task),
        "image_guidance_scale": 1.5,
        "resize": "crop",
        "mask_blur": 4,
        "mask_grow": 0,
        "mask_fill": "original",
        "mask_area": "whole",
        "mask_padding": 32,
        "hires_upscaler": LANCZOS,
        "hires_strength": 0.5,
        "upscaler": LANCZOS,
        "upscale": 2.0,
    }
    idle = unused(recipe).keys() | lacked(abilities).keys()
    return {name: value for name, value in values.items() if name not in idle}
