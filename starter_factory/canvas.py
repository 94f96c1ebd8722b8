"""Paper and pen: strokes fill a picture and, where they are kept, its depth."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Plane = NDArray[np.float32]
Colour = tuple[float, float, float]
Point = tuple[float, float]

SUBPIXEL_BITS = 4
TURNS = np.linspace(0, 2 * np.pi, 40, endpoint=False)
CIRCLE = np.stack([np.cos(TURNS), np.sin(TURNS)], axis=1)


class Canvas:
    """A picture (h, w, 3) RGB and how near each pixel is, 255 at the front."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.unit = min(width, height)
        self.image: Image = np.zeros((height, width, 3), np.uint8)
        self.depth: Image = np.zeros((height, width), np.uint8)

    def pen(self, light: Colour = (1, 1, 1)) -> "Pen":
        """A pen for the whole picture: x and y from the upper left corner, in shares of its width and height."""
        return Pen(self, 0, 0, self.width, self.height, light)


@dataclass(slots=True)
class Pen:
    """Fills shapes in its own coordinates: (0, 0) is pixel (x, y), its unit `across` and `down` pixels."""

    canvas: Canvas
    x: float
    y: float
    across: float
    down: float
    light: Colour = (1, 1, 1)
    depth: int = 0

    def polygon(self, points: Sequence[Point] | NDArray[np.floating], colour: Sequence[float]) -> None:
        fixed = self._fixed(points)
        cv2.fillPoly(self.canvas.image, [fixed], self._lit(colour), cv2.LINE_AA, SUBPIXEL_BITS)
        if self.depth:
            cv2.fillPoly(self.canvas.depth, [fixed], (self.depth,), cv2.LINE_8, SUBPIXEL_BITS)

    def ellipse(self, centre: Point, across: float, down: float, colour: Sequence[float]) -> None:
        self.polygon(CIRCLE * (across, down) + np.array(centre), colour)

    def disc(self, centre: Point, radius: float, colour: Sequence[float]) -> None:
        """A round spot whatever the picture's shape; the radius is a share of the shorter side."""
        size = radius * self.canvas.unit
        self.ellipse(centre, size / abs(self.across), size / abs(self.down), colour)

    def rectangle(self, left: float, top: float, right: float, low: float, colour: Sequence[float]) -> None:
        self.polygon([(left, top), (right, top), (right, low), (left, low)], colour)

    def line(self, points: Sequence[Point] | NDArray[np.floating], thickness: float, colour: Sequence[float]) -> None:
        """`thickness` in the pen's units across; ends are round."""
        fixed = self._fixed(points)
        wide = max(1, round(thickness * abs(self.across)))
        cv2.polylines(self.canvas.image, [fixed], False, self._lit(colour), wide, cv2.LINE_AA, SUBPIXEL_BITS)
        if self.depth:
            cv2.polylines(self.canvas.depth, [fixed], False, (self.depth,), wide, cv2.LINE_8, SUBPIXEL_BITS)

    def _fixed(self, points: Sequence[Point] | NDArray[np.floating]) -> NDArray[np.int32]:
        pixels = np.asarray(points, np.float64) * (self.across, self.down) + (self.x, self.y)
        return np.asarray(np.round(pixels * 2**SUBPIXEL_BITS), np.int32)

    def _lit(self, colour: Sequence[float]) -> Sequence[float]:
        return [min(255.0, float(channel * light)) for channel, light in zip(colour, self.light, strict=True)]


def shade(colour: Sequence[float], factor: float) -> Colour:
    """The colour darker (factor below 1) or mixed with white (above 1)."""
    if factor <= 1:
        red, green, blue = (channel * factor for channel in colour)
    else:
        red, green, blue = (channel + (255 - channel) * (factor - 1) for channel in colour)
    return red, green, blue


def mix(one: Sequence[float], other: Sequence[float], share: float) -> Colour:
    """Between two colours; a share of 0 is the first."""
    red, green, blue = (first + (second - first) * share for first, second in zip(one, other, strict=True))
    return red, green, blue
