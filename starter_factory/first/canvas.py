"""Paper and pen of the illustrator: every stroke fills the picture, its depth and its labels together."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Colour = tuple[float, float, float]
Point = tuple[float, float]

SUBPIXEL_BITS = 4


class Canvas:
    """The three planes that every stroke fills together."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.image: Image = np.zeros((height, width, 3), np.uint8)
        self.depth: Image = np.zeros((height, width), np.uint8)
        self.labels: Image = np.zeros((height, width), np.uint8)

    def pen(self, x: float, y: float, across: float, up: float, *, light: Colour = (1, 1, 1)) -> "Pen":
        """A pen whose point (0, 0) is pixel (x, y); its unit is `across` and `up` pixels (below 0: y grows upwards)."""
        return Pen(self, x, y, across, up, light)


@dataclass(slots=True)
class Pen:
    """Fills shapes given in its own coordinates; `depth` and `label` go to the planes beside the colour."""

    canvas: Canvas
    x: float
    y: float
    across: float
    up: float
    light: Colour
    depth: int = 0
    label: int = 0

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        pixels = np.array([place(point, self.x, self.y, self.across, self.up) for point in points])
        fixed = np.round(pixels * 2**SUBPIXEL_BITS).astype(np.int32)
        for plane, value in self._planes(colour):
            cv2.fillPoly(plane, [fixed], value, cv2.LINE_8, SUBPIXEL_BITS)

    def ellipse(self, centre: Point, across: float, up: float, colour: Colour) -> None:
        turns = np.linspace(0, 2 * np.pi, 28, endpoint=False)
        self.polygon([(centre[0] + across * np.cos(turn), centre[1] + up * np.sin(turn)) for turn in turns], colour)

    def rectangle(self, left: float, low: float, right: float, high: float, colour: Colour) -> None:
        self.polygon([(left, low), (right, low), (right, high), (left, high)], colour)

    def line(self, points: Sequence[Point], thickness: float, colour: Colour) -> None:
        """`thickness` in the pen's units across; ends are round."""
        pixels = np.array([place(point, self.x, self.y, self.across, self.up) for point in points])
        fixed = np.round(pixels * 2**SUBPIXEL_BITS).astype(np.int32)
        wide = max(1, round(thickness * abs(self.across)))
        for plane, value in self._planes(colour):
            cv2.polylines(plane, [fixed], False, value, wide, cv2.LINE_8, SUBPIXEL_BITS)

    def _planes(self, colour: Colour) -> list[tuple[Image, Sequence[float]]]:
        lit = [min(255.0, float(channel * light)) for channel, light in zip(colour, self.light, strict=True)]
        return [
            (self.canvas.image, lit),
            (self.canvas.depth, (self.depth,)),
            (self.canvas.labels, (self.label,)),
        ]


def place(point: Point, x: float, y: float, across: float, up: float) -> Point:
    return x + point[0] * across, y + point[1] * up


def shade(colour: Sequence[float], factor: float) -> Colour:
    """The colour darker (factor below 1) or mixed with white (above 1)."""
    if factor <= 1:
        red, green, blue = (channel * factor for channel in colour)
    else:
        red, green, blue = (channel + (255 - channel) * (factor - 1) for channel in colour)
    return red, green, blue
