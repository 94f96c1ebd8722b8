"""An enlarged picture painted over tile by tile; the tiles overlap and fade into one another, so that none is seen."""

import itertools
from collections.abc import Sequence
from functools import partial

import torch
from PIL import Image

from studio.engine import masking
from studio.engine.masking import Size
from studio.engine.requests import Enlarge, Expect, LatentRow, Note, Pass, RenderRow, Work
from studio.engine.tasks.context import TaskContext
from studio.engine.tasks.img2img import unchanged, unpainted
from studio.recipe import TiledUpscaleRecipe
from studio.resolve.sizes import result_size

# The share of a tile that its neighbour paints as well.
OVERLAP = 0.25


def task(context: TaskContext, recipe: TiledUpscaleRecipe) -> Work[RenderRow]:
    """Returns what renders one picture at `upscale` times its size; it is enlarged once for all."""
    size = result_size(recipe, context.inputs)
    large: Image.Image = yield Enlarge(context.open(recipe.init_image), recipe.upscale.upscaler, size)
    canvas = context.divisible(large)
    tile = (min(context.native[0], canvas.width), min(context.native[1], canvas.height))
    pass_ = context.pass_of("img2img", tile, recipe.steps, recipe.strength)
    corners = [(x, y) for y in _starts(canvas.height, tile[1]) for x in _starts(canvas.width, tile[0])]
    yield Expect((pass_,) * len(corners))
    if not pass_.made:
        yield Note(unpainted(recipe, resized=True))
        return partial(unchanged, large)
    maps = [context.divisible(one) for one in context.maps(size)]
    return partial(_render, context, pass_, size, (canvas, *maps), corners)


def _render(
    context: TaskContext,
    pass_: Pass,
    size: Size,
    layers: Sequence[Image.Image],
    corners: Sequence[Size],
    row: LatentRow,
) -> Work[Image.Image]:
    """The canvas, the first of `layers`, painted over along maps, the others.

    Tiles fade into one another along a row, and each row into the one above.
    """
    tiles = [_tile(pass_, layers, corner, row, number) for number, corner in enumerate(corners)]
    latents: list[torch.Tensor] = yield context.denoise(pass_, *tiles)
    made = Image.new("RGB", layers[0].size)
    for top, across in itertools.groupby(zip(corners, tiles, latents, strict=True), lambda one: one[0][1]):
        strip = Image.new("RGB", (made.width, pass_.height))
        for (left, _), tile, painted in across:
            picture: Image.Image = yield context.decode(pass_, tile, painted)
            masking.fade_in(strip, picture, (left, 0), _overlap(pass_.width))
        masking.fade_in(made, strip, (0, top), _overlap(pass_.height))
    return made.crop((0, 0, *size))


def _tile(pass_: Pass, layers: Sequence[Image.Image], corner: Size, row: LatentRow, number: int) -> LatentRow:
    """A tile with noise of its own: the same in every tile would repeat like a pattern."""
    box = (*corner, corner[0] + pass_.width, corner[1] + pass_.height)
    tile, *maps = (layer.crop(box) for layer in layers)
    return LatentRow(row.image, row.noise.tile(number), tile if pass_.task == "img2img" else None, maps=maps)


def _starts(length: int, tile: int) -> list[int]:
    return masking.starts(length, tile, _overlap(tile))


def _overlap(tile: int) -> int:
    return round(tile * OVERLAP)
