"""Image to image: from a picture under as much noise as the strength says."""

from collections.abc import Iterator

from PIL.Image import Image

from studio.engine import compose
from studio.engine.painter import Painter
from studio.recipe import Recipe
from studio.settling.frame import trained_size


def paint(painter: Painter) -> Iterator[tuple[int, Image]]:
    """Yield each image with its number; all are of the recipe's size, or else of the picture's."""
    recipe, family = painter.recipe, painter.family
    given = painter.inputs.open(str(recipe.init_image))
    size = (recipe.width or given.width, recipe.height or given.height)
    fitted = compose.fitted(given, size, recipe.resize or "crop")
    if size == trained_size(given.size, painter.model) and size[0] * size[1] < given.width * given.height / 2:
        painter.note(
            f"The picture was brought from {given.width}x{given.height} to {size[0]}x{size[1]}, about as many pixels "
            f"as {painter.model.name} was trained on; a width and height say otherwise."
        )
    start = compose.divisible(fitted, family.multiple, family.min_side)
    stage = painter.stage("img2img", start.size, int(recipe.steps or 0), recipe.strength)
    painter.progress.expect([stage])
    if not stage.made:
        painter.note(unpainted(recipe, resized=fitted.size != given.size))
        yield from ((index, fitted.copy()) for index, _ in painter.numbered)
        return
    maps = [compose.divisible(one, family.multiple, family.min_side) for one in painter.maps(size)]
    pieces = painter.pieces(maps, image=start) if stage.task == "img2img" else painter.pieces(maps)
    for piece, latents in painter.paint(stage, pieces):
        yield piece.image, painter.picture(stage, piece, latents).crop((0, 0, *size))


def unpainted(recipe: Recipe, *, resized: bool) -> str:
    """What is said where the strength is so low that no step is made: what became of the picture all the same."""
    done = "this is the picture as it was given"
    if recipe.task == "upscale":
        done = "the picture is enlarged only"
    elif recipe.outpaint:
        done = "the picture is extended only, and nothing is painted there"
    elif resized:
        done = "the picture is brought to its size only"
    return f"The strength is too low for a single step: {done}."
