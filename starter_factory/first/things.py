"""The things of the starter's world: the unit is a thing's height, (0, 0) the middle of its foot, y grows upwards."""

from collections.abc import Callable, Mapping

import numpy as np

from starter_factory.first.canvas import Colour, Pen, shade

PAINT: Mapping[str, Colour] = {
    "red": (222, 54, 50),
    "orange": (245, 140, 36),
    "yellow": (252, 212, 54),
    "green": (62, 172, 76),
    "blue": (48, 108, 220),
    "purple": (144, 70, 190),
    "pink": (248, 132, 180),
    "white": (246, 245, 240),
    "black": (42, 42, 50),
}
GLASS: Colour = (214, 236, 250)
WOOD: Colour = (120, 80, 54)
DARK: Colour = (52, 46, 58)


def _draw_house(pen: Pen, colour: Colour) -> None:
    pen.rectangle(0.2, 0.6, 0.32, 0.95, shade(colour, 0.5))
    pen.rectangle(-0.42, 0, 0.42, 0.56, colour)
    pen.polygon([(-0.54, 0.54), (0, 1), (0.54, 0.54)], shade(colour, 0.6))
    pen.rectangle(-0.09, 0, 0.11, 0.34, DARK)
    for x in (-0.34, 0.2):
        pen.rectangle(x, 0.2, x + 0.16, 0.42, (255, 234, 150))


def _draw_tree(pen: Pen, colour: Colour) -> None:
    pen.rectangle(-0.07, 0, 0.07, 0.5, WOOD)
    for x, y, size in ((-0.2, 0.55, 0.23), (0.2, 0.55, 0.23), (0, 0.72, 0.28)):
        pen.ellipse((x, y), size, size, colour)
    pen.ellipse((-0.08, 0.78), 0.12, 0.1, shade(colour, 1.25))


def _draw_car(pen: Pen, colour: Colour) -> None:
    pen.polygon([(-0.36, 0.36), (-0.24, 0.62), (0.16, 0.62), (0.34, 0.36)], shade(colour, 0.85))
    pen.polygon([(-0.27, 0.38), (-0.19, 0.56), (-0.05, 0.56), (-0.05, 0.38)], GLASS)
    pen.polygon([(0.01, 0.38), (0.01, 0.56), (0.13, 0.56), (0.25, 0.38)], GLASS)
    pen.polygon([(-0.6, 0.1), (-0.6, 0.36), (0.42, 0.38), (0.6, 0.28), (0.62, 0.1)], colour)
    pen.ellipse((0.55, 0.25), 0.05, 0.05, (255, 244, 180))
    for x in (-0.34, 0.36):
        pen.ellipse((x, 0.11), 0.14, 0.14, DARK)
        pen.ellipse((x, 0.11), 0.06, 0.06, (200, 202, 208))


def _draw_boat(pen: Pen, colour: Colour) -> None:
    pen.ellipse((0, 0.04), 0.66, 0.08, (120, 190, 228))
    pen.rectangle(-0.03, 0.2, 0.02, 1, WOOD)
    pen.polygon([(0.05, 0.34), (0.05, 0.98), (0.46, 0.34)], (252, 250, 242))
    pen.polygon([(-0.07, 0.34), (-0.07, 0.88), (-0.36, 0.34)], shade(colour, 1.35))
    pen.polygon([(-0.56, 0.28), (0.58, 0.28), (0.4, 0.02), (-0.4, 0.02)], colour)
    pen.polygon([(-0.56, 0.28), (0.58, 0.28), (0.54, 0.22), (-0.52, 0.22)], shade(colour, 0.7))


def _draw_castle(pen: Pen, colour: Colour) -> None:
    pen.rectangle(-0.3, 0, 0.3, 0.52, colour)
    for x in (-0.26, -0.06, 0.14):
        pen.rectangle(x, 0.52, x + 0.12, 0.6, colour)
    for x in (-0.4, 0.4):
        pen.rectangle(x - 0.14, 0, x + 0.14, 0.68, shade(colour, 0.88))
        pen.polygon([(x - 0.18, 0.68), (x, 1), (x + 0.18, 0.68)], shade(colour, 0.5))
        pen.rectangle(x - 0.035, 0.42, x + 0.035, 0.56, DARK)
    pen.rectangle(-0.12, 0, 0.12, 0.2, DARK)
    pen.ellipse((0, 0.2), 0.12, 0.13, DARK)


def _draw_balloon(pen: Pen, colour: Colour) -> None:
    pen.line([(-0.24, 0.4), (-0.08, 0.12)], 0.018, DARK)
    pen.line([(0.24, 0.4), (0.08, 0.12)], 0.018, DARK)
    pen.rectangle(-0.1, 0, 0.1, 0.14, WOOD)
    pen.polygon([(-0.31, 0.5), (0.31, 0.5), (0.11, 0.22), (-0.11, 0.22)], colour)
    pen.ellipse((0, 0.64), 0.36, 0.36, colour)
    pen.polygon([(-0.12, 0.44), (0.12, 0.44), (0.05, 0.22), (-0.05, 0.22)], shade(colour, 1.35))
    pen.ellipse((0, 0.64), 0.14, 0.36, shade(colour, 1.35))


def _draw_tent(pen: Pen, colour: Colour) -> None:
    pen.polygon([(0, 0.8), (0.62, 0), (0.2, 0)], shade(colour, 0.7))
    pen.polygon([(-0.56, 0), (0, 0.8), (0.3, 0)], colour)
    pen.polygon([(-0.24, 0), (-0.06, 0.5), (0.1, 0)], DARK)


def _draw_cat(pen: Pen, colour: Colour) -> None:
    deep, pale = shade(colour, 0.72), shade(colour, 1.5)
    pen.line([(0.2, 0.08), (0.42, 0.1), (0.46, 0.28), (0.38, 0.44)], 0.09, deep)
    pen.ellipse((0, 0.26), 0.29, 0.28, colour)
    pen.ellipse((0, 0.22), 0.15, 0.18, pale)
    for side in (-1, 1):
        pen.ellipse((side * 0.14, 0.03), 0.11, 0.05, deep)
        pen.polygon([(side * 0.28, 0.66), (side * 0.25, 1.0), (side * 0.04, 0.86)], deep)
    pen.ellipse((0, 0.67), 0.3, 0.24, colour)
    for side in (-1, 1):
        pen.ellipse((side * 0.12, 0.7), 0.055, 0.07, (252, 250, 220))
        pen.ellipse((side * 0.12, 0.7), 0.03, 0.05, (20, 20, 24))
    pen.polygon([(-0.04, 0.61), (0.04, 0.61), (0, 0.56)], (240, 140, 150))


def _draw_flower(pen: Pen, colour: Colour) -> None:
    green: Colour = (60, 150, 72)
    pen.line([(0, 0), (0, 0.6)], 0.06, green)
    pen.ellipse((-0.15, 0.2), 0.15, 0.06, green)
    pen.ellipse((0.15, 0.28), 0.15, 0.06, green)
    for turn in np.arange(6) * np.pi / 3:
        pen.ellipse((0.2 * np.cos(turn), 0.7 + 0.2 * np.sin(turn)), 0.13, 0.13, colour)
    pen.ellipse((0, 0.7), 0.12, 0.12, (255, 206, 70) if colour != PAINT["yellow"] else (190, 106, 50))


THINGS: Mapping[str, Callable[[Pen, Colour], None]] = {
    "house": _draw_house,
    "tree": _draw_tree,
    "car": _draw_car,
    "boat": _draw_boat,
    "castle": _draw_castle,
    "balloon": _draw_balloon,
    "tent": _draw_tent,
    "cat": _draw_cat,
    "flower": _draw_flower,
}
