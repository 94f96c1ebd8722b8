"""An enlarged picture painted over tile by tile; the tiles overlap and fade into one another, so that none is seen."""

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
    places = corners(canvas.size, tile)
    yield Expect((pass_,) * len(places))
    if not pass_.made:
        yield Note(unpainted(recipe, resized=True))
        return partial(unchanged, large)
    maps = [context.divisible(one) for one in context.maps(size)]
    return partial(_render, context, pass_, size, (canvas, *maps), places)


def corners(canvas: Size, tile: Size) -> list[Size]:
    """Left and top of each tile, row by row from the left."""
    return [(x, y) for y in _starts(canvas[1], tile[1]) for x in _starts(canvas[0], tile[0])]


def overlaps(tile: Size) -> Size:
    """Over how many pixels tiles fade into one another, along a row and down."""
    return _overlap(tile[0]), _overlap(tile[1])


def _render(
    context: TaskContext,
    pass_: Pass,
    size: Size,
    layers: Sequence[Image.Image],
    places: Sequence[Size],
    row: LatentRow,
) -> Work[Image.Image]:
    """The canvas, the first of `layers`, painted over along maps, the others."""
    tiles = [_tile(pass_, layers, corner, row, number) for number, corner in enumerate(places)]
    latents: list[torch.Tensor] = yield context.denoise(pass_, *tiles)
    tile_size = (pass_.width, pass_.height)
    made = masking.Mosaic(layers[0].size, tile_size, overlaps(tile_size))
    for corner, tile, painted in zip(places, tiles, latents, strict=True):
        picture: Image.Image = yield context.decode(pass_, tile, painted)
        made.add(picture, corner)
    return made.whole().crop((0, 0, *size))


def _tile(pass_: Pass, layers: Sequence[Image.Image], corner: Size, row: LatentRow, number: int) -> LatentRow:
    """A tile with noise of its own: the same in every tile would repeat like a pattern."""
    box = (*corner, corner[0] + pass_.width, corner[1] + pass_.height)
    tile, *maps = (layer.crop(box) for layer in layers)
    return LatentRow(row.image, row.noise.tile(number), tile if pass_.task == "img2img" else None, maps=maps)


def _starts(length: int, tile: int) -> list[int]:
    return masking.starts(length, tile, _overlap(tile))


def _overlap(tile: int) -> int:
    return round(tile * OVERLAP)
