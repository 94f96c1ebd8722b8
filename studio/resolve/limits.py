"""What one picture may take of this machine, where whoever runs the studio set a limit."""

from collections.abc import Sequence

from studio.errors import InvalidRecipe
from studio.inputs import InputStore
from studio.recipe import PaintedRecipe, ResolvedRecipe
from studio.resolve.sizes import result_size
from studio.settings import Settings


def check_limits(recipes: Sequence[ResolvedRecipe], settings: Settings, inputs: InputStore) -> None:
    """InvalidRecipe for the first picture that is larger, or takes more steps, than one may."""
    for recipe in recipes:
        if settings.max_megapixels is not None:
            _check_pixels(recipe, settings.max_megapixels, inputs)
        if settings.max_steps is not None and isinstance(recipe, PaintedRecipe):
            _check_steps(recipe, settings.max_steps)


def _check_pixels(recipe: ResolvedRecipe, most: float, inputs: InputStore) -> None:
    width, height = result_size(recipe, inputs)
    if width * height > most * 1e6:
        field = "upscale" if recipe.task == "upscale" else "hires_scale" if recipe.hires.scale else "width"
        raise InvalidRecipe(
            field,
            f"This picture would have {width * height / 1e6:.3g} megapixels; the limit here is {most:.3g}.",
            "Choose a smaller size.",
        )


def _check_steps(recipe: PaintedRecipe, most: int) -> None:
    for field, steps in (("steps", recipe.steps), ("hires_steps", recipe.hires.steps or 0)):
        if steps > most:
            raise InvalidRecipe(field, f"{steps} steps are more than a picture may take here.", f"Use at most {most}.")
