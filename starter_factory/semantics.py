"""What is where in a picture, by number: a denoiser that has to tell it of its noise, too, learns words much sooner.

As in representation alignment (arXiv:2410.06940), only that what features are held against is known of each render.
"""

from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np
import torch
from diffusers import UNet2DConditionModel
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy

from starter_factory.places import PLACES
from starter_factory.scene import PLAIN, Scene, Subject
from starter_factory.sprites import PAINT
from starter_factory.things import THINGS

Numbers = NDArray[np.uint8]

# The parts of a thing's frame from side to side, and from its foot up.
PARTS = 8
# What is asked of each place, with all that may be said: what it shows, in what colour that is painted (None is its
# own), whose art it is, and where in the thing's own frame it lies.
QUESTIONS: Mapping[str, Sequence[object]] = {
    "kind": (*THINGS, *PLACES, PLAIN),
    "colour": (None, *PAINT),
    "art": (None, "drawn", "flat", "detailed", "3d"),
    "across": range(PARTS),
    "up": range(PARTS),
}
OF_THINGS = ("across", "up")
# The decoding block whose features tell: the last that reads words, at half the side of the latents.
BLOCK = 1
SHRINK = 2
# What lies around things counts so much of what things do.
AROUND = 0.2


def semantic_map(scene: Scene, labels: Numbers, width: int, height: int) -> Tensor:
    """The answer to each question at each place, by its number, as bytes: (questions, height, width).

    `labels` are the drawing's: 0 is the background, n the n-th subject.
    """
    small = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)
    shown = [(scene.place, None, None), *((one.thing, one.colour, one.art) for one in scene.subjects)]
    answers = [
        np.array([said.index(answer) for answer in told], np.uint8)[small]
        for said, told in zip(QUESTIONS.values(), zip(*shown, strict=True), strict=False)
    ]
    across, up = np.zeros_like(small), np.zeros_like(small)
    for number, subject in enumerate(scene.subjects, start=1):
        at = small == number
        across[at], up[at] = _parts(subject, at)
    return torch.from_numpy(np.stack([*answers, across, up]))


def _parts(subject: Subject, at: NDArray[np.bool_]) -> tuple[Numbers, Numbers]:
    """The parts of the thing's frame in which these places lie; of several alike, that of the nearest counts."""
    height, width = at.shape
    rows, columns = np.nonzero(at)
    x, y = (columns + 0.5) / width, (rows + 0.5) / height
    spots = np.array([(spot.x, spot.y, spot.tall, -1 if spot.mirrored else 1) for spot in subject.spots])
    near = spots[np.abs(x[:, None] - spots[:, 0]).argmin(axis=1)]
    shorter = min(width, height)
    aside = near[:, 3] * (x - near[:, 0]) * width / shorter / near[:, 2]
    above = (near[:, 1] - y) * height / shorter / near[:, 2]
    # A frame is somewhat wider than tall, as things are.
    return _part(0.5 + aside / 1.5), _part(above)


def _part(share: NDArray[np.float64]) -> Numbers:
    return np.clip(share * PARTS, 0, PARTS - 1).astype(np.uint8)


class Telling(nn.Module):
    """A denoiser, and a layer that tells from its features what is where; only the denoiser is stored."""

    def __init__(self, unet: UNet2DConditionModel) -> None:
        super().__init__()
        self.unet = unet
        width = list(reversed(unet.config.block_out_channels))[BLOCK]
        self.head = nn.Conv2d(width, sum(map(len, QUESTIONS.values())), 1)
        # Of the last forward alone: a denoiser that paints is never asked what it tells.
        self._features: Tensor | None = None
        unet.up_blocks[BLOCK].register_forward_hook(self._keep)

    def told(self) -> Tensor:
        """What the last forward of the denoiser tells, (pictures, answers to all questions, height, width)."""
        told: Tensor = self.head(self._features)
        self._features = None
        return told

    def _keep(self, _: nn.Module, __: object, features: Tensor) -> None:
        self._features = features


def telling_loss(told: Tensor, maps: Tensor, shown: Tensor) -> Tensor:
    """Cross entropy of all answers, (pictures,); `shown` is how much of each place is of things."""
    things = avg_pool2d(shown[:, None], SHRINK)[:, 0]
    return torch.stack(list(_missed(told.float(), maps.long(), things))).sum(dim=0)


def _missed(told: Tensor, known: Tensor, things: Tensor) -> Iterator[Tensor]:
    answers = torch.split(told, list(map(len, QUESTIONS.values())), dim=1)
    for number, (question, answer) in enumerate(zip(QUESTIONS, answers, strict=True)):
        weights = things if question in OF_THINGS else AROUND + things
        missed = cross_entropy(answer, known[:, number], reduction="none") * weights
        yield missed.sum(dim=(1, 2)) / weights.sum(dim=(1, 2)).clamp(min=1)
