"""A thing on a plain background, as a sticker: the background becomes transparent, soft edges stay soft.

What is removed is what the border leads to without a step in its colour, so that a white eye on a white background
stays. Halves of both at an edge are parted by how far their colour has gone from the background's.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.errors import InvalidRequest
from studio.metadata.writing import Format

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]
Image8 = NDArray[np.uint8]

# In levels of CIE Lab: how far a plain background may go from its own average, and from one pixel to the next.
FARTHEST, STEP = 40.0, 4
# A background is plain where so much of the border belongs to it.
BORDER_SHARE = 0.8
# Each plane of numbers of a picture takes 12 bytes a pixel, and several are needed at once.
LARGEST = 4096**2
# Smaller spots are noise of the background: shares of the picture.
LEAST_SPOT = 0.0005
# Things that touch the border part the background into pieces; smaller ones than this are texture.
LEAST_PIECE = 0.002
# Pixels on both sides of an edge that may be of both.
EDGE = 2
CURE = "Ask for one in the prompt, such as “on a white background”."


def cut_out(picture: Image.Image, name: str = "This picture") -> Image.Image:
    """The RGB picture as RGBA without its background, of the same size; InvalidRequest where that is not plain.

    `name` is what errors call it. Of more than 16 megapixels it is refused, too.
    """
    if picture.width * picture.height > LARGEST:
        raise InvalidRequest(f"{name} is too large to be cut out.", "Make it smaller: up to 4096 × 4096 pixels.")
    colours = np.asarray(picture.convert("RGB"), np.float32)
    outside = _outside(colours)
    if outside is None:
        raise InvalidRequest(f"{name} has no plain background.", CURE)
    if outside.all():
        raise InvalidRequest(f"{name} shows nothing but its background.", "Choose another one.")
    ground = _spread(colours, outside)
    covered = _covered(colours, ground, outside)
    # What an edge's pixel has of the background is taken out of its colour, or it would shine through as a seam.
    own = ground + (colours - ground) / np.maximum(covered, 1 / 255)[..., None]
    whole = np.dstack([own, 255 * covered])
    return Image.fromarray(np.clip(np.round(whole), 0, 255).astype(np.uint8), "RGBA")


def check_format(form: Format) -> None:
    """InvalidRequest where a file of this format cannot be transparent."""
    if form == "jpeg":
        raise InvalidRequest("JPEG has no transparent pixels.", "Choose PNG or WebP.")


def _outside(colours: Plane) -> Mask | None:
    """Where the background is: what the border leads to, and small spots in it; None where it is not plain."""
    lab = cv2.cvtColor(colours / 255, cv2.COLOR_RGB2LAB)
    border = np.concatenate([lab[0], lab[-1], lab[:, 0], lab[:, -1]])
    near = np.linalg.norm(lab - np.median(border, axis=0), axis=2) < FARTHEST
    outside = _reached(cv2.medianBlur(colours.astype(np.uint8), 3), near)
    edge = np.concatenate([outside[0], outside[-1], outside[:, 0], outside[:, -1]])
    return outside | _spots(~outside) if edge.mean() >= BORDER_SHARE else None


def _reached(calm: Image8, near: Mask) -> Mask:
    """What the border leads to through `near` without a step, but for pieces that are too small to be background."""
    # Of a frame around the picture, and where nothing is entered, 1; of a new piece 3; of what is reached 2.
    filled = np.ones((near.shape[0] + 2, near.shape[1] + 2), np.uint8)
    filled[1:-1, 1:-1] = ~near
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | (3 << 8)
    for row, column in _border(*near.shape):
        if not filled[row + 1, column + 1]:
            area, _, _, frame = cv2.floodFill(calm, filled, (column, row), 0, (STEP,) * 3, (STEP,) * 3, flags)
            left, top, width, height = frame
            piece = filled[top + 1 : top + 1 + height, left + 1 : left + 1 + width]
            piece[piece == 3] = 2 if area >= LEAST_PIECE * near.size else 1
    reached: Mask = filled[1:-1, 1:-1] == 2
    return reached


def _border(height: int, width: int) -> list[tuple[int, int]]:
    """Row and column of each of the border's pixels."""
    flat = [(row, column) for row in (0, height - 1) for column in range(width)]
    return flat + [(row, column) for row in range(height) for column in (0, width - 1)]


def _spots(things: Mask) -> Mask:
    """Those of the things that are too small to be any."""
    _, labels, facts, _ = cv2.connectedComponentsWithStats(things.astype(np.uint8))
    small: Mask = facts[labels, cv2.CC_STAT_AREA] < LEAST_SPOT * things.size
    return things & small


def _spread(colours: Plane, outside: Mask) -> Plane:
    """The background's colour at each pixel, under the things as it is around them."""
    known, weight = colours * outside[..., None], outside.astype(np.float32)
    while not weight.all():
        size = max(8, min(weight.shape) // 8) | 1
        wide, much = (cv2.blur(plane, (size, size)) for plane in (known, weight))
        fresh = (weight == 0) & (much > 1e-6)
        known[fresh] = wide[fresh] / much[fresh][:, None]
        weight[fresh] = 1
    return known


def _covered(colours: Plane, ground: Plane, outside: Mask) -> Plane:
    """How much of each pixel is of a thing, 0 to 1: near an edge, as far as its colour is on the way to the thing's."""
    away = np.linalg.norm(colours - ground, axis=2).astype(np.float32)
    within = cv2.distanceTransform((~outside).astype(np.uint8), cv2.DIST_L2, 5)
    around = np.ones((4 * EDGE + 1,) * 2, np.uint8)
    # The thing's own colour is that of its nearest pixels that are no edge.
    full = cv2.dilate(np.where(within > EDGE, away, 0), around)
    part = np.where(full > 1, np.minimum(1, away / np.maximum(full, 1)), 1)
    covered: Plane = np.where(outside, 0, np.where(within > EDGE, 1, part)).astype(np.float32)
    return covered
