"""Image to image: from a picture under as much noise as the strength says."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch
from PIL.Image import Image

from studio.engine import masking
from studio.engine.masking import Size
from studio.engine.requests import Expect, LatentRow, Note, Pass, RenderRow, Work
from studio.engine.tasks.context import TaskContext
from studio.recipe import ImageToImageRecipe, Recipe
from studio.resolve.sizes import trained_size


def task(context: TaskContext, recipe: ImageToImageRecipe) -> Work[RenderRow]:
    """Returns what renders one picture of the recipe's size."""
    given = context.open(recipe.init_image)
    size = (recipe.width, recipe.height)
    fitted = masking.fitted(given, size, recipe.resize)
    if size == trained_size(given.size, context.model) and size[0] * size[1] < given.width * given.height / 2:
        yield Note(
            f"The picture was brought from {given.width}x{given.height} to {size[0]}x{size[1]}, about as many pixels "
            f"as {context.model.name} was trained on; a width and height say otherwise."
        )
    start = context.divisible(fitted)
    pass_ = context.pass_of("img2img", start.size, recipe.steps, recipe.strength)
    yield Expect((pass_,))
    if not pass_.made:
        yield Note(unpainted(recipe, resized=fitted.size != given.size))
        return partial(unchanged, fitted)
    maps = [context.divisible(one) for one in context.maps(size)]
    return partial(_render, context, pass_, size, start if pass_.task == "img2img" else None, maps)


def _render(
    context: TaskContext, pass_: Pass, size: Size, start: Image | None, maps: Sequence[Image], row: LatentRow
) -> Work[Image]:
    latents: list[torch.Tensor] = yield context.denoise(pass_, replace(row, start=start, maps=maps))
    picture: Image = yield context.decode(pass_, row, latents[0])
    return picture.crop((0, 0, *size))


def unchanged(picture: Image, row: LatentRow) -> Work[Image]:
    """Renders the picture as it is: a generator that asks for nothing."""
    del row
    yield from ()
    return picture.copy()


def unpainted(recipe: Recipe, *, resized: bool) -> str:
    """What is said where the strength is so low that no step is made: what became of the picture all the same."""
    done = "the picture is returned as it was"
    if recipe.task == "upscale":
        done = "the picture is enlarged only"
    elif recipe.outpaint:
        done = "the picture is extended only, and nothing is painted there"
    elif resized:
        done = "the picture is brought to its size only"
    return f"The strength is too low for a single step: {done}."
