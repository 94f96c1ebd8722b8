"""Tells looks apart by simple statistics of pictures; it has only seen renders, as the autoencoder passes them on."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from diffusers import AutoencoderKL
from numpy.typing import NDArray

from starter_factory.canvas import Image
from starter_factory.estimators import round_trip
from starter_factory.recast import BLOCK

HUES, SHADES = 12, 6
RIDGE = 1.0

Numbers = NDArray[np.float64]


class Recogniser:
    """A linear classifier of pictures without a look, as one, and of each of `looks`, from as many renders of each."""

    def __init__(
        self, autoencoder: AutoencoderKL, plain: Sequence[Image], looks: Mapping[str, Sequence[Image]]
    ) -> None:
        self.autoencoder, self.looks = autoencoder, list(looks)
        sets = [plain, *looks.values()]
        measured = [_statistics(self.seen(pictures)) for pictures in sets]
        everything = np.concatenate(measured)
        self.middle, self.spread = everything.mean(axis=0), everything.std(axis=0) + 1e-6
        inputs = self._inputs(everything)
        wanted = np.concatenate([np.tile(row, (len(of), 1)) for row, of in zip(np.eye(len(sets)), sets, strict=True)])
        self.weights = np.linalg.solve(inputs.T @ inputs + RIDGE * np.eye(inputs.shape[1]), inputs.T @ wanted)

    def share(self, pictures: Sequence[Image], look: str) -> float:
        """How many per cent of the pictures are in that look."""
        answers = (self._inputs(_statistics(pictures)) @ self.weights).argmax(axis=1)
        return round(100 * float((answers == 1 + self.looks.index(look)).mean()), 1)

    def seen(self, pictures: Sequence[Image]) -> list[Image]:
        """The pictures as they come out of the autoencoder, which softens edges."""
        return [round_trip(self.autoencoder, picture) for picture in pictures]

    def _inputs(self, measured: Numbers) -> Numbers:
        return np.concatenate([(measured - self.middle) / self.spread, np.ones((len(measured), 1))], axis=1)


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
