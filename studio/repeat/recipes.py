"""The recipe of a picture, made that of others: with another prompt, or from another picture."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from studio.catalogue.models import Catalogue
from studio.errors import InvalidRecipe, InvalidRequest, ModelError, NotFound
from studio.gate.identity import Identity
from studio.inputs import Input, InputStore
from studio.recipe import ControlUnit, Recipe
from studio.resolve.sizes import open_size


def for_prompts(recipe: Recipe, prompts: Iterable[str]) -> list[Recipe]:
    """The recipe with each of these prompts; InvalidRequest where it has none, or there are none."""
    if not recipe.denoises:
        raise InvalidRequest("This picture was enlarged, and no prompt had a part in it.", "Give pictures instead.")
    found = [recipe.replace(prompt=prompt, count=1) for prompt in prompts]
    if not found:
        raise InvalidRequest("There is no prompt in there.", "Write one a line.")
    return found


def for_pictures(
    recipe: Recipe, paths: Iterable[Path], inputs: InputStore, catalogue: Catalogue, who: Identity
) -> list[Recipe]:
    """The recipe from each of these pictures, in place of the one that it started from, or that it followed.

    InvalidRequest where it did neither, InvalidRecipe where one cannot be read.
    """
    if is_of_words(recipe):
        raise InvalidRequest("This picture was made of words alone.", "Give prompts instead of pictures.")
    free = _opened(recipe, inputs, catalogue)
    return [_from(free, inputs.add(path, who=who)) for path in paths]


def is_of_words(recipe: Recipe) -> bool:
    """Whether no picture had a part in it."""
    return recipe.init_image is None and not any(unit.image for unit in recipe.controls)


def _from(recipe: Recipe, picture: Input) -> Recipe:
    """The recipe from another picture; what followed the old one follows the new one."""
    old = recipe.init_image
    if old is None:
        units = list(recipe.controls)
        first = next(number for number, unit in enumerate(units) if unit.image)
        old = units[first].image
        return recipe.replace(controls=[_following(unit, old, picture.id) for unit in units], count=1)
    units = [_following(unit, old, picture.id) for unit in recipe.controls]
    return recipe.replace(init_image=picture.id, controls=units, count=1)


def _following(unit: ControlUnit, old: str | None, new: str) -> ControlUnit:
    return unit.changed(image=new, map=None) if unit.image == old else unit


def _opened(recipe: Recipe, inputs: InputStore, catalogue: Catalogue) -> Recipe:
    """The recipe without its size, where that is what its own picture's came to, or nobody can say any more."""
    if recipe.init_image is None or recipe.model is None or not recipe.denoises:
        return recipe
    free = recipe.replace(width=None, height=None)
    with suppress(InvalidRecipe, ModelError):
        try:
            size = open_size(free, catalogue[recipe.model], inputs)
        except NotFound:
            return free
        return free if size == (recipe.width, recipe.height) else recipe
    return recipe
