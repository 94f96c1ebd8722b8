"""Inpainting and outpainting: a part is painted anew, every pixel outside it and its feather stays as it was."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from PIL import Image

from studio.engine import masking
from studio.engine.masking import Box, Size
from studio.engine.requests import Expect, LatentRow, Note, Pass, RenderRow, Work
from studio.engine.tasks.context import TaskContext
from studio.engine.tasks.img2img import unchanged, unpainted
from studio.errors import InvalidRecipe
from studio.recipe import InpaintRecipe, OutpaintPadding
from studio.resolve.sizes import trained_size


@dataclass(frozen=True, eq=False)
class Canvas:
    """What is painted on, what the model starts from, and how strongly each pixel may change (0 to 255)."""

    picture: Image.Image
    start: Image.Image
    alpha: Image.Image


@dataclass(frozen=True)
class View:
    """What of the canvas the model sees, and at which size."""

    box: Box
    size: Size


def task(context: TaskContext, recipe: InpaintRecipe) -> Work[RenderRow]:
    """Returns what renders one picture: of the given one's own size, grown by what is outpainted."""
    canvas, view = yield from layout(context, recipe)
    image, mask, *maps = _layers(context, recipe, canvas, view)
    pass_ = context.pass_of("inpaint", image.size, recipe.steps, recipe.strength)
    yield Expect((pass_,))
    if not pass_.made:
        given = context.inputs.size(recipe.init_image)
        yield Note(unpainted(recipe, resized=canvas.picture.size != given))
        return partial(unchanged, canvas.picture)
    return partial(_render, context, pass_, canvas, view, (image, masking.painted(mask), *maps))


def layout(context: TaskContext, recipe: InpaintRecipe) -> Work[tuple[Canvas, View]]:
    """Returns what is painted on, and what of it the model sees."""
    canvas: Canvas = yield from _canvas(context, recipe)
    view: View = yield from _view(context, recipe, canvas)
    return canvas, view


def _render(
    context: TaskContext, pass_: Pass, canvas: Canvas, view: View, layers: Sequence[Image.Image], row: LatentRow
) -> Work[Image.Image]:
    image, mask, *maps = layers
    latents: list[torch.Tensor] = yield context.denoise(pass_, replace(row, start=image, mask=mask, maps=maps))
    picture: Image.Image = yield context.decode(pass_, row, latents[0])
    left, top, right, bottom = view.box
    back = masking.scaled(picture.crop((0, 0, *view.size)), (right - left, bottom - top))
    return masking.laid_over(canvas.picture, back, canvas.alpha, (left, top))


def _layers(context: TaskContext, recipe: InpaintRecipe, canvas: Canvas, view: View) -> list[Image.Image]:
    """What the model sees, at a size that suits it: the picture, its mask (grey at the edge) and the maps."""
    seen, hole = canvas.start.crop(view.box), masking.painted(canvas.alpha.crop(view.box))
    start = masking.filled(seen, hole, recipe.mask.fill) if recipe.mask.image else seen
    maps = [one.crop(view.box) for one in context.maps(canvas.picture.size)]
    return [context.divisible(masking.scaled(one, view.size)) for one in (start, hole, *maps)]


def _canvas(context: TaskContext, recipe: InpaintRecipe) -> Work[Canvas]:
    """The picture with its mask, both at the size of the result."""
    picture = context.open(recipe.init_image)
    mask: Image.Image = yield from _mask(context, recipe, picture.size)
    if recipe.mask.area == "whole" and recipe.size:
        picture, mask = (masking.fitted(one, recipe.size, recipe.resize) for one in (picture, mask))
    alpha = masking.feathered(mask, recipe.mask.grow, recipe.mask.blur)
    start = _sketched(context, recipe, picture, alpha)
    if recipe.outpaint:
        return _extended(picture, start, alpha, recipe.outpaint, recipe.mask.blur)
    if masking.is_empty(alpha):
        raise InvalidRecipe(
            "mask_image", "Nothing is left of the mask.", "Paint over what should change, grow it, or lower its blur."
        )
    return Canvas(picture, start, alpha)


def _sketched(context: TaskContext, recipe: InpaintRecipe, picture: Image.Image, alpha: Image.Image) -> Image.Image:
    """What the model starts from: the picture, with what was painted on it under the mask."""
    if recipe.mask.sketch is None:
        return picture
    sketch = context.open(recipe.mask.sketch).convert("RGB")
    fit = recipe.resize if recipe.mask.area == "whole" and recipe.size else "stretch"
    return Image.composite(masking.fitted(sketch, picture.size, fit), picture, masking.painted(alpha))


def _extended(
    picture: Image.Image, start: Image.Image, alpha: Image.Image, sides: OutpaintPadding, feather: int
) -> Canvas:
    """The picture with new borders, which are painted as what the mask covers is."""
    borders = (sides.left, sides.top, sides.right, sides.bottom)
    grown = masking.grown(picture, *borders, feather=feather)
    grown.area.paste(alpha, borders[:2])
    grown.start.paste(start, borders[:2])
    return Canvas(grown.canvas, grown.start, grown.area)


def _mask(context: TaskContext, recipe: InpaintRecipe, size: Size) -> Work[Image.Image]:
    if recipe.mask.image is None:
        return Image.new("L", size)
    mask = context.open(recipe.mask.image).convert("L")
    if mask.size != size:
        yield Note(f"The mask was stretched from {mask.width}x{mask.height} to the picture's {size[0]}x{size[1]}.")
    return masking.fitted(mask, size, "stretch")


def _view(context: TaskContext, recipe: InpaintRecipe, canvas: Canvas) -> Work[View]:
    if recipe.mask.area == "masked":
        box = masking.view_of(canvas.alpha, recipe.mask.padding, recipe.size)
        return View(box, recipe.size or _native(context, box[2] - box[0], box[3] - box[1]))
    whole = canvas.picture.size
    if recipe.size:
        return View((0, 0, *whole), whole)
    return View((0, 0, *whole), (yield from _whole(context, whole)))


def _whole(context: TaskContext, size: Size) -> Work[Size]:
    """The size at which the model looks at a whole picture of this one; told where it is another."""
    seen = trained_size(size, context.model)
    if seen[0] * seen[1] > size[0] * size[1] / 2:
        return size
    yield Note(
        f"The picture of {size[0]}x{size[1]} was painted at {seen[0]}x{seen[1]}, about as many pixels as "
        f"{context.model.name} was trained on, and enlarged into its place; the masked place alone (mask_area "
        "“masked”) is painted in more detail, and a width and height say otherwise."
    )
    return seen


def _native(context: TaskContext, width: int, height: int) -> Size:
    """A size of that shape with as many pixels as the model was trained on."""
    family = context.family
    scale = (context.native[0] * context.native[1] / (width * height)) ** 0.5
    limits = (family.multiple, family.min_side, family.max_side)
    return masking.side_for(width * scale, *limits), masking.side_for(height * scale, *limits)
