"""Masks, canvases and what is put back over the original: pure geometry on 8-bit pictures, RGB and L."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from studio.engine import patchmatch
from studio.resolve.applicability import FEATHER

Box = tuple[int, int, int, int]
Size = tuple[int, int]
Fill = Literal["original", "noise", "surroundings", "telea", "patchmatch"]

# From this value on a mask is painted under; less is a shadow that a scanner or a lossy file left.
PAINTED = 16
# Surroundings are smeared at this size: they are blurred anyway, and a wide blur of a large picture takes minutes.
SMEAR_SIDE = 256
# What continues a picture does so at this size: it takes the square of the side, and a model paints over it.
FILL_SIDE = 320
TELEA_RADIUS = 5
GRAIN = 12.0
BAND = 256


@dataclass(frozen=True)
class Grown:
    """A picture with new borders: `area` is white where it is new, fading within `feather` pixels of the old.

    `canvas` is what the fade blends with, its borders continue the edges; `start` is what a model starts from.
    """

    canvas: Image.Image
    start: Image.Image
    area: Image.Image


def fitted(picture: Image.Image, size: Size, resize: str) -> Image.Image:
    """The picture at `size`: "crop" cuts off, "pad" gives borders, "stretch" bends.

    Borders repeat a picture's edge; those of a mask are black.
    """
    if picture.size == size:
        return picture
    if resize == "stretch":
        return scaled(picture, size)
    ratios = (size[0] / picture.width, size[1] / picture.height)
    scale = max(ratios) if resize == "crop" else min(ratios)
    pick = max if resize == "crop" else min
    width = pick(size[0], max(1, round(picture.width * scale)))
    height = pick(size[1], max(1, round(picture.height * scale)))
    whole = scaled(picture, (width, height))
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    if resize == "crop":
        return whole.crop((left, top, left + size[0], top + size[1]))
    right, bottom = size[0] - width + left, size[1] - height + top
    return _bordered(whole, -left, -top, right, bottom)


def scaled(picture: Image.Image, size: Size) -> Image.Image:
    """The picture at `size`, bent where need be; a mask reaches no farther than what it covers."""
    if picture.size == size:
        return picture
    return picture.resize(size, Image.Resampling.BOX if picture.mode == "L" else Image.Resampling.LANCZOS)


def divisible(picture: Image.Image, multiple: int, least: int) -> Image.Image:
    """The picture with its right and bottom edge repeated until both sides suit a model."""
    width, height = divisible_size(picture.size, multiple, least)
    pixels = np.asarray(picture)
    grow = ((0, height - picture.height), (0, width - picture.width), (0, 0))[: pixels.ndim]
    return picture if picture.size == (width, height) else Image.fromarray(np.pad(pixels, grow, mode="edge"))


def divisible_size(size: Size, multiple: int, least: int) -> Size:
    """The smallest size that suits a model and holds this one."""
    width, height = (max(least, -(-side // multiple) * multiple) for side in size)
    return width, height


def side_for(pixels: float, multiple: int, least: int, most: int) -> int:
    """The side closest to `pixels` that a model takes."""
    return int(min(most // multiple * multiple, max(least, round(pixels / multiple) * multiple)))


def feathered(mask: Image.Image, grow: int, blur: int) -> Image.Image:
    """The mask grown (or shrunk, below 0) by `grow` pixels, its edge faded over `FEATHER` times `blur` pixels."""
    if not (grow or blur) or mask.getbbox() is None:
        return mask
    # Beyond the reach nothing changes: a stroke on a large picture costs what the stroke is large.
    reach = max(grow, 0) + math.ceil(FEATHER * blur) + 1
    box = _clamped(_spread(mask.getbbox() or (0, 0, 0, 0), reach), mask.size)
    values = np.asarray(mask.crop(box))
    if grow:
        change = ndimage.maximum_filter if grow > 0 else ndimage.minimum_filter
        values = change(values, size=2 * abs(grow) + 1, mode="nearest")
    if blur:
        soft = ndimage.gaussian_filter(values.astype(np.float32), blur, truncate=FEATHER, mode="nearest")
        values = np.rint(soft).clip(0, 255).astype(np.uint8)
    made = Image.new("L", mask.size)
    made.paste(Image.fromarray(values), box[:2])
    return made


def painted(alpha: Image.Image) -> Image.Image:
    """What a model is to paint under a feathered mask: all that shows, in plain black and white."""
    return alpha.point([255 if value >= PAINTED else 0 for value in range(256)])


def is_empty(alpha: Image.Image) -> bool:
    """Whether nothing of the mask would be painted."""
    return bool(alpha.getextrema()[1] < PAINTED)  # type: ignore[operator]  # one band


def view_of(alpha: Image.Image, padding: int, shape: Size | None) -> Box:
    """The box around all that a mask touches, with padding; as wide to high as `shape` where there is room for it."""
    box = _clamped(_spread(alpha.getbbox() or (0, 0, *alpha.size), padding), alpha.size)
    if shape is None:
        return box
    width, height = box[2] - box[0], box[3] - box[1]
    width, height = max(width, round(height * shape[0] / shape[1])), max(height, round(width * shape[1] / shape[0]))
    left, right = _span((box[0] + box[2]) // 2, width, alpha.width)
    top, bottom = _span((box[1] + box[3]) // 2, height, alpha.height)
    return left, top, right, bottom


def filled(picture: Image.Image, mask: Image.Image, fill: Fill) -> Image.Image:
    """The picture as a model starts from it: what is white in the black-and-white mask is as `fill` says."""
    if fill == "original":
        return picture
    if fill == "noise":
        # The same for every image of a job: what differs between seeds is what the model makes of it.
        shape = (picture.height, picture.width, 3)
        under = Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    else:
        under = _FILLERS[fill](picture, mask)
    return Image.composite(under, picture, mask)


def grown(picture: Image.Image, left: int, top: int, right: int, bottom: int, feather: int) -> Grown:
    """The picture with borders that its edges run into, blurred and grained, so that a model takes up its colours.

    The fade lies in the new area only: the old one keeps its pixels.
    """
    wide = _bordered(picture, left, top, right, bottom)
    old = (left, top, left + picture.width, top + picture.height)
    grained = _grained(_blurred_borders(wide, max(left, top, right, bottom) / 8))
    grained.paste(picture, old[:2])
    return Grown(wide, grained, _ramp(wide.size, old, feather))


def laid_over(original: Image.Image, new: Image.Image, alpha: Image.Image, at: tuple[int, int] = (0, 0)) -> Image.Image:
    """The original with `new` over it at `at` where `alpha` (of the original's size) is not black.

    Black keeps the original's pixels to the bit; nothing outside `new` changes.
    """
    made = original.copy()
    made.paste(new, at, alpha.crop((*at, at[0] + new.width, at[1] + new.height)))
    return made


def starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin that cover `length`, evenly spread, each overlapping the next by at least `overlap`."""
    if length <= tile:
        return [0]
    count = -(-(length - overlap) // (tile - overlap))
    return [round(k * (length - tile) / (count - 1)) for k in range(count)]


def fade_in(canvas: Image.Image, tile: Image.Image, place: tuple[int, int], overlap: int) -> None:
    """Put a tile on the canvas; over `overlap` pixels at its left and top it comes in over what is there already."""
    across = _rise(tile.width, overlap if place[0] else 0)
    down = _rise(tile.height, overlap if place[1] else 0)
    alpha = Image.fromarray(np.rint(255 * down[:, None] * across[None, :]).astype(np.uint8))
    canvas.paste(tile, place, alpha)


class Mosaic:
    """Tiles of one size (width, height) put together, row by row from the left.

    Over `overlap` pixels each fades in over its neighbour in the row, and each row over the one above.
    """

    def __init__(self, size: Size, tile: Size, overlap: Size) -> None:
        self._picture = Image.new("RGB", size)
        self._tile = tile
        self._overlap = overlap
        self._strip: Image.Image | None = None
        self._top = 0

    def add(self, tile: Image.Image, corner: Size) -> None:
        """The next tile, with its left and top."""
        if self._strip is None or corner[1] != self._top:
            self._end_row()
            self._strip, self._top = Image.new("RGB", (self._picture.width, self._tile[1])), corner[1]
        fade_in(self._strip, tile, (corner[0], 0), self._overlap[0])

    def whole(self) -> Image.Image:
        """The picture, once every tile is there."""
        self._end_row()
        return self._picture

    def _end_row(self) -> None:
        if self._strip is not None:
            fade_in(self._picture, self._strip, (0, self._top), self._overlap[1])
            self._strip = None


def _rise(length: int, over: int) -> npt.NDArray[np.float32]:
    """Above 0 to 1 over the first pixels."""
    return np.minimum(1, (np.arange(length, dtype=np.float32) + 1) / (over + 1))


def _bordered(picture: Image.Image, left: int, top: int, right: int, bottom: int) -> Image.Image:
    pixels = np.asarray(picture)
    if pixels.ndim == 2:
        return Image.fromarray(np.pad(pixels, ((top, bottom), (left, right))))
    return Image.fromarray(np.pad(pixels, ((top, bottom), (left, right), (0, 0)), mode="edge"))


def _blurred_borders(wide: Image.Image, radius: float) -> Image.Image:
    """The whole canvas blurred, at a small size where it is large."""
    scale = min(1.0, SMEAR_SIDE / max(wide.size))
    small = wide.resize((max(1, round(wide.width * scale)), max(1, round(wide.height * scale))), Image.Resampling.BOX)
    sigma = max(1.0, radius * scale)
    soft = ndimage.gaussian_filter(np.asarray(small, dtype=np.float32), (sigma, sigma, 0), mode="nearest")
    return Image.fromarray(np.rint(soft).astype(np.uint8)).resize(wide.size, Image.Resampling.BILINEAR)


def _grained(picture: Image.Image) -> Image.Image:
    """The picture with noise, band by band: as numbers it takes four times its bytes."""
    made, rng = picture.copy(), np.random.default_rng(0)
    for top in range(0, picture.height, BAND):
        band = np.asarray(picture.crop((0, top, picture.width, min(top + BAND, picture.height))), dtype=np.float32)
        noisy = band + rng.normal(0, GRAIN, (*band.shape[:2], 1))
        made.paste(Image.fromarray(np.rint(noisy).clip(0, 255).astype(np.uint8)), (0, top))
    return made


def _smeared(picture: Image.Image, mask: Image.Image) -> Image.Image:
    """What is around the mask run into it: the nearest colours near its edge, their mean in its middle."""
    scale = min(1.0, SMEAR_SIDE / max(picture.size))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    known = 1 - np.asarray(mask.resize(size, Image.Resampling.BOX), dtype=np.float32)[..., None] / 255
    # Masked pixels would bleed into the reduced ones beside them.
    bare = Image.composite(Image.new("RGB", picture.size), picture, mask)
    seen = np.asarray(bare.resize(size, Image.Resampling.BOX), dtype=np.float32)
    made = np.full_like(seen, seen.sum((0, 1)) / max(float(known.sum()), 1e-6))
    for sigma in (SMEAR_SIDE / 4, SMEAR_SIDE / 16, SMEAR_SIDE / 64):
        weight = ndimage.gaussian_filter(known, (sigma, sigma, 0))
        near = ndimage.gaussian_filter(seen, (sigma, sigma, 0)) / np.maximum(weight, 1e-6)
        trust = np.minimum(1, weight * 4)
        made += trust * (near - made)
    return Image.fromarray(np.rint(made).clip(0, 255).astype(np.uint8)).resize(picture.size, Image.Resampling.BILINEAR)


def _telea(picture: Image.Image, mask: Image.Image) -> Image.Image:
    """What is around the mask continued into it by OpenCV (Telea 2004), at a small size where it is large."""
    return _small(picture, mask, lambda pixels, hole: cv2.inpaint(pixels, hole, TELEA_RADIUS, cv2.INPAINT_TELEA))


def _patches(picture: Image.Image, mask: Image.Image) -> Image.Image:
    """The mask filled with pieces of what is around it, at a small size where it is large."""
    return _small(picture, mask, patchmatch.filled)


def _small(
    picture: Image.Image, mask: Image.Image, fill: Callable[[patchmatch.Pixels, patchmatch.Pixels], patchmatch.Pixels]
) -> Image.Image:
    """What `fill` makes of a copy that is at most `FILL_SIDE` pixels long, as large as the picture again."""
    scale = min(1.0, FILL_SIDE / max(picture.size))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    # No masked pixel may bleed into a known one beside it.
    hole = np.asarray(mask.resize(size, Image.Resampling.BOX)) > 0
    pixels = np.array(picture.resize(size, Image.Resampling.BOX))
    if hole.all():
        return _smeared(picture, mask)
    made = fill(pixels, hole.astype(np.uint8))
    return Image.fromarray(made).resize(picture.size, Image.Resampling.BICUBIC)


_FILLERS: Mapping[str, Callable[[Image.Image, Image.Image], Image.Image]] = {
    "surroundings": _smeared,
    "telea": _telea,
    "patchmatch": _patches,
}


def _ramp(size: Size, old: Box, feather: int) -> Image.Image:
    """0 in the old box, rising over `feather` pixels around it to 255."""
    across = _distance(size[0], old[0], old[2])
    down = _distance(size[1], old[1], old[3])
    away = np.maximum(across[None, :], down[:, None]).astype(np.float32)
    return Image.fromarray(np.rint(255 * np.minimum(1, away / (feather + 1))).astype(np.uint8))


def _distance(length: int, start: int, end: int) -> npt.NDArray[np.int64]:
    """How many pixels each of `length` is away from the span; 0 within."""
    places = np.arange(length)
    return np.maximum(0, np.maximum(start - places, places - end + 1))


def _spread(box: tuple[float, ...], pixels: int) -> Box:
    return int(box[0]) - pixels, int(box[1]) - pixels, int(box[2]) + pixels, int(box[3]) + pixels


def _clamped(box: Box, size: Size) -> Box:
    return max(0, box[0]), max(0, box[1]), min(size[0], box[2]), min(size[1], box[3])


def _span(middle: int, length: int, whole: int) -> tuple[int, int]:
    """Start and end of a span of `length` around `middle`, moved or cut to lie in the whole."""
    length = min(length, whole)
    start = min(max(0, middle - length // 2), whole - length)
    return start, start + length
