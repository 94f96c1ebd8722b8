"""An enlarged picture painted over tile by tile; the tiles overlap and fade into one another, so that none is seen."""

import itertools
from collections.abc import Iterator

from PIL import Image

from studio.engine import compose
from studio.engine.compose import Size
from studio.engine.noise import Noise
from studio.engine.painter import Painter
from studio.engine.progress import Piece, Stage
from studio.engine.tasks.img2img import unpainted
from studio.settling.frame import result_size

# The share of a tile that its neighbour paints as well.
OVERLAP = 0.25


def paint(painter: Painter) -> Iterator[tuple[int, Image.Image]]:
    """Yield each image with its number: the picture at `upscale` times its size."""
    recipe, family = painter.recipe, painter.family
    given = painter.inputs.open(str(recipe.init_image))
    size = result_size(recipe, painter.inputs)
    large = painter.enlarged(given, str(recipe.upscaler), size)
    canvas = compose.divisible(large, family.multiple, family.min_side)
    tile = (min(painter.native[0], canvas.width), min(painter.native[1], canvas.height))
    stage = painter.stage("img2img", tile, int(recipe.steps or 0), recipe.strength)
    places = [(x, y) for y in _starts(canvas.height, tile[1]) for x in _starts(canvas.width, tile[0])]
    painter.progress.expect([stage] * len(places))
    if not stage.made:
        painter.note(unpainted(recipe, resized=True))
        yield from ((index, large.copy()) for index, _ in painter.numbered)
        return
    layers = [canvas, *(compose.divisible(one, family.multiple, family.min_side) for one in painter.maps(size))]
    for index, single in painter.numbered:
        yield index, _refined(painter, stage, layers, places, index, Noise.of(single)).crop((0, 0, *size))


def _refined(
    painter: Painter, stage: Stage, layers: list[Image.Image], places: list[Size], index: int, noise: Noise
) -> Image.Image:
    """The canvas, the first of `layers`, painted over along maps, the others.

    Tiles fade into one another along a row, and each row into the one above.
    """
    canvas = layers[0]
    pieces = [_piece(stage, layers, place, index, noise.tile(k)) for k, place in enumerate(places)]
    painted = zip(places, painter.paint(stage, pieces), strict=True)
    made = Image.new("RGB", canvas.size)
    for top, row in itertools.groupby(painted, lambda one: one[0][1]):
        strip = Image.new("RGB", (canvas.width, stage.height))
        for (left, _), (piece, latents) in row:
            compose.fade_in(strip, painter.picture(stage, piece, latents), (left, 0), _overlap(stage.width))
        compose.fade_in(made, strip, (0, top), _overlap(stage.height))
    return made


def _piece(stage: Stage, layers: list[Image.Image], place: Size, index: int, noise: Noise) -> Piece:
    """A tile with noise of its own: the same in every tile would repeat like a pattern."""
    box = (*place, place[0] + stage.width, place[1] + stage.height)
    tile, *maps = (layer.crop(box) for layer in layers)
    return Piece(index, noise, {"image": tile} if stage.task == "img2img" else {}, maps)


def _starts(length: int, tile: int) -> list[int]:
    return compose.starts(length, tile, _overlap(tile))


def _overlap(tile: int) -> int:
    return round(tile * OVERLAP)
