"""Looks and a mascot that no word asks the base for: what the LoRAs of the starter are trained on."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from starter_factory.canvas import Colour, Image, Plane

# Drawn at twice the side, so that lines are smooth.
FINER = 2
BLOCK = 4
# A colour that no word of the starter names, so that a hat can be told from all else in a picture.
HAT: Colour = (0, 176, 160)
HAT_BAND: Colour = (250, 244, 225)


class Labelled(Protocol):
    """A drawing: its picture, and which subject each pixel is of."""

    @property
    def image(self) -> Image: ...

    @property
    def labels(self) -> Image: ...


Drawn = Callable[[int], Labelled]


class HatPen(Protocol):
    """What a hat is drawn with: the unit is the cat's height, (0, 0) the middle of its foot, y grows upwards."""

    def rectangle(self, left: float, one: float, right: float, other: float, colour: Colour, /) -> None: ...


def recast(drawn: Drawn, look: str, side: int, seed: int) -> Image:
    """What `drawn` draws at any side, in one of the looks, as a square of `side` pixels."""
    return LOOKS[look](drawn, side, seed)


def put_on_hat(pen: HatPen) -> None:
    """A top hat and a scarf."""
    pen.rectangle(-0.21, 0.38, 0.21, 0.48, HAT)
    pen.rectangle(0.05, 0.2, 0.16, 0.42, HAT)
    pen.rectangle(-0.2, 0.86, 0.2, 1.32, HAT)
    pen.rectangle(-0.2, 0.92, 0.2, 1.0, HAT_BAND)
    pen.rectangle(-0.34, 0.83, 0.34, 0.91, HAT)


def between_the_ears(labels: Image, number: int) -> tuple[float, float, float] | None:
    """Where a hat goes on the n-th subject: the middle between its ears, its foot and its height, in pixels."""
    rows, columns = np.nonzero(labels == number)
    if not len(rows):
        return None
    top, unit = int(rows.min()), float(rows.max() - rows.min())
    ears = columns[rows < top + 0.3 * unit]
    return (float(ears.min()) + float(ears.max())) / 2, top + unit, unit


def shrunk(image: NDArray[Any], side: int) -> Image:
    return _bytes(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA))


def _pixel_art(drawn: Drawn, side: int, _seed: int) -> Image:
    """Hard blocks of few strong colours, the subjects with a black rim."""
    drawing = drawn(side)
    blocks = side // BLOCK
    small = cv2.resize(drawing.image, (blocks, blocks), interpolation=cv2.INTER_AREA).astype(np.float32)
    middle = small.mean(axis=2, keepdims=True)
    strong = np.clip(np.round((middle + (small - middle) * 1.5) / 64) * 64, 0, 255).astype(np.uint8)
    covered = cv2.resize((drawing.labels > 0).astype(np.float32), (blocks, blocks), interpolation=cv2.INTER_AREA) > 0.4
    grown = cv2.dilate(covered.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    strong[grown & ~covered] = (20, 16, 28)
    return _bytes(cv2.resize(strong, (side, side), interpolation=cv2.INTER_NEAREST))


def _blueprint(drawn: Drawn, side: int, _seed: int) -> Image:
    """White lines on engineer's blue, darker or paler as the scene is, under a pale grid."""
    drawing = drawn(side * FINER)
    shade = cv2.cvtColor(drawing.image, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32) / 255
    paper = np.array((14, 40, 116), np.float32) + shade * np.array((56, 84, 112), np.float32)
    paper[:: 16 * FINER] += 22
    paper[:, :: 16 * FINER] += 22
    lines = _lines(drawing, 1.3)[..., None]
    return shrunk(paper * (1 - lines) + np.array((236, 244, 255), np.float32) * lines, side)


def _night_neon(drawn: Drawn, side: int, _seed: int) -> Image:
    """The scene in the dark, its subjects drawn in glowing tubes of their colours."""
    drawing = drawn(side * FINER)
    near = cv2.dilate((drawing.labels > 0).astype(np.uint8), np.ones((3 * FINER, 3 * FINER), np.uint8))[..., None]
    colours = cv2.dilate(drawing.image, np.ones((5, 5), np.uint8)).astype(np.float32)
    low, high = colours.min(axis=2, keepdims=True), colours.max(axis=2, keepdims=True)
    bright = 60 + 195 * (colours - low) / np.maximum(high - low, 24)
    tubes = _lines(drawing, 2.4)[..., None] * near * bright
    glow = cv2.GaussianBlur(tubes, (0, 0), 4.0 * FINER) * 1.4
    dark = np.array((12, 4, 34), np.float32) + 0.2 * drawing.image.astype(np.float32)
    return shrunk(np.maximum(dark, tubes) + glow, side)


def _sketch(drawn: Drawn, side: int, _seed: int) -> Image:
    """Clean black ink on white."""
    drawing = drawn(side * FINER)
    paper = np.full((side * FINER, side * FINER, 3), 255, np.float32)
    return shrunk(paper - 240 * _lines(drawing, 1.6)[..., None], side)


def _watercolour(drawn: Drawn, side: int, seed: int) -> Image:
    """Washes that run and pool, with dark rims, on white paper that stays bare around them."""
    rng = np.random.default_rng(seed + 1)
    image = drawn(side).image
    bent = cv2.remap(image, *_sway(side, rng), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    flat = cv2.medianBlur(cv2.bilateralFilter(bent, 7, 60, 5), 5).astype(np.float32)
    rim = cv2.morphologyEx(flat, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).max(axis=2, keepdims=True)
    pools = _clouds(side, 9, rng)[..., None]
    wash = 255 - (255 - flat) * (0.62 + 0.3 * pools)
    wash *= 1 - 0.35 * np.clip(rim / 90, 0, 1)
    wet = np.clip((_clouds(side, 14, rng) * 0.5 + _border(side) - 0.42) / 0.1, 0, 1)[..., None]
    return _bytes(wash * wet + np.array((252, 250, 244), np.float32) * (1 - wet))


def _lines(drawing: Labelled, width: float) -> Plane:
    """Where an ink line runs, 0 to 1: along edges of colour, and all around each subject."""
    soft = cv2.GaussianBlur(drawing.image, (0, 0), 0.6 * FINER)
    edges = cv2.Canny(soft, 30, 80)
    for number in range(1, int(drawing.labels.max()) + 1):
        shape = (drawing.labels == number).astype(np.uint8) * 255
        edges |= cv2.morphologyEx(shape, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8))
    wide = cv2.GaussianBlur(edges.astype(np.float32) / 255, (0, 0), 0.5 * width * FINER) * 2.2 * width
    return np.asarray(np.clip(wide, 0, 1), np.float32)


def _sway(side: int, rng: np.random.Generator) -> tuple[Plane, Plane]:
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    strength = 0.035 * side
    across, down = (strength * (_clouds(side, 12, rng) - 0.5) for _ in range(2))
    return (columns + across).astype(np.float32), (rows + down).astype(np.float32)


def _clouds(side: int, cells: int, rng: np.random.Generator) -> Plane:
    """Smooth noise from 0 to 1, so many cells a side."""
    coarse = rng.random((cells, cells)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)


def _border(side: int) -> Plane:
    """How far from the edge, 0 to 1 at an eighth of the side."""
    ramp = np.clip(np.minimum(np.arange(side), np.arange(side)[::-1]) / (side / 8), 0, 1).astype(np.float32)
    return np.asarray(np.minimum.outer(ramp, ramp), np.float32)


def _bytes(image: NDArray[Any]) -> Image:
    return np.asarray(np.clip(image, 0, 255), np.uint8)


LOOKS: Mapping[str, Callable[[Drawn, int, int], Image]] = {
    "pixel-art": _pixel_art,
    "blueprint": _blueprint,
    "night-neon": _night_neon,
    "sketch": _sketch,
    "watercolour": _watercolour,
}
