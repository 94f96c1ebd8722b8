"""Text to image: from noise alone."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch
from PIL.Image import Image

from studio.engine.requests import Expect, LatentRow, Pass, RenderRow, Work
from studio.engine.tasks.context import TaskContext
from studio.recipe import TextToImageRecipe


def task(context: TaskContext, recipe: TextToImageRecipe) -> Work[RenderRow]:
    """Returns what renders one picture of the recipe's size."""
    size = (recipe.width, recipe.height)
    pass_ = context.pass_of("text2img", size, recipe.steps)
    yield Expect((pass_,))
    return partial(_render, context, pass_, context.maps(size))


def _render(context: TaskContext, pass_: Pass, maps: Sequence[Image], row: LatentRow) -> Work[Image]:
    latents: list[torch.Tensor] = yield context.denoise(pass_, replace(row, maps=maps))
    picture: Image = yield context.decode(pass_, row, latents[0])
    return picture
