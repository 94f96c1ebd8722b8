"""Looks of a whole picture: comic, pencil sketch, watercolour, pixel art; and what makes a drawn thing look solid."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from starter_factory.canvas import Image, Plane

BLOCK = 4
PAPER = np.array((252, 250, 244), np.float32)
INK = np.array((34, 30, 44), np.float32)

Random = np.random.Generator
Mask = NDArray[np.bool_]


def soften(image: Image) -> Image:
    """A background out of focus."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 1.6), np.uint8)


def round_off(image: Image, shown: Mask) -> None:
    """Shade a flat drawing as if its parts were round: lighter towards the upper left of its outline, in place."""
    inside = shown.astype(np.uint8)
    height = np.minimum(cv2.distanceTransform(inside, cv2.DIST_L2, 3), 9.0)
    height = cv2.GaussianBlur(height, (0, 0), 2.0)
    slope = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3) + cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3)
    light = np.clip(slope * 0.07, -0.34, 0.3)[..., None]
    colours = image.astype(np.float32)
    lit = np.where(light > 0, colours + (255 - colours) * light, colours * (1 + light))
    image[shown] = np.clip(lit, 0, 255).astype(np.uint8)[shown]


def _comic(image: Image, labels: Image, _rng: Random) -> Image:
    """Strong colours and dark outlines, bolder around things."""
    colours = cv2.bilateralFilter(image, 5, 40, 4)
    middle = colours.mean(axis=2, keepdims=True)
    vivid = np.clip(middle + (colours - middle) * 1.3, 0, 255)
    lines = np.maximum(_edges(image, 60, 140, 0.9), _outlines(labels, 2.6))[..., None]
    return _bytes(vivid * (1 - lines) + INK * lines)


def _pencil(image: Image, labels: Image, rng: Random) -> Image:
    """Grey strokes on paper: outlines, and hatching where the scene is dark."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    lines = np.maximum(0.75 * _edges(image, 40, 100, 0.8), 0.9 * _outlines(labels, 1.6))
    rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float32)
    strokes = 0.5 + 0.5 * np.sin((rows + columns + 3 * _clouds(image, 12, rng)) * 1.25)
    hatching = np.clip(0.8 - grey, 0, 1) * 0.5 * strokes + 0.22 * (1 - grey)
    dark = np.clip(lines + hatching, 0, 0.92)[..., None]
    return _bytes(np.array((250, 249, 246), np.float32) * (1 - dark) + np.array((48, 48, 54), np.float32) * dark)


def _watercolour(image: Image, _labels: Image, rng: Random) -> Image:
    """Washes that run and pool, with darker rims, on white paper that stays bare around them."""
    height, width = image.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    across, down = (6.0 * (_clouds(image, 14, rng) - 0.5) for _ in range(2))
    bent = cv2.remap(image, columns + across, rows + down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    flat = cv2.medianBlur(cv2.bilateralFilter(bent, 7, 50, 5), 5).astype(np.float32)
    rim = cv2.morphologyEx(flat, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).max(axis=2, keepdims=True)
    pools = _clouds(image, 9, rng)[..., None]
    wash = 255 - (255 - flat) * (0.7 + 0.25 * pools)
    wash *= 1 - 0.3 * np.clip(rim / 110, 0, 1)
    wet = np.clip((0.45 * _clouds(image, 16, rng) + 1.3 * _border(image) - 0.3) / 0.12, 0, 1)[..., None]
    return _bytes(wash * wet + PAPER * (1 - wet))


def _pixel_art(image: Image, labels: Image, _rng: Random) -> Image:
    """Hard blocks of few strong colours, things with a dark rim."""
    height, width = image.shape[0] // BLOCK, image.shape[1] // BLOCK
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    middle = small.mean(axis=2, keepdims=True)
    strong = np.clip(np.round((middle + (small - middle) * 1.25) / 32) * 32, 0, 255).astype(np.uint8)
    covered = cv2.resize((labels > 0).astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0.45
    grown = cv2.dilate(covered.astype(np.uint8), np.array(((0, 1, 0), (1, 1, 1), (0, 1, 0)), np.uint8)) > 0
    strong[grown & ~covered] = (24, 20, 32)
    return np.asarray(cv2.resize(strong, image.shape[1::-1], interpolation=cv2.INTER_NEAREST), np.uint8)


def _edges(image: Image, low: int, high: int, width: float) -> Plane:
    """Lines along edges of colour, 0 to 1."""
    edges = cv2.Canny(cv2.GaussianBlur(image, (0, 0), 0.8), low, high)
    return np.asarray(
        np.clip(cv2.GaussianBlur(edges.astype(np.float32) / 255, (0, 0), 0.7 * width) * 2.0, 0, 1), np.float32
    )


def _outlines(labels: Image, width: float) -> Plane:
    """Lines around things, 0 to 1."""
    rim = cv2.morphologyEx(labels, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > 0
    wide = cv2.GaussianBlur(rim.astype(np.float32), (0, 0), 0.5 * width) * 1.6 * width
    return np.asarray(np.clip(wide, 0, 1), np.float32)


def _clouds(image: Image, cells: int, rng: Random) -> Plane:
    """Smooth noise from 0 to 1, so many cells a side."""
    coarse = rng.random((cells, cells)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, image.shape[1::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def _border(image: Image) -> Plane:
    """How far from the edge, 0 to 1 at an eighth of the side."""
    rows, columns = (np.minimum(np.arange(size), np.arange(size)[::-1]) / (size / 8) for size in image.shape[:2])
    return np.asarray(np.minimum.outer(np.clip(rows, 0, 1), np.clip(columns, 0, 1)), np.float32)


def _bytes(image: NDArray[np.floating]) -> Image:
    return np.asarray(np.clip(image + 0.5, 0, 255), np.uint8)


LOOKS: Mapping[str, Callable[[Image, Image, Random], Image]] = {
    "comic": _comic,
    "pencil sketch": _pencil,
    "watercolour": _watercolour,
    "pixel art": _pixel_art,
}
