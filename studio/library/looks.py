"""How a picture looks, in a few bytes: what stands in its place until its small copy is there, and what it is like."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# A look is a picture of so many pixels a side, RGB, 8 bits each.
SIDE = 8
LOOK_BYTES = 3 * SIDE * SIDE
Features = NDArray[np.float32]
# How much colours count beside where it is light and dark, and edges.
COLOUR, EDGES = 1.0, 1.5


def look_of(picture: Image.Image) -> bytes:
    """The look of a picture of any mode and size."""
    small = picture if picture.mode == "RGB" else picture.convert("RGB")
    return small.resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=1).tobytes()


def tint(look: bytes) -> int:
    """The mean colour of a look, 0xRRGGBB."""
    red, green, blue = np.frombuffer(look, np.uint8).reshape(-1, 3).mean(axis=0).round().astype(int).tolist()
    return int(red << 16 | green << 8 | blue)


def layout(looks: Sequence[bytes]) -> Features:
    """What of looks is held against each other, a row each: colours, light and dark, and edges by their place."""
    levels = np.frombuffer(b"".join(looks), np.uint8).reshape(-1, SIDE, SIDE, 3).astype(np.float32) / 255
    light = levels @ np.array([0.299, 0.587, 0.114], np.float32)
    colour = levels[..., [0, 2]] - light[..., None]
    centred = light - 0.5
    edges = (np.diff(light, axis=1), np.diff(light, axis=2))
    parts = [COLOUR * colour, centred, *(EDGES * edge for edge in edges)]
    return np.concatenate([part.reshape(len(levels), -1) for part in parts], axis=1)
