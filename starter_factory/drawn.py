"""Things that we draw ourselves: the unit is a thing's height, (0, 0) the middle of its foot, y grows upwards."""

from collections.abc import Callable, Mapping

import numpy as np

from starter_factory.canvas import CIRCLE, Colour, Pen, Point, shade
from starter_factory.sprites import PAINT

GLASS: Colour = (206, 234, 250)
WOOD: Colour = (124, 84, 58)
DARK: Colour = (54, 46, 58)
LIT: Colour = (255, 236, 158)


def _draw_house(pen: Pen, colour: Colour) -> None:
    roof = shade(colour, 0.55) if colour != PAINT["black"] else (150, 70, 62)
    pen.rectangle(0.2, 0.6, 0.32, 0.96, shade(roof, 0.8))
    pen.rectangle(0.18, 0.93, 0.34, 0.98, shade(roof, 0.65))
    pen.rectangle(-0.44, 0, 0.44, 0.56, colour)
    pen.rectangle(-0.44, 0, 0.44, 0.06, shade(colour, 0.82))
    pen.polygon([(-0.56, 0.54), (0, 0.97), (0.56, 0.54)], roof)
    pen.polygon([(-0.56, 0.54), (-0.52, 0.5), (0.52, 0.5), (0.56, 0.54)], shade(roof, 0.8))
    pen.rectangle(-0.1, 0, 0.12, 0.36, WOOD)
    pen.ellipse((0.08, 0.17), 0.014, 0.014, LIT)
    for x in (-0.36, 0.2):
        pen.rectangle(x - 0.02, 0.2, x + 0.19, 0.42, (250, 248, 240))
        pen.rectangle(x, 0.22, x + 0.17, 0.4, GLASS)
        pen.rectangle(x + 0.075, 0.22, x + 0.095, 0.4, (250, 248, 240))
        pen.rectangle(x, 0.3, x + 0.17, 0.32, (250, 248, 240))


def _draw_tree(pen: Pen, colour: Colour) -> None:
    pen.polygon([(-0.08, 0), (-0.045, 0.5), (0.045, 0.5), (0.08, 0)], WOOD)
    pen.line([(0, 0.36), (0.12, 0.5)], 0.04, WOOD)
    for tint, drop in ((shade(colour, 0.8), 0.03), (colour, 0.0)):
        for x, y, size in (
            (-0.21, 0.54, 0.2),
            (0.21, 0.54, 0.2),
            (0, 0.5, 0.2),
            (-0.12, 0.72, 0.2),
            (0.12, 0.72, 0.2),
            (0, 0.79, 0.19),
        ):
            pen.ellipse((x, y - drop), size, size, tint)
    for x, y in ((-0.12, 0.8), (0.1, 0.66), (-0.22, 0.58)):
        pen.ellipse((x, y), 0.06, 0.05, shade(colour, 1.22))


def _draw_car(pen: Pen, colour: Colour) -> None:
    pen.polygon([(-0.62, 0.5), (-0.44, 0.96), (0.24, 0.96), (0.58, 0.5)], shade(colour, 0.86))
    pen.polygon([(-0.5, 0.54), (-0.36, 0.88), (-0.1, 0.88), (-0.1, 0.54)], GLASS)
    pen.polygon([(-0.02, 0.54), (-0.02, 0.88), (0.2, 0.88), (0.44, 0.54)], GLASS)
    body = [(-0.98, 0.18), (-0.98, 0.48), (-0.9, 0.55), (0.6, 0.56), (0.92, 0.46), (1.0, 0.36), (1.0, 0.18)]
    pen.polygon(body, colour)
    pen.rectangle(-0.98, 0.18, 1.0, 0.26, shade(colour, 0.74))
    pen.line([(-0.06, 0.52), (-0.06, 0.28)], 0.014, shade(colour, 0.74))
    pen.rectangle(0.02, 0.44, 0.14, 0.47, shade(colour, 0.6))
    pen.ellipse((0.93, 0.38), 0.06, 0.06, (255, 244, 180))
    pen.rectangle(-0.98, 0.36, -0.92, 0.46, (210, 60, 60))
    for x in (-0.56, 0.58):
        pen.ellipse((x, 0.19), 0.2, 0.2, DARK)
        pen.ellipse((x, 0.19), 0.1, 0.1, (206, 208, 214))


def _draw_boat(pen: Pen, colour: Colour) -> None:
    pen.rectangle(-0.025, 0.2, 0.02, 1, WOOD)
    pen.polygon([(0.05, 0.32), (0.05, 0.96), (0.24, 0.62), (0.46, 0.32)], (252, 250, 242))
    pen.polygon([(0.05, 0.32), (0.05, 0.44), (0.38, 0.44), (0.46, 0.32)], (226, 226, 226))
    pen.polygon([(-0.06, 0.32), (-0.06, 0.86), (-0.38, 0.32)], shade(colour, 1.3))
    pen.polygon([(-0.6, 0.27), (0.62, 0.27), (0.44, 0.0), (-0.42, 0.0)], colour)
    pen.polygon([(-0.6, 0.27), (0.62, 0.27), (0.575, 0.2), (-0.555, 0.2)], shade(colour, 0.7))
    for x in (-0.2, 0.02, 0.24):
        pen.ellipse((x, 0.11), 0.035, 0.035, GLASS)


def _draw_castle(pen: Pen, colour: Colour) -> None:
    roof = shade(colour, 0.5) if colour != PAINT["black"] else (140, 70, 90)
    pen.rectangle(-0.13, 0.4, 0.13, 0.76, shade(colour, 0.8))
    pen.polygon([(-0.18, 0.75), (0, 0.98), (0.18, 0.75)], roof)
    pen.rectangle(-0.34, 0, 0.34, 0.46, colour)
    for x in (-0.3, -0.11, 0.08, 0.23):
        pen.rectangle(x - 0.03, 0.46, x + 0.08, 0.52, colour)
    for x in (-0.44, 0.44):
        pen.rectangle(x - 0.14, 0, x + 0.14, 0.6, shade(colour, 0.9))
        pen.rectangle(x - 0.16, 0.55, x + 0.16, 0.62, shade(colour, 0.78))
        pen.polygon([(x - 0.19, 0.61), (x, 0.9), (x + 0.19, 0.61)], roof)
        pen.rectangle(x - 0.03, 0.34, x + 0.03, 0.47, DARK)
    pen.ellipse((0, 0.6), 0.04, 0.05, DARK)
    pen.rectangle(-0.12, 0, 0.12, 0.2, WOOD)
    pen.ellipse((0, 0.2), 0.12, 0.12, WOOD)
    for x in (-0.04, 0.04):
        pen.line([(x, 0.01), (x, 0.29)], 0.012, DARK)


def _draw_balloon(pen: Pen, colour: Colour) -> None:
    pale = shade(colour, 1.4) if colour != PAINT["white"] else (232, 120, 110)
    for x in (-1, 1):
        pen.line([(0.22 * x, 0.36), (0.09 * x, 0.14)], 0.014, DARK)
    pen.rectangle(-0.1, 0, 0.1, 0.14, WOOD)
    pen.rectangle(-0.115, 0.11, 0.115, 0.15, shade(WOOD, 1.3))
    for share, tint in ((1.0, colour), (0.62, pale), (0.24, colour)):
        pen.polygon(_envelope(share), tint)
    pen.polygon([(-0.1, 0.26), (-0.08, 0.22), (0.08, 0.22), (0.1, 0.26)], shade(colour, 0.7))


def _envelope(share: float) -> list[Point]:
    """The outline of a balloon, made narrower by a share."""
    turns = np.linspace(-0.62, np.pi + 0.62, 34)
    arc = [(0.37 * float(np.cos(turn)) * share, 0.63 + 0.37 * float(np.sin(turn))) for turn in turns]
    return [*arc, (-0.1 * share, 0.24), (0.1 * share, 0.24)]


def _draw_tent(pen: Pen, colour: Colour) -> None:
    pen.polygon([(0.06, 0.98), (0.86, 0), (0.3, 0)], shade(colour, 0.72))
    pen.polygon([(-0.76, 0), (0.06, 0.98), (0.42, 0)], colour)
    pen.polygon([(-0.36, 0), (-0.0, 0.66), (0.16, 0)], DARK)
    pen.polygon([(-0.36, 0), (-0.0, 0.66), (-0.14, 0)], shade(colour, 1.2))
    pen.line([(0.06, 0.94), (0.06, 1.0)], 0.03, WOOD)


def _draw_cat(pen: Pen, colour: Colour) -> None:
    """A sitting cat that looks at us."""
    deep, pale = shade(colour, 0.74), shade(colour, 1.55)
    if colour == PAINT["black"]:
        deep, pale = (26, 26, 32), (92, 90, 100)
    tail = [(0.16, 0.06), (0.32, 0.06), (0.4, 0.16), (0.38, 0.3), (0.44, 0.4)]
    pen.line(tail, 0.085, deep)
    pen.polygon(CIRCLE * (0.27, 0.28) + np.array((0, 0.27)), colour)
    pen.polygon(CIRCLE * (0.14, 0.19) + np.array((0, 0.25)), pale)
    for side in (-1, 1):
        pen.polygon(CIRCLE * (0.115, 0.13) + np.array((side * 0.2, 0.12)), shade(colour, 0.9))
        pen.polygon(CIRCLE * (0.075, 0.14) + np.array((side * 0.085, 0.13)), colour)
        pen.ellipse((side * 0.09, 0.03), 0.085, 0.04, pale)
        pen.polygon([(side * 0.29, 0.7), (side * 0.27, 1.0), (side * 0.06, 0.86)], colour)
        pen.polygon([(side * 0.25, 0.76), (side * 0.24, 0.92), (side * 0.12, 0.84)], (246, 170, 176))
    pen.ellipse((0, 0.67), 0.305, 0.225, colour)
    for side in (-1, 1):
        pen.ellipse((side * 0.07, 0.585), 0.085, 0.06, pale)
        pen.ellipse((side * 0.125, 0.7), 0.06, 0.068, (250, 250, 226))
        pen.ellipse((side * 0.12, 0.7), 0.034, 0.056, (28, 30, 30))
        pen.ellipse((side * 0.12 + 0.012, 0.725), 0.012, 0.014, (255, 255, 255))
        for y, end in ((0.6, 0.63), (0.575, 0.56)):
            pen.line([(side * 0.12, y), (side * 0.36, end)], 0.011, deep)
    pen.polygon([(-0.036, 0.635), (0.036, 0.635), (0, 0.6)], (238, 128, 140))
    pen.line([(-0.05, 0.565), (-0.02, 0.555), (0, 0.585), (0.02, 0.555), (0.05, 0.565)], 0.014, DARK)
    for x in (-0.07, 0.0, 0.07):
        pen.line([(x, 0.85 - abs(x) * 0.3), (x * 0.8, 0.79)], 0.026, deep)


def _draw_horse(pen: Pen, colour: Colour) -> None:
    """A standing horse from its side, looking to the right."""
    deep = shade(colour, 0.78) if colour != PAINT["black"] else (26, 26, 32)
    mane = shade(colour, 0.42) if colour not in (PAINT["black"], PAINT["white"]) else (150, 146, 150)
    pen.line([(-0.42, 0.56), (-0.52, 0.5), (-0.54, 0.34), (-0.5, 0.22)], 0.085, mane)
    for x, tint in ((-0.26, deep), (0.22, deep), (-0.36, colour), (0.31, colour)):
        pen.polygon([(x - 0.06, 0.42), (x - 0.035, 0.06), (x + 0.035, 0.06), (x + 0.07, 0.42)], tint)
        pen.polygon([(x - 0.045, 0.07), (x - 0.055, 0), (x + 0.055, 0), (x + 0.045, 0.07)], DARK)
    pen.ellipse((-0.02, 0.5), 0.41, 0.155, colour)
    pen.ellipse((-0.3, 0.52), 0.16, 0.16, colour)
    neck = [(0.16, 0.5), (0.3, 0.86), (0.44, 0.9), (0.44, 0.72), (0.4, 0.46)]
    pen.polygon([(0.1, 0.6), (0.24, 0.92), (0.36, 0.98), (0.36, 0.9), (0.22, 0.6)], mane)
    pen.polygon(neck, colour)
    pen.polygon([(0.33, 0.93), (0.37, 1.0), (0.42, 0.92)], colour)
    pen.polygon([(0.3, 0.9), (0.44, 0.93), (0.66, 0.76), (0.64, 0.68), (0.52, 0.66), (0.36, 0.74)], colour)
    pen.ellipse((0.61, 0.72), 0.055, 0.05, shade(colour, 1.3) if colour != PAINT["black"] else (84, 82, 90))
    pen.ellipse((0.45, 0.85), 0.02, 0.024, (26, 24, 28))
    pen.ellipse((0.635, 0.735), 0.011, 0.011, DARK)
    pen.polygon([(0.34, 0.97), (0.42, 0.95), (0.44, 0.86)], mane)


def _draw_flower(pen: Pen, colour: Colour) -> None:
    green: Colour = (62, 156, 76)
    pen.line([(0, 0), (0, 0.6)], 0.05, green)
    for side, y in ((-1, 0.2), (1, 0.28)):
        leaf = [(0, y - 0.08), (side * 0.14, y - 0.02), (side * 0.3, y + 0.1), (side * 0.12, y + 0.08)]
        pen.polygon(leaf, shade(green, 0.9 if side < 0 else 1.1))
    for layer, tint in ((0.0, shade(colour, 0.84)), (np.pi / 6, colour)):
        for turn in np.arange(6) * np.pi / 3 + layer:
            pen.ellipse((0.17 * float(np.cos(turn)), 0.7 + 0.17 * float(np.sin(turn))), 0.115, 0.115, tint)
    pen.ellipse((0, 0.7), 0.1, 0.1, (255, 206, 70) if colour != PAINT["yellow"] else (190, 106, 50))


DRAWN: Mapping[str, Callable[[Pen, Colour], None]] = {
    "house": _draw_house,
    "tree": _draw_tree,
    "car": _draw_car,
    "boat": _draw_boat,
    "castle": _draw_castle,
    "hot air balloon": _draw_balloon,
    "tent": _draw_tent,
    "cat": _draw_cat,
    "horse": _draw_horse,
    "flower": _draw_flower,
}
# The colours of things whose colour no caption names.
OWN_COLOUR: Mapping[str, tuple[Colour, ...]] = {
    "house": ((232, 190, 140), PAINT["red"], PAINT["yellow"]),
    "tree": ((72, 158, 70), (98, 176, 80)),
    "car": (PAINT["red"], PAINT["blue"]),
    "boat": (PAINT["red"], PAINT["blue"], (150, 100, 66)),
    "castle": ((196, 190, 200), (222, 206, 184)),
    "hot air balloon": (PAINT["red"],),
    "tent": (PAINT["orange"], PAINT["green"]),
    "cat": ((236, 160, 84), (122, 116, 120), PAINT["black"]),
    "horse": ((150, 96, 62), (196, 140, 92), (96, 64, 50)),
    "flower": (PAINT["red"], PAINT["pink"], PAINT["purple"]),
}
