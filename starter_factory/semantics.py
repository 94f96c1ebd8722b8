"""What is where in a picture, by number: a denoiser that has to tell it of its noise, too, learns words much sooner.

As in representation alignment (arXiv:2410.06940), only that what features are held against is known of each render.
"""

import cv2
import numpy as np
import torch
from diffusers import UNet2DConditionModel
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from starter_factory.places import PLACES
from starter_factory.scene import PLAIN, Scene
from starter_factory.sprites import PAINT
from starter_factory.things import THINGS

# What a place of a picture may show, and in what colour things are painted; none is their own.
KINDS = (*THINGS, *PLACES, PLAIN)
COLOURS = (None, *PAINT)
# The decoding block whose features tell: the last that reads words, at half the side of the latents.
BLOCK = 1
SHRINK = 2
# What lies around things counts so much of what things do.
AROUND = 0.2


def semantic_map(scene: Scene, labels: NDArray[np.uint8], width: int, height: int) -> Tensor:
    """Of each place, as bytes, (2, height, width): the number of its kind, and that of its colour.

    `labels` are the drawing's: 0 is the background, n the n-th subject.
    """
    shown = [(scene.place, None), *((subject.thing, subject.colour) for subject in scene.subjects)]
    kinds, colours = zip(*((KINDS.index(kind), COLOURS.index(colour)) for kind, colour in shown), strict=True)
    small = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)
    return torch.from_numpy(np.stack([np.array(kinds)[small], np.array(colours)[small]]).astype(np.uint8))


class Telling(nn.Module):
    """A denoiser, and a layer that tells from its features what is where; only the denoiser is stored."""

    def __init__(self, unet: UNet2DConditionModel) -> None:
        super().__init__()
        self.unet = unet
        width = list(reversed(unet.config.block_out_channels))[BLOCK]
        self.head = nn.Conv2d(width, len(KINDS) + len(COLOURS), 1)
        self.features: list[Tensor] = []
        unet.up_blocks[BLOCK].register_forward_hook(lambda _, __, output: self.features.append(output))

    def told(self) -> Tensor:
        """What the last forward of the denoiser tells, (pictures, kinds and colours, height, width)."""
        (features,) = self.features
        self.features.clear()
        told: Tensor = self.head(features)
        return told


def telling_loss(told: Tensor, maps: Tensor, shown: Tensor) -> Tensor:
    """Cross entropy of kinds and colours, (pictures,); `shown` is how much of each place is of things."""
    kinds, colours = torch.split(told.float(), [len(KINDS), len(COLOURS)], dim=1)
    known = maps.long()
    missed = cross_entropy(kinds, known[:, 0], reduction="none") + cross_entropy(colours, known[:, 1], reduction="none")
    weights = AROUND + nn.functional.avg_pool2d(shown[:, None], SHRINK)[:, 0]
    loss: Tensor = (missed * weights).sum(dim=(1, 2)) / weights.sum(dim=(1, 2))
    return loss
