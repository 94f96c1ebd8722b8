"""An upscaler to four times the side: how it is built, and what it learns from."""

import io
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image as Pictures
from PIL import ImageFilter
from spandrel.architectures.Compact import Compact
from torch import Tensor, nn

from starter_factory.canvas import Image
from studio.engine.upscale import tiled

SCALE = 4
FEATURES, CONVOLUTIONS = 40, 10
# Of a picture, the pieces with the most in them are learned from; sides in pixels of the small one. To draw and paint a
# picture takes as long as to learn from eight of its pieces.
PIECE, PIECES, LOOKED_AT = 32, 8, 16
# How much of the usual random weights a network starts with, beside those that hand the picture through.
CHANCE = 0.3
FILTERS = (Pictures.Resampling.BOX, Pictures.Resampling.BICUBIC, Pictures.Resampling.LANCZOS)


def enlarged(model: Any, pictures: Sequence[Image]) -> list[Image]:
    """The pictures by an upscaler as the studio runs it."""
    with torch.no_grad():
        return [
            np.asarray(tiled(model, Pictures.fromarray(each), 2 * each.shape[0], lambda *_: None)) for each in pictures
        ]


def by_filter(picture: Image) -> Image:
    size = (SCALE * picture.shape[1], SCALE * picture.shape[0])
    return np.asarray(Pictures.fromarray(picture).resize(size, Pictures.Resampling.LANCZOS))


def shrunk(picture: Pictures.Image, by: Pictures.Resampling = Pictures.Resampling.BOX) -> Pictures.Image:
    return picture.resize((picture.width // SCALE, picture.height // SCALE), by)


def build_upscaler() -> nn.Module:
    """The architecture that Real-ESRGAN calls compact: all its work is done on the small picture.

    It starts as a bilinear filter whose layers hand the picture through: from chance, an hour's training would go into
    learning to interpolate.
    """
    network = Compact(num_feat=FEATURES, num_conv=CONVOLUTIONS, upscale=SCALE)
    convolutions = [layer for layer in network.body if isinstance(layer, nn.Conv2d)]
    with torch.no_grad():
        for layer in convolutions[:-1]:
            handed = nn.init.dirac_(torch.empty_like(layer.weight))
            layer.weight.mul_(CHANCE).add_(handed)
            _silence(layer)
        last = convolutions[-1]
        last.weight.mul_(CHANCE)
        for colour in range(3):
            last.weight[colour * SCALE**2 : (colour + 1) * SCALE**2, colour] += _bilinear() - _nearest()
        _silence(last)
    made: nn.Module = network
    return made


def _silence(layer: nn.Conv2d) -> None:
    if layer.bias is not None:
        layer.bias.zero_()


def _bilinear() -> Tensor:
    """For each of a pixel's SCALE x SCALE parts, how much of the 3 x 3 pixels around goes into it."""
    place = (torch.arange(SCALE) + 0.5) / SCALE - 0.5
    line = torch.stack([(-place).clamp(min=0), 1 - place.abs(), place.clamp(min=0)], dim=1)
    return torch.einsum("ay,bx->abyx", line, line).flatten(0, 1)


def _nearest() -> Tensor:
    """What the architecture adds of itself."""
    kernel = torch.zeros(3, 3)
    kernel[1, 1] = 1
    return kernel


def worn(picture: Pictures.Image, rng: random.Random) -> Pictures.Image:
    """The picture as it may come from elsewhere: a little blurred, grainy, or compressed."""
    if rng.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.8)))
    if rng.random() < 0.3:
        grain = np.random.default_rng(rng.randrange(2**32)).normal(0, rng.uniform(1, 5), (*picture.size[::-1], 3))
        picture = Pictures.fromarray((np.asarray(picture) + grain).round().clip(0, 255).astype(np.uint8))
    if rng.random() < 0.3:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=rng.randint(60, 95))
        picture = Pictures.open(file).convert("RGB")
    return picture


def pieces(small: Tensor, large: Tensor, randomness: torch.Generator) -> tuple[Tensor, Tensor]:
    """The same pieces of small and large pictures: of some places drawn at random, those with the most contrast."""
    given: list[Tensor] = []
    wanted: list[Tensor] = []
    for one, drawn in zip(small, large, strict=True):
        corners = torch.randint(
            0, one.shape[-1] - PIECE + 1, (LOOKED_AT, 2), generator=randomness, device=randomness.device
        ).tolist()
        cut = [one[:, y : y + PIECE, x : x + PIECE] for y, x in corners]
        best = sorted(range(LOOKED_AT), key=lambda k: -float(cut[k].std(dim=(1, 2)).mean()))[:PIECES]
        given += [cut[k] for k in best]
        for y, x in (corners[k] for k in best):
            wanted.append(drawn[:, SCALE * y : SCALE * (y + PIECE), SCALE * x : SCALE * (x + PIECE)])
    return torch.stack(given), torch.stack(wanted)
