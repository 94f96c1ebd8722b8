"""When the settings of a recipe mean something: what stands beside their fields, by name."""

from typing import TYPE_CHECKING, Literal

from studio.recipe.setting import Rule
from studio.schedulers import SCHEDULERS

if TYPE_CHECKING:
    from studio.recipe.recipe import Recipe


def _knows(recipe: "Recipe", what: Literal["eta", "churn", "resamples"]) -> bool:
    """Whether the recipe's scheduler knows a setting; one that is open may."""
    row = {name.casefold(): row for name, row in SCHEDULERS.items()}.get((recipe.scheduler or "").casefold())
    return row is None or bool(getattr(row, what))


PICTURED = Rule(
    lambda recipe: recipe.init_image is not None,
    "without a picture to start from",
    "Give that picture (init_image)",
)
FROM_TEXT = Rule(lambda recipe: recipe.init_image is None, "on a given picture", "Enlarge it with an upscaler")
NOT_ENLARGED = Rule(
    lambda recipe: recipe.task != "upscale",
    "while a picture is enlarged",
    "Change the picture first and enlarge the result",
)
ENLARGED = Rule(lambda recipe: recipe.task == "upscale", "without an upscaler", "Give one (upscaler)")
PAINTED = Rule(
    lambda recipe: recipe.denoises,
    "where a picture is enlarged and not painted over",
    "Give a strength",
)
INPAINTED = Rule(
    lambda recipe: recipe.task != "img2img", "without a mask", "Give a mask (mask_image) or sides (outpaint)"
)
MASKED = Rule(lambda recipe: recipe.mask.image is not None, "without a mask", "Give a mask (mask_image)")
AS_IT_IS = Rule(
    lambda recipe: recipe.mask.fill == "original",
    "where the masked area starts from something else",
    "Start from the original (mask_fill “original”)",
)
RESAMPLES = Rule(lambda recipe: _knows(recipe, "resamples"), "with this scheduler", "Choose Euler, Euler a or DDIM")
CLOSE = Rule(
    lambda recipe: recipe.mask.area == "masked",
    "while the whole picture is repainted",
    "Set the area to the masked area only (mask_area “masked”)",
)
WHOLE = Rule(
    lambda recipe: recipe.mask.area != "masked",
    "where only the masked area is repainted",
    "Set the area to the whole picture (mask_area “whole”)",
)
GUIDED = Rule(
    lambda recipe: recipe.guidance_scale is None or recipe.guidance_scale > 1,
    "without guidance",
    "Give a guidance_scale above 1",
)
KNOWS_ETA = Rule(lambda recipe: _knows(recipe, "eta"), "with this scheduler", "Choose DDIM")
KNOWS_CHURN = Rule(
    lambda recipe: _knows(recipe, "churn"),
    "with this scheduler",
    "Choose Euler, or EDM Euler for a model of EDM",
)
CHURNED = Rule(lambda recipe: bool(recipe.sigma_churn), "where no noise is put back", "Give a sigma_churn")
VARIED = Rule(
    lambda recipe: recipe.variation.strength is not None,
    "without a variation",
    "Give its strength (variation_strength)",
)
TWICE = Rule(lambda recipe: recipe.hires.scale is not None, "without a second pass", "Give its scale (hires_scale)")
