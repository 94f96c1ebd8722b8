"""Things as pictures with alpha, cut to their outline, whose main colour can be turned."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from starter_factory.art import SETS, load_art
from starter_factory.canvas import Colour, Image, Plane
from starter_factory.things import THINGS, Thing

PAINT: Mapping[str, Colour] = {
    "red": (222, 48, 46),
    "orange": (248, 138, 32),
    "yellow": (253, 210, 48),
    "green": (56, 170, 74),
    "blue": (44, 108, 224),
    "purple": (142, 68, 194),
    "pink": (250, 130, 182),
    "white": (247, 246, 242),
    "black": (44, 44, 52),
}
COLOURS = tuple(PAINT)
# Colours that things have of their own but are not painted with.
NATURAL: Mapping[str, Colour] = {**PAINT, "brown": (138, 88, 58), "grey": (150, 150, 156)}

DRAWN_BY_US = "drawn"
LUMINANCE = np.array((0.299, 0.587, 0.114), np.float32)
HUE_BINS = 36
# A thing has "a colour" where so much of it is of one.
MAIN_SHARE = 0.45
NAMED_DISTANCE = 30.0
DARKEST_HIGHLIGHT = 0.45


@dataclass(frozen=True, slots=True)
class Sprite:
    """`rgba` (h, w, 4), colours multiplied by alpha; `paint` (h, w), how much a pixel is of the main colour.

    `level` is the main colour's mean luminance; `natural` its name, None where no one colour prevails.
    """

    rgba: Image
    paint: Image
    level: float
    natural: str | None

    def sized(self, height: int, colour: str | None, *, mirrored: bool = False) -> tuple[Plane, Plane]:
        """Premultiplied colours and alpha at that height in pixels, painted if a colour is named."""
        width = max(1, round(self.rgba.shape[1] * height / self.rgba.shape[0]))
        how = cv2.INTER_AREA if height <= self.rgba.shape[0] else cv2.INTER_LINEAR
        step = -1 if mirrored else 1
        scaled = cv2.resize(self.rgba, (width, height), interpolation=how)[:, ::step].astype(np.float32)
        picture, alpha = scaled[..., :3], scaled[..., 3] / 255
        if colour is not None:
            paint = cv2.resize(self.paint, (width, height), interpolation=how)[:, ::step].astype(np.float32) / 255
            picture = _painted(picture, alpha, paint, self.level, PAINT[colour])
        return picture, alpha


def _painted(picture: Plane, alpha: Plane, paint: Plane, level: float, target: Colour) -> Plane:
    """The picture with its main colour exchanged; its light and shade stay."""
    aim = np.array(target, np.float32)
    bright = (picture @ LUMINANCE) / np.maximum(alpha, 1e-3)
    darker = np.clip(bright / max(level, 1.0), 0, 1) ** 0.8
    lighter = np.clip((bright - level) / max(255.0 - level, 1.0), 0, 1)
    if sum(target) < 200:
        lighter = lighter * DARKEST_HIGHLIGHT
    fresh = aim * darker[..., None] * (1 - lighter[..., None]) + 255 * lighter[..., None]
    share = paint[..., None]
    return np.asarray(picture * (1 - share) + fresh * alpha[..., None] * share, np.float32)


def aspect(thing: Thing, of: str) -> float:
    """Width over height of a thing in one of the sets, or of our own drawing of it."""
    if of == DRAWN_BY_US:
        return thing.aspect or 1.0
    height, width = sprite(thing.name, of).paint.shape
    return float(width / height)


@cache
def sprite(name: str, of: str) -> Sprite:
    """The thing in one of the sets, cut to its outline."""
    rgba = np.array(load_art()[list(THINGS).index(name), SETS.index(of)])
    return sprite_of(rgba)


def sprite_of(rgba: Image) -> Sprite:
    """A picture (h, w, 4) as a sprite."""
    rows, columns = np.nonzero(rgba[..., 3] > 8)
    rgba = rgba[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    paint = main_colour_mask(rgba)
    alpha = rgba[..., 3].astype(np.float32) / 255
    weight = paint * alpha
    total = max(float(weight.sum()), 1e-3)
    mean = (rgba[..., :3] * weight[..., None]).sum((0, 1)) / total
    prevails = total / max(float(alpha.sum()), 1e-3) > MAIN_SHARE
    return Sprite(
        rgba=np.dstack([np.round(rgba[..., :3] * alpha[..., None]), rgba[..., 3]]).astype(np.uint8),
        paint=np.round(255 * paint).astype(np.uint8),
        level=float(mean @ LUMINANCE),
        natural=_nearest_name(mean) if prevails else None,
    )


def main_colour_mask(rgba: Image) -> Plane:
    """How much each pixel (h, w) is of the picture's most frequent hue, or of its greys where those prevail."""
    hue, saturation, value = cv2.split(cv2.cvtColor(np.ascontiguousarray(rgba[..., :3]), cv2.COLOR_RGB2HSV))
    opaque = rgba[..., 3] > 128
    vivid = opaque & (saturation > 70) & (value > 50)
    bins = np.bincount(hue[vivid].astype(int) * HUE_BINS // 180, minlength=HUE_BINS).astype(float)
    near = sum(np.roll(bins, shift) for shift in (-2, -1, 0, 1, 2))
    if vivid.sum() > 0.35 * opaque.sum():
        middle = (float(np.argmax(near)) + 0.5) * 180 / HUE_BINS
        away = np.abs((hue.astype(np.float32) - middle + 90) % 180 - 90)
        mask = np.clip((20 - away) / 6, 0, 1) * np.clip((saturation.astype(np.float32) - 40) / 30, 0, 1)
        mask = mask * np.clip((value.astype(np.float32) - 30) / 20, 0, 1)
    else:
        grey = np.clip((90 - saturation.astype(np.float32)) / 25, 0, 1)
        mask = grey * np.clip((value.astype(np.float32) - 70) / 25, 0, 1)
    return np.asarray(mask, np.float32)


def _nearest_name(colour: NDArray[np.floating]) -> str | None:
    def lab(value: NDArray[np.floating]) -> NDArray[np.floating]:
        pixel = (value.reshape(1, 1, 3) / 255).astype(np.float32)
        return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_RGB2LAB)[0, 0])

    distances = {name: float(np.linalg.norm(lab(colour) - lab(np.array(paint)))) for name, paint in NATURAL.items()}
    best = min(distances, key=lambda name: distances[name])
    return best if distances[best] < NAMED_DISTANCE else None
