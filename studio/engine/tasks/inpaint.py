"""Inpainting and outpainting: a part is painted anew, every pixel outside it and its feather stays as it was."""

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from studio.engine import compose
from studio.engine.compose import Box, Size
from studio.engine.painter import Painter
from studio.engine.tasks.img2img import unpainted
from studio.errors import InvalidRecipe
from studio.settling.frame import trained_size


@dataclass(frozen=True, eq=False)
class _Canvas:
    """What is painted on, what the model starts from, and how strongly each pixel may change (0 to 255)."""

    picture: Image.Image
    start: Image.Image
    alpha: Image.Image


def paint(painter: Painter) -> Iterator[tuple[int, Image.Image]]:
    """Yield each image with its number: the picture's own size, grown by what is outpainted."""
    recipe = painter.recipe
    canvas = _canvas(painter)
    box, size = _view(painter, canvas)
    seen, alpha = canvas.start.crop(box), canvas.alpha.crop(box)
    hole = compose.painted(alpha)
    start = compose.filled(seen, hole, recipe.mask_fill or "original") if recipe.mask_image else seen
    maps = [one.crop(box) for one in painter.maps(canvas.picture.size)]
    image, mask, *maps = (
        compose.divisible(compose.scaled(one, size), painter.family.multiple, painter.family.min_side)
        for one in (start, hole, *maps)
    )
    stage = painter.stage("inpaint", image.size, int(recipe.steps or 0), recipe.strength)
    painter.progress.expect([stage])
    if not stage.made:
        given = painter.inputs.size(str(recipe.init_image))
        painter.note(unpainted(recipe, resized=canvas.picture.size != given))
        yield from ((index, canvas.picture.copy()) for index, _ in painter.numbered)
        return
    pieces = painter.pieces(maps, image=image, mask_image=compose.painted(mask))
    for piece, latents in painter.paint(stage, pieces):
        new = painter.picture(stage, piece, latents).crop((0, 0, *size))
        back = compose.scaled(new, (box[2] - box[0], box[3] - box[1]))
        yield piece.image, compose.laid_over(canvas.picture, back, canvas.alpha, box[:2])


def _canvas(painter: Painter) -> _Canvas:
    """The picture with its mask, both at the size of the result."""
    recipe = painter.recipe
    picture = painter.inputs.open(str(recipe.init_image))
    mask = _mask(painter, picture.size)
    if recipe.mask_area != "masked" and (recipe.width or recipe.height):
        size = (recipe.width or picture.width, recipe.height or picture.height)
        picture, mask = (compose.fitted(one, size, recipe.resize or "crop") for one in (picture, mask))
    alpha = compose.feathered(mask, recipe.mask_grow or 0, recipe.mask_blur or 0)
    if recipe.outpaint:
        sides = recipe.outpaint
        borders = (sides.left, sides.top, sides.right, sides.bottom)
        grown = compose.grown(picture, *borders, feather=recipe.mask_blur or 0)
        grown.area.paste(alpha, borders[:2])
        return _Canvas(grown.canvas, grown.start, grown.area)
    if compose.is_empty(alpha):
        raise InvalidRecipe(
            "mask_image", "Nothing is left of the mask.", "Paint over what is to change, grow it, or lower its blur."
        )
    return _Canvas(picture, picture, alpha)


def _mask(painter: Painter, size: Size) -> Image.Image:
    recipe = painter.recipe
    if recipe.mask_image is None:
        return Image.new("L", size)
    mask = painter.inputs.open(recipe.mask_image).convert("L")
    if mask.size != size:
        painter.note(f"The mask was stretched from {mask.width}x{mask.height} to the picture's {size[0]}x{size[1]}.")
    return compose.fitted(mask, size, "stretch")


def _view(painter: Painter, canvas: _Canvas) -> tuple[Box, Size]:
    """What of the canvas the model sees, and at which size."""
    recipe = painter.recipe
    if recipe.mask_area != "masked":
        whole = canvas.picture.size
        return (0, 0, *whole), whole if recipe.width or recipe.height else _whole(painter, whole)
    asked = (recipe.width, recipe.height) if recipe.width and recipe.height else None
    box = compose.view_of(canvas.alpha, recipe.mask_padding or 0, asked)
    return box, asked or _native(painter, box[2] - box[0], box[3] - box[1])


def _whole(painter: Painter, size: Size) -> Size:
    """The size at which the model looks at a whole picture of this one; told where it is another."""
    seen = trained_size(size, painter.model)
    if seen[0] * seen[1] > size[0] * size[1] / 2:
        return size
    painter.note(
        f"The picture of {size[0]}x{size[1]} was painted at {seen[0]}x{seen[1]}, about as many pixels as "
        f"{painter.model.name} was trained on, and enlarged into its place; the masked place alone (mask_area "
        "“masked”) is painted in more detail, and a width and height say otherwise."
    )
    return seen


def _native(painter: Painter, width: int, height: int) -> Size:
    """A size of that shape with as many pixels as the model was trained on."""
    family = painter.family
    scale = (painter.native[0] * painter.native[1] / (width * height)) ** 0.5
    limits = (family.multiple, family.min_side, family.max_side)
    return compose.side_for(width * scale, *limits), compose.side_for(height * scale, *limits)
