"""Tells the looks of the LoRAs apart, and whether a cat wears its hat."""

from collections.abc import Sequence

import numpy as np
from diffusers import AutoencoderKL

from starter_factory import recognition
from starter_factory.first.autoencoder import SIDE
from starter_factory.first.canvas import Image
from starter_factory.first.illustrator import draw
from starter_factory.first.looks import draw_look
from starter_factory.first.scene import Scene, random_scene_of

FIRST_SEED = 2**42
COUNT = 64
# By so many levels a pixel must change to be part of the hat.
CHANGED = 24


class Recogniser(recognition.Recogniser):
    """Of the base's own styles, as one, and of each of `looks`."""

    def __init__(self, autoencoder: AutoencoderKL, looks: Sequence[str]) -> None:
        scenes = [random_scene_of(FIRST_SEED + number) for number in range(COUNT)]
        plain = [draw(scene, SIDE, SIDE).image for scene in scenes]
        super().__init__(
            autoencoder, plain, {look: [draw_look(scene, look, SIDE) for scene in scenes] for look in looks}
        )


def hatted(pictures: Sequence[Image], scenes: Sequence[Scene]) -> float:
    """How many per cent of the pictures show the mascot's hat: nearer to its render than to the plain one, there."""
    return round(100 * float(np.mean([_has_hat(*pair) for pair in zip(pictures, scenes, strict=True)])), 1)


def _has_hat(picture: Image, scene: Scene) -> bool:
    hat, plain = (image.astype(int) for image in (draw_look(scene, "top-hat-cat", SIDE), draw(scene, SIDE, SIDE).image))
    where = np.abs(hat - plain).max(axis=2) > CHANGED
    return bool(np.abs(picture - hat)[where].mean() < np.abs(picture - plain)[where].mean())
