"""Text to image in two passes: a picture of the model's own size, then enlarged and painted over."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from PIL.Image import Image

from studio.catalogue.upscalers import LATENT
from studio.engine.painter import Painter
from studio.engine.progress import Piece, Stage
from studio.settling.frame import hires_size


def paint(painter: Painter) -> Iterator[tuple[int, Image]]:
    """Yield each image with its number, `hires_scale` times the recipe's size."""
    recipe = painter.recipe
    size = (int(recipe.width or 0), int(recipe.height or 0))
    first = painter.stage("text2img", size, int(recipe.steps or 0))
    second = painter.stage(
        "img2img", hires_size(recipe, painter.family), int(recipe.hires_steps or 0), recipe.hires_strength
    )
    second = replace(second, done=first.steps)
    painter.progress.expect([first, second])
    maps = painter.maps((second.width, second.height))
    for batch in painter.batches(first, painter.pieces(painter.maps(size))):
        starts = [_enlarged(painter, first, second, piece, latents) for piece, latents in batch]
        if not second.made:
            painter.note("The second strength is too low for a single step: the picture is enlarged only.")
            yield from ((piece.image, _shown(painter, second, piece)) for piece in starts)
            continue
        if second.task == "text2img":  # at full strength nothing of the first picture is left
            starts = [replace(piece, inputs={}) for piece in starts]
        starts = [replace(piece, maps=maps) for piece in starts]
        for piece, latents in painter.paint(second, starts):
            yield piece.image, painter.picture(second, piece, latents)


def _enlarged(painter: Painter, first: Stage, second: Stage, piece: Piece, latents: torch.Tensor) -> Piece:
    size = (second.width, second.height)
    upscaler = str(painter.recipe.hires_upscaler)
    if upscaler == LATENT:
        # A latent of the UNet and of the flow families is a square of as many pixels at any size.
        scale = first.width // latents.shape[-1]
        shape = (second.height // scale, second.width // scale)
        larger = torch.nn.functional.interpolate(latents.float(), shape, mode="bilinear").to(latents.dtype)
        return Piece(piece.image, piece.noise, {"image": larger})
    picture = painter.enlarged(painter.picture(first, piece, latents), upscaler, size)
    return Piece(piece.image, piece.noise, {"image": picture})


def _shown(painter: Painter, stage: Stage, piece: Piece) -> Image:
    start = piece.inputs["image"]
    return painter.picture(stage, piece, start) if isinstance(start, torch.Tensor) else start
