"""What who asks may name: only pictures that they brought or made. Every recipe tells ids, so an id is no right."""

from collections.abc import Sequence

from studio.errors import InvalidRecipe, NotFound
from studio.gate.identity import Identity
from studio.inputs import InputStore
from studio.recipe import Recipe

HINT = "Give the picture again."


def check_held(inputs: InputStore, recipes: Sequence[Recipe], who: Identity) -> None:
    """InvalidRecipe on the field that names a picture which the owner does not hold."""
    named = [(recipe, *one) for recipe in recipes for one in _pictures(recipe)]
    held = inputs.holds(who, [picture for _, _, _, picture in named])
    for _, field, part, picture in named:
        if picture not in held:
            raise InvalidRecipe(field, f"The picture {picture[:12]} is not here.", HINT, part)


def check_ids(inputs: InputStore, ids: Sequence[str], who: Identity) -> None:
    """NotFound where one of these pictures is none that the owner holds."""
    for lost in sorted(set(ids) - inputs.holds(who, ids)):
        raise NotFound(f"The picture {lost[:12]} is not here.", HINT)


def _pictures(recipe: Recipe) -> list[tuple[str, int | None, str]]:
    """Each stored picture that a recipe names, with its field, and its number where there are several."""
    found: list[tuple[str, int | None, str | None]] = [
        ("init_image", None, recipe.init_image),
        ("mask_image", None, recipe.mask.image),
        ("mask_sketch", None, recipe.mask.sketch),
    ]
    for number, unit in enumerate(recipe.controls):
        found += [("controls", number, unit.image), ("controls", number, unit.map)]
    return [(field, part, picture) for field, part, picture in found if picture]
