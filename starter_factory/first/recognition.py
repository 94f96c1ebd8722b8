"""Tells looks apart by simple statistics of a picture; it has only seen renders, as the autoencoder passes them on."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray

from starter_factory.first.autoencoder import SIDE, to_tensor
from starter_factory.first.canvas import Image
from starter_factory.first.illustrator import draw
from starter_factory.first.looks import BLOCK, draw_look
from starter_factory.first.scene import Scene, random_scene_of

FIRST_SEED = 2**42
COUNT = 64
HUES, SHADES = 12, 6
RIDGE = 1.0
# By so many levels a pixel must change to be part of the hat.
CHANGED = 24


Numbers = NDArray[np.float64]


class Recogniser:
    """A linear classifier of the base's own styles, as one, and of each of `looks`."""

    def __init__(self, autoencoder: AutoencoderKL, looks: Sequence[str]) -> None:
        self.autoencoder, self.looks = autoencoder, looks
        scenes = [random_scene_of(FIRST_SEED + number) for number in range(COUNT)]
        sets = [[draw(scene, SIDE, SIDE).image for scene in scenes]]
        sets += [[draw_look(scene, look, SIDE) for scene in scenes] for look in looks]
        measured = [_statistics(self.seen(pictures)) for pictures in sets]
        everything = np.concatenate(measured)
        self.middle, self.spread = everything.mean(axis=0), everything.std(axis=0) + 1e-6
        inputs = self._inputs(everything)
        wanted = np.repeat(np.eye(len(sets)), COUNT, axis=0)
        self.weights = np.linalg.solve(inputs.T @ inputs + RIDGE * np.eye(inputs.shape[1]), inputs.T @ wanted)

    def share(self, pictures: Sequence[Image], look: str) -> float:
        """How many per cent of the pictures are in that look."""
        answers = (self._inputs(_statistics(pictures)) @ self.weights).argmax(axis=1)
        return round(100 * float((answers == 1 + self.looks.index(look)).mean()), 1)

    def seen(self, pictures: Sequence[Image]) -> list[Image]:
        """The pictures as they come out of the autoencoder, which softens edges."""
        decoded = []
        for part in torch.split(torch.stack([to_tensor(picture) for picture in pictures]), 16):
            with torch.no_grad():
                images = self.autoencoder.decode(self.autoencoder.encode(part).latent_dist.mean).sample
            decoded.extend(((images.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy())
        return decoded

    def _inputs(self, measured: Numbers) -> Numbers:
        return np.concatenate([(measured - self.middle) / self.spread, np.ones((len(measured), 1))], axis=1)


def hatted(pictures: Sequence[Image], scenes: Sequence[Scene]) -> float:
    """How many per cent of the pictures show the mascot's hat: nearer to its render than to the plain one, there."""
    return round(100 * float(np.mean([_has_hat(*pair) for pair in zip(pictures, scenes, strict=True)])), 1)


def _has_hat(picture: Image, scene: Scene) -> bool:
    hat, plain = (image.astype(int) for image in (draw_look(scene, "top-hat-cat", SIDE), draw(scene, SIDE, SIDE).image))
    where = np.abs(hat - plain).max(axis=2) > CHANGED
    return bool(np.abs(picture - hat)[where].mean() < np.abs(picture - plain)[where].mean())


def _statistics(pictures: Sequence[Image]) -> Numbers:
    """A row for each picture: its hues, shades, edges, and how much of them lies between blocks."""
    return np.stack([_row(picture) for picture in pictures])


def _row(picture: Image) -> Numbers:
    hue, saturation, value = cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2HSV))
    hues = np.bincount((hue.astype(int) * HUES // 180)[saturation > 60], minlength=HUES) / hue.size
    shades = np.bincount((value.astype(int) * SHADES // 256).ravel(), minlength=SHADES) / value.size
    steps = np.abs(np.diff(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(float), axis=1))
    between = steps[:, BLOCK - 1 :: BLOCK].mean() / (steps.mean() + 1e-6)
    edges = np.percentile(steps, (50, 75, 90, 97))
    rest = [saturation.mean() / 255, (saturation < 30).mean(), between, steps.mean()]
    return np.concatenate([hues, shades, edges, rest])
