"""Sky and land of the starter's world: x and y run over the picture from its upper left corner."""

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np

from starter_factory.first.canvas import Canvas, Colour, Pen, Point, shade

# From the zenith to the horizon.
SKY: Mapping[str, tuple[Colour, Colour]] = {
    "day": ((78, 156, 236), (200, 232, 250)),
    "sunset": ((112, 62, 132), (255, 168, 92)),
    "night": ((14, 18, 54), (54, 66, 128)),
    "dawn": ((148, 168, 226), (255, 214, 198)),
}
LAND_LIGHT: Mapping[str, Colour] = {
    "day": (1, 1, 1),
    "sunset": (0.80, 0.58, 0.56),
    "night": (0.26, 0.32, 0.55),
    "dawn": (0.98, 0.86, 0.90),
}
SUN: Mapping[str, Colour] = {
    "day": (255, 226, 84),
    "sunset": (255, 226, 130),
    "night": (250, 246, 222),
    "dawn": (255, 240, 190),
}


def draw_sky(canvas: Canvas, time: str, rng: np.random.Generator) -> None:
    top, low = (np.array(colour) for colour in SKY[time])
    share = np.clip(np.linspace(0, 1 / 0.65, canvas.height), 0, 1)[:, None, None]
    canvas.image[:] = top + (low - top) * share
    pen = canvas.pen(0, 0, canvas.width, canvas.height)
    squeeze = min(canvas.width, canvas.height)
    round_x, round_y = squeeze / canvas.width, squeeze / canvas.height
    high = time in ("day", "night")
    x, y = rng.choice((0.17, 0.5, 0.83)) + rng.uniform(-0.04, 0.04), 0.16 if high else 0.47
    if time == "night":
        for star_x, star_y in rng.uniform((0, 0), (1, 0.45), (9, 2)):
            pen.ellipse((star_x, star_y), 0.006 * round_x, 0.006 * round_y, (230, 232, 250))
    elif rng.random() < 0.7:
        _draw_cloud(pen, ((x + rng.uniform(0.3, 0.7)) % 1, rng.uniform(0.1, 0.26)), time, round_x, round_y)
    if not high:
        pen.ellipse((x, y), 0.15 * round_x, 0.15 * round_y, shade(SKY[time][1], 1.3))
    radius = 0.075 if high else 0.1
    pen.ellipse((x, y), radius * round_x, radius * round_y, SUN[time])


def _draw_cloud(pen: Pen, at: Point, time: str, round_x: float, round_y: float) -> None:
    colour: Colour = {"day": (255, 255, 255), "sunset": (250, 158, 128), "dawn": (255, 236, 236)}[time]
    for shift, size in ((-0.075, 0.03), (0.0, 0.05), (0.075, 0.035)):
        pen.ellipse((at[0] + shift * round_x, at[1] - size * 0.3 * round_y), 0.065 * round_x, size * round_y, colour)


def _ridge(pen: Pen, height: float, swing: float, colour: Colour, rng: np.random.Generator) -> None:
    """A rolling hill line with everything beneath it."""
    xs = np.linspace(0, 1, 25)
    phase, waves = rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 1.2)
    ys = height + swing * np.sin(2 * np.pi * waves * xs + phase)
    pen.depth = int(255 * height * 0.8)
    pen.polygon([(0, 1.1), *zip(xs.tolist(), ys.tolist(), strict=True), (1, 1.1)], colour)


def _draw_meadow(pen: Pen, rng: np.random.Generator) -> None:
    _ridge(pen, 0.58, 0.04, (150, 204, 120), rng)
    _ridge(pen, 0.7, 0.03, (118, 190, 84), rng)


def _draw_beach(pen: Pen, rng: np.random.Generator) -> None:
    pen.depth = 110
    pen.rectangle(0, 0.56, 1, 1, (44, 140, 206))
    pen.rectangle(0, 0.66, 1, 1, (74, 168, 220))
    _ridge(pen, 0.79, 0.015, (236, 246, 248), rng)
    _ridge(pen, 0.82, 0.012, (242, 216, 156), rng)


def _draw_city(pen: Pen, rng: np.random.Generator) -> None:
    night = pen.light == LAND_LIGHT["night"]
    for left, right in pairwise(np.linspace(0, 1, 7)):
        top = rng.uniform(0.24, 0.46)
        pen.depth = 90
        pen.rectangle(left, top, right, 0.8, rng.choice(((150, 164, 190), (172, 182, 202), (132, 146, 176))))
        light, pen.light = pen.light, (1, 1, 1) if night else pen.light
        for row in np.arange(top + 0.06, 0.68, 0.1):
            for column in (left + 0.035, left + 0.095):
                pen.rectangle(column, row, column + 0.035, row + 0.045, (250, 214, 110) if night else (206, 222, 240))
        pen.light = light
    pen.depth = 170
    pen.rectangle(0, 0.74, 1, 1, (122, 124, 134))
    for start in np.arange(rng.uniform(-0.2, 0), 1, 0.3):
        pen.rectangle(start, 0.955, start + 0.16, 0.98, (236, 232, 214))


def _draw_forest(pen: Pen, rng: np.random.Generator) -> None:
    pen.depth = 100
    for row, colour, base in ((7, (70, 138, 96), 0.7), (6, (40, 108, 70), 0.78)):
        for x in np.linspace(0, 1, row) + rng.uniform(-0.04, 0.04):
            _draw_pine(pen, (x, base), rng.uniform(0.3, 0.42), colour)
    _ridge(pen, 0.74, 0.012, (84, 134, 62), rng)


def _draw_pine(pen: Pen, at: Point, tall: float, colour: Colour) -> None:
    x, y = at
    pen.polygon([(x - 0.1, y), (x, y - tall), (x + 0.1, y)], colour)


def _draw_mountains(pen: Pen, rng: np.random.Generator) -> None:
    for middle, height, half in ((0.2, 0.3, 0.36), (0.78, 0.26, 0.4), (0.5, 0.4, 0.3)):
        x, top = middle + rng.uniform(-0.06, 0.06), height + rng.uniform(-0.03, 0.03)
        slope = (0.7 - top) / half
        pen.depth = 60
        pen.polygon([(x - half, 0.7), (x, top), (x + half, 0.7)], (128, 138, 166))
        pen.polygon([(x, top), (x + half, 0.7), (x + half * 0.2, 0.7)], (106, 116, 146))
        cap = 0.09
        pen.polygon(
            [(x - cap / slope, top + cap), (x, top), (x + cap / slope, top + cap), (x, top + cap * 0.7)],
            (248, 250, 255),
        )
    _ridge(pen, 0.68, 0.025, (122, 174, 104), rng)


def _draw_desert(pen: Pen, rng: np.random.Generator) -> None:
    _ridge(pen, 0.56, 0.05, (240, 190, 120), rng)
    for x in (rng.uniform(0.05, 0.3), rng.uniform(0.7, 0.95)):
        _draw_cactus(pen, (x, 0.68))
    _ridge(pen, 0.68, 0.04, (228, 166, 92), rng)


def _draw_cactus(pen: Pen, at: Point) -> None:
    x, y = at
    green: Colour = (64, 140, 92)
    pen.line([(x, y + 0.05), (x, y - 0.17)], 0.045, green)
    pen.line([(x, y - 0.04), (x - 0.07, y - 0.04), (x - 0.07, y - 0.11)], 0.03, green)
    pen.line([(x, y - 0.01), (x + 0.07, y - 0.01), (x + 0.07, y - 0.08)], 0.03, green)


def _draw_snow(pen: Pen, rng: np.random.Generator) -> None:
    _ridge(pen, 0.55, 0.04, (206, 222, 240), rng)
    for x in (0.1, 0.34, 0.68, 0.9):
        at, tall = (x + rng.uniform(-0.07, 0.07), 0.68), rng.uniform(0.18, 0.26)
        _draw_pine(pen, at, tall, (88, 148, 138))
        low = 0.68 - tall * 0.5
        pen.polygon([(at[0] - 0.05, low), (at[0], 0.68 - tall), (at[0] + 0.05, low)], (250, 252, 255))
    _ridge(pen, 0.67, 0.02, (240, 246, 252), rng)


LANDSCAPES: Mapping[str, Callable[[Pen, np.random.Generator], None]] = {
    "meadow": _draw_meadow,
    "beach": _draw_beach,
    "city": _draw_city,
    "forest": _draw_forest,
    "mountains": _draw_mountains,
    "desert": _draw_desert,
    "snow": _draw_snow,
}
