"""How near a picture comes to the one it should be: in its pixels, and in the steepness of its edges."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from starter_factory.canvas import Image

# The share of a picture's pixels that count as edges: those where the true picture is steepest.
EDGE_SHARE = 0.05

Scores = dict[str, float]


def fidelity(pictures: Sequence[Image], truths: Sequence[Image]) -> Scores:
    """The means over all pictures, each (h, w, 3), of `psnr` and `edge_sharpness`."""
    pairs = list(zip(pictures, truths, strict=True))
    return {
        "PSNR in dB": round(float(np.mean([psnr(*pair) for pair in pairs])), 2),
        "edge sharpness": round(float(np.mean([edge_sharpness(*pair) for pair in pairs])), 3),
    }


def psnr(picture: Image, truth: Image) -> float:
    """Peak signal-to-noise ratio in dB; two equal pictures have that of half a level's rounding error, 54 dB."""
    error = np.square(picture.astype(np.float64) - truth).mean()
    return float(10 * np.log10(255**2 / max(error, 0.25)))


def edge_sharpness(picture: Image, truth: Image) -> float:
    """How steep the picture is at the true one's edges, over how steep the true one is there: 1 is as crisp."""
    wanted = _steepness(truth)
    edges = wanted >= np.quantile(wanted, 1 - EDGE_SHARE)
    return float(_steepness(picture)[edges].mean() / max(wanted[edges].mean(), 1e-6))


def crispness(pictures: Sequence[Image]) -> float:
    """The mean steepness of each picture's steepest pixels, in levels a pixel: for pictures without a true one."""
    steep = [_steepness(picture) for picture in pictures]
    return round(float(np.mean([plane[plane >= np.quantile(plane, 1 - EDGE_SHARE)].mean() for plane in steep])), 1)


def _steepness(picture: Image) -> NDArray[np.float32]:
    """The gradient's magnitude at each pixel (h, w): levels a pixel, of the colour that changes most."""
    values = picture.astype(np.float32)
    across = cv2.Sobel(values, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    down = cv2.Sobel(values, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    return np.asarray(np.hypot(across, down).max(axis=2), np.float32)
