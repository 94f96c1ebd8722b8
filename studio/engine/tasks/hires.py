"""Text to image in two passes: a picture of the model's own size, then enlarged and painted over, by it or another."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from PIL.Image import Image

from studio.catalogue.models import Model
from studio.catalogue.upscalers import LATENT
from studio.engine.painter import Painter, stage_of
from studio.engine.progress import Piece, Stage
from studio.settling.frame import hires_size

# What the second pass starts from: a picture, or latents (1, channels, height, width).
Start = Image | torch.Tensor


def paint(painter: Painter) -> Iterator[tuple[int, Image]]:
    """Yield each image with its number, `hires_scale` times the recipe's size."""
    first, second = _first(painter), _second(painter)
    painter.progress.expect([first, second])
    maps = painter.maps((second.width, second.height))
    for batch in _batches(painter, first):
        pieces = [_starting(painter, second, piece, _start(painter, first, piece, latents)) for piece, latents in batch]
        yield from _over(painter, second, pieces, maps)


def begin(painter: Painter, other: Model) -> Iterator[tuple[int, Start]]:
    """The first pass alone, for `other` to go on with: each image's number and what it starts from."""
    recipe, family = painter.recipe, other.family_facts()
    first = _first(painter)
    planned = stage_of(
        family, "img2img", hires_size(recipe, family), int(recipe.hires_steps or 0), recipe.hires_strength
    )
    painter.progress.expect([first, planned])
    for batch in _batches(painter, first):
        for piece, latents in batch:
            start = _start(painter, first, piece, latents)
            yield piece.image, start.cpu() if isinstance(start, torch.Tensor) else start


def end(painter: Painter, starts: Mapping[int, Start]) -> Iterator[tuple[int, Image]]:
    """The second pass alone, from what another model began."""
    first, second = _first(painter), _second(painter)
    painter.progress.expect([first, second])
    pieces = painter.pieces()
    painter.progress.passed(first, pieces)
    begun = [_starting(painter, second, piece, starts[piece.image]) for piece in pieces]
    yield from _over(painter, second, begun, painter.maps((second.width, second.height)))


def _first(painter: Painter) -> Stage:
    recipe = painter.recipe
    return Stage("text2img", recipe.width or 0, recipe.height or 0, recipe.steps or 0, recipe.steps or 0)


def _second(painter: Painter) -> Stage:
    recipe = painter.recipe
    stage = painter.stage(
        "img2img", hires_size(recipe, painter.family), int(recipe.hires_steps or 0), recipe.hires_strength
    )
    return replace(stage, done=int(recipe.steps or 0))


def _batches(painter: Painter, first: Stage) -> Iterator[list[tuple[Piece, torch.Tensor]]]:
    return painter.batches(first, painter.pieces(painter.maps((first.width, first.height))))


def _start(painter: Painter, first: Stage, piece: Piece, latents: torch.Tensor) -> Start:
    """What the second pass has of the first."""
    return latents if painter.recipe.hires_upscaler == LATENT else painter.picture(first, piece, latents)


def _starting(painter: Painter, second: Stage, piece: Piece, start: Start) -> Piece:
    """The picture of a first pass, enlarged, to be painted over with the noise of its own seed."""
    size = (second.width, second.height)
    if not isinstance(start, torch.Tensor):
        start = painter.enlarged(start, str(painter.recipe.hires_upscaler), size)
        return Piece(piece.image, piece.noise, {"image": start})
    # A latent of the UNet and of the flow families is a square of as many pixels at any size.
    scale = int(painter.recipe.width or 0) // start.shape[-1]
    shape = (second.height // scale, second.width // scale)
    larger = torch.nn.functional.interpolate(start.float(), shape, mode="bilinear").to(start.dtype)
    return Piece(piece.image, piece.noise, {"image": larger})


def _over(
    painter: Painter, second: Stage, pieces: Sequence[Piece], maps: Sequence[Image]
) -> Iterator[tuple[int, Image]]:
    """The second pass over what was begun."""
    if not second.made:
        painter.note("The second strength is too low for a single step: the picture is enlarged only.")
        yield from ((piece.image, _shown(painter, second, piece)) for piece in pieces)
        return
    if second.task == "text2img":  # at full strength nothing of the first picture is left
        pieces = [replace(piece, inputs={}) for piece in pieces]
    for piece, latents in painter.paint(second, [replace(piece, maps=maps) for piece in pieces]):
        yield piece.image, painter.picture(second, piece, latents)


def _shown(painter: Painter, stage: Stage, piece: Piece) -> Image:
    start = piece.inputs["image"]
    return painter.picture(stage, piece, start) if isinstance(start, torch.Tensor) else start
