"""Text to image in two passes: a picture of the model's own size, then enlarged and painted over, by it or another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from PIL.Image import Image

from studio.engine.requests import Borrow, Enlarge, Expect, LatentRow, Note, Pass, RenderRow, Work
from studio.engine.tasks.context import TaskContext
from studio.recipe import LATENT, TwoPassRecipe
from studio.resolve.sizes import hires_size

# What the second pass starts from: a picture, or latents (1, channels, height / 8, width / 8).
Start = Image | torch.Tensor


@dataclass(frozen=True, eq=False)
class _Step:
    """One of the two passes: who paints it, and along which maps."""

    context: TaskContext
    recipe: TwoPassRecipe
    pass_: Pass
    maps: Sequence[Image]


def task(context: TaskContext, recipe: TwoPassRecipe) -> Work[RenderRow]:
    """Returns what renders one picture, `hires.scale` times the recipe's size."""
    first, second = _first(context, recipe), _second(context.second or context, recipe)
    yield Expect((first.pass_, second.pass_))
    return partial(_render, first, second)


def _render(first: _Step, second: _Step, row: LatentRow) -> Work[Image]:
    start: Start = yield from _begun(first, row)
    if second.context is not first.context:
        yield Borrow(second.context.model, second.context.recipe)
    start = yield from _enlarged(second, start)
    return (yield from _ended(second, start, row))


def _begun(step: _Step, row: LatentRow) -> Work[Start]:
    """The first pass: latents where these are enlarged, else a picture."""
    latents: list[torch.Tensor] = yield step.context.denoise(step.pass_, replace(row, maps=step.maps))
    if step.recipe.hires.upscaler == LATENT:
        # The second pass may be another model's, which comes when all first passes are done: until then they wait in
        # the computer's memory.
        return latents[0].cpu() if step.context.second else latents[0]
    picture: Image = yield step.context.decode(step.pass_, row, latents[0])
    return picture


def _enlarged(second: _Step, start: Start) -> Work[Start]:
    """What the second pass starts from, at its size."""
    pass_, recipe = second.pass_, second.recipe
    if not isinstance(start, torch.Tensor):
        picture: Image = yield Enlarge(start, recipe.hires.upscaler, (pass_.width, pass_.height))
        return picture
    # A latent of the UNet and of the flow families is a square of as many pixels at any size.
    scale = recipe.width // start.shape[-1]
    shape = (pass_.height // scale, pass_.width // scale)
    return torch.nn.functional.interpolate(start.float(), shape, mode="bilinear").to(start.dtype)


def _ended(second: _Step, start: Start, row: LatentRow) -> Work[Image]:
    """The second pass, over what was begun and with the noise of its own seed."""
    context, pass_ = second.context, second.pass_
    if not pass_.made:
        yield Note("The second strength is too low for a single step: the picture is enlarged only.")
        return (yield from _shown(second, start, row))
    # At full strength nothing of the first picture is left.
    over = None if pass_.task == "text2img" else start
    latents: list[torch.Tensor] = yield context.denoise(pass_, replace(row, start=over, maps=second.maps))
    picture: Image = yield context.decode(pass_, row, latents[0])
    return picture


def _shown(second: _Step, start: Start, row: LatentRow) -> Work[Image]:
    """What is enlarged only."""
    if isinstance(start, torch.Tensor):
        picture: Image = yield second.context.decode(second.pass_, row, start)
        return picture
    return start


def _first(context: TaskContext, recipe: TwoPassRecipe) -> _Step:
    size = (recipe.width, recipe.height)
    return _Step(context, recipe, context.pass_of("text2img", size, recipe.steps), context.maps(size))


def _second(context: TaskContext, recipe: TwoPassRecipe) -> _Step:
    """The second pass by the context's model; its sizes and steps are the same in the recipe of a second model."""
    size = hires_size(recipe, context.family)
    pass_ = context.pass_of("img2img", size, recipe.hires.steps, recipe.hires.strength)
    return _Step(context, recipe, replace(pass_, done=recipe.steps), context.maps(size))
