"""The places of the world: sky and land, drawn anew for each seed; x and y run from the upper left corner."""

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from starter_factory.canvas import Canvas, Colour, Pen, Point, mix, shade

# From the zenith to the horizon.
SKY: Mapping[str, tuple[Colour, Colour]] = {
    "day": ((64, 146, 236), (206, 236, 252)),
    "sunset": ((104, 58, 132), (255, 170, 92)),
    "night": ((12, 16, 50), (52, 66, 128)),
    "dawn": ((146, 168, 228), (255, 216, 200)),
}
LAND_LIGHT: Mapping[str, Colour] = {
    "day": (1, 1, 1),
    "sunset": (0.82, 0.6, 0.58),
    "night": (0.27, 0.33, 0.56),
    "dawn": (0.98, 0.87, 0.91),
}
SUN: Mapping[str, Colour] = {
    "day": (255, 224, 80),
    "sunset": (255, 232, 150),
    "night": (250, 246, 222),
    "dawn": (255, 242, 200),
}
CLOUD: Mapping[str, Colour] = {
    "day": (255, 255, 255),
    "sunset": (250, 160, 130),
    "night": (70, 82, 136),
    "dawn": (255, 238, 238),
}
LINE = np.linspace(0, 1, 33)

Random = np.random.Generator


def draw_place(canvas: Canvas, place: str, time: str, rng: Random) -> None:
    """Fill the canvas with the place at that time of day."""
    PLACES[place](canvas, time, rng)


def _outdoors(land: Callable[[Pen, Random, float], None], low: float, high: float) -> Callable[..., None]:
    """A place under the sky whose horizon is at most at `low` and at least at `high`."""

    def draw(canvas: Canvas, time: str, rng: Random) -> None:
        horizon = rng.uniform(high, low)
        _draw_sky(canvas, time, rng, horizon)
        land(canvas.pen(LAND_LIGHT[time]), rng, horizon)

    return draw


def _draw_sky(canvas: Canvas, time: str, rng: Random, horizon: float) -> None:
    top, low = (np.array(colour) for colour in SKY[time])
    share = np.clip(np.linspace(0, 1 / horizon, canvas.height), 0, 1)[:, None, None]
    canvas.image[:] = top + (low - top) * share
    pen = canvas.pen()
    if time == "night":
        for x, y, size in rng.uniform((0, 0, 0.002), (1, horizon, 0.006), (int(rng.integers(12, 40)), 3)):
            pen.disc((x, y), size, (232, 234, 252))
    shown = rng.random() < 0.65
    x = rng.choice((rng.uniform(0.1, 0.4), rng.uniform(0.6, 0.9)))
    y = rng.uniform(0.1, 0.24) if time in ("day", "night") else horizon - rng.uniform(0.02, 0.1)
    if shown:
        _draw_sun(canvas, time, (x, y), rng)
    for _ in range(int(rng.integers(0, 4)) if time != "night" else int(rng.integers(0, 2))):
        across = (x + rng.uniform(0.22, 0.78)) % 1
        _draw_cloud(pen, (across, rng.uniform(0.08, horizon - 0.2)), rng.uniform(0.7, 1.4), CLOUD[time], rng)


def _draw_sun(canvas: Canvas, time: str, at: Point, rng: Random) -> None:
    """One sun or moon with a glow about it; the moon is full or a crescent."""
    pen, radius = canvas.pen(), rng.uniform(0.05, 0.08)
    pixel = (int(at[0] * (canvas.width - 1)), int(at[1] * (canvas.height - 1)))
    behind = canvas.image[pixel[1], pixel[0]].astype(float)
    _add_glow(canvas, pixel, 4.0 * radius * canvas.unit, SUN[time], 0.55 if time != "night" else 0.25)
    if time == "night" and rng.random() < 0.5:
        pen.disc(at, radius, SUN[time])
        pen.disc((at[0] + 0.45 * radius * canvas.unit / canvas.width, at[1] - 0.15 * radius), 0.85 * radius, behind)
        return
    pen.disc(at, radius, SUN[time])
    if time == "night":
        for x, y, size in ((-0.3, -0.2, 0.2), (0.25, 0.3, 0.26), (0.3, -0.35, 0.14)):
            spot = (at[0] + x * radius * canvas.unit / canvas.width, at[1] + y * radius * canvas.unit / canvas.height)
            pen.disc(spot, size * radius, (230, 224, 196))


def _add_glow(canvas: Canvas, at: tuple[int, int], radius: float, colour: Colour, strength: float) -> None:
    left, top = max(0, int(at[0] - radius)), max(0, int(at[1] - radius))
    part = canvas.image[top : int(at[1] + radius), left : int(at[0] + radius)]
    rows, columns = np.ogrid[top : top + part.shape[0], left : left + part.shape[1]]
    near = 1 - np.sqrt((rows - at[1]) ** 2 + (columns - at[0]) ** 2) / radius
    share = (strength * np.clip(near, 0, 1) ** 2)[..., None].astype(np.float32)
    part[:] = part + (np.array(colour, np.float32) - part) * share


def _draw_cloud(pen: Pen, at: Point, size: float, colour: Colour, rng: Random) -> None:
    unit = size * pen.canvas.unit / pen.canvas.width, size * pen.canvas.unit / pen.canvas.height
    under = shade(colour, 0.93)
    puffs = [(-0.09, 0.0, 0.04), (-0.035, -0.02, 0.05), (0.035, -0.028, 0.058), (0.1, 0.0, 0.042)]
    for shift, tint in ((0.008, under), (0.0, colour)):
        for x, y, radius in puffs:
            wide = radius * float(rng.uniform(0.95, 1.1))
            pen.ellipse((at[0] + x * unit[0], at[1] + (y + shift) * unit[1]), wide * unit[0], radius * unit[1], tint)
        pen.ellipse((at[0], at[1] + (0.022 + shift) * unit[1]), 0.13 * unit[0], 0.022 * unit[1], tint)


def _hills(rng: Random, waves: float) -> NDArray[np.float64]:
    """A rolling line of 33 heights between -1 and 1."""
    line: NDArray[np.float64] = 0.7 * np.sin(2 * np.pi * waves * LINE + rng.uniform(0, 6.3))
    line += 0.3 * np.sin(2 * np.pi * 2.3 * waves * LINE + rng.uniform(0, 6.3))
    return line


def _ridge(
    pen: Pen, height: float, swing: float, colour: Colour, rng: Random, waves: float = 0.9
) -> NDArray[np.float64]:
    """A rolling hill line with everything beneath it; returns its heights."""
    ys = height + swing * _hills(rng, waves * rng.uniform(0.7, 1.3))
    pen.depth = max(1, int(255 * height * 0.8))
    pen.polygon([(-0.01, 1.1), *zip(LINE.tolist(), ys.tolist(), strict=True), (1.01, 1.1)], colour)
    return ys


def _at(ys: NDArray[np.float64], x: float) -> float:
    return float(np.interp(x, LINE, ys))


def _draw_meadow(pen: Pen, rng: Random, horizon: float) -> None:
    _ridge(pen, horizon, 0.04, (168, 212, 140), rng)
    _ridge(pen, horizon + 0.07, 0.035, (136, 198, 104), rng)
    front = _ridge(pen, horizon + 0.15, 0.03, (108, 182, 80), rng)
    _tufts(pen, rng, front, (88, 160, 66), 16)
    for x, y in rng.uniform((0, 0), (1, 1), (int(rng.integers(0, 18)), 2)):
        foot = _at(front, x) + 0.02 + y * (1 - _at(front, x))
        pen.disc((x, foot), 0.007, ((255, 250, 240), (255, 216, 90), (244, 140, 170))[int(rng.integers(3))])


def _tufts(pen: Pen, rng: Random, front: NDArray[np.float64], colour: Colour, count: int) -> None:
    for x, share in rng.uniform(0, 1, (count, 2)):
        y = _at(front, x) + 0.03 + share * (0.97 - _at(front, x))
        tall = 0.012 + 0.02 * share
        pen.line([(x - 0.008, y - tall), (x, y), (x + 0.008, y - tall)], 0.006, colour)


def _draw_beach(pen: Pen, rng: Random, horizon: float) -> None:
    pen.depth = 100
    deep, shallow = (38, 128, 202), (92, 196, 220)
    for step in range(6):
        pen.rectangle(-0.01, horizon + 0.05 * step, 1.01, 1.1, mix(deep, shallow, step / 5))
    shore = rng.uniform(0.72, 0.84)
    for x, share in rng.uniform(0, 1, (14, 2)):
        y = horizon + 0.02 + share * (shore - horizon - 0.06)
        wide = 0.015 + 0.04 * share
        pen.line([(x - wide, y), (x, y - 0.006), (x + wide, y)], 0.006, (214, 240, 250))
    _ridge(pen, shore, 0.02, (240, 250, 252), rng, 0.7)
    front = _ridge(pen, shore + 0.025, 0.018, (246, 222, 166), rng, 0.7)
    for x, share in rng.uniform(0, 1, (10, 2)):
        y = _at(front, x) + 0.03 + share * (1 - _at(front, x))
        pen.disc((x, y), 0.005, (224, 194, 132))


def _draw_lake(pen: Pen, rng: Random, horizon: float) -> None:
    _ridge(pen, horizon - 0.05, 0.05, (128, 170, 150), rng, 1.3)
    for x in np.sort(rng.uniform(0, 1, int(rng.integers(3, 12)))):
        _draw_pine(pen, (x, horizon + 0.01), rng.uniform(0.07, 0.16), (62, 126, 96))
    pen.depth = 120
    for step in range(5):
        pen.rectangle(-0.01, horizon + 0.05 * step, 1.01, 1.1, mix((96, 164, 206), (60, 132, 190), step / 4))
    for x, share in rng.uniform(0, 1, (12, 2)):
        y, wide = horizon + 0.03 + share * 0.3, 0.03 + 0.05 * share
        pen.line([(x - wide, y), (x + wide, y)], 0.005, (170, 214, 236))
    front = _ridge(pen, horizon + 0.27, 0.025, (112, 184, 92), rng)
    _tufts(pen, rng, front, (84, 154, 70), 12)


def _draw_city(pen: Pen, rng: Random, horizon: float) -> None:
    night = pen.light == LAND_LIGHT["night"]
    street = horizon + 0.14
    _towers(pen, rng, np.linspace(-0.05, 1.05, 9), (0.16, 0.34), street, (186, 198, 220), night, windows=False)
    _towers(pen, rng, np.cumsum([0, *rng.uniform(0.12, 0.24, 9)]) - 0.1, (0.2, 0.5), street, (150, 164, 194), night)
    pen.depth = 170
    pen.rectangle(-0.01, street, 1.01, 1.1, (184, 184, 188))
    pen.rectangle(-0.01, street + 0.04, 1.01, 1.1, (112, 114, 126))
    for start in np.arange(rng.uniform(-0.2, 0), 1, 0.26):
        pen.rectangle(start, 0.93, start + 0.14, 0.95, (238, 234, 216))


TOWER_TINTS = ((0, 0, 0), (26, 6, -16), (-12, 0, 14), (36, 14, 4))


def _towers(
    pen: Pen,
    rng: Random,
    edges: NDArray[np.float64],
    tops: tuple[float, float],
    low: float,
    colour: Colour,
    night: bool,
    *,
    windows: bool = True,
) -> None:
    pen.depth = 90 if windows else 60
    day = pen.light
    for left, right in pairwise(edges):
        top = rng.uniform(*tops)
        tint = TOWER_TINTS[int(rng.integers(4))]
        wall = (colour[0] + tint[0], colour[1] + tint[1], colour[2] + tint[2])
        pen.rectangle(left, top, right - 0.006, low, wall)
        if not windows:
            continue
        count = max(2, int((right - left) / 0.045))
        xs = np.linspace(left + 0.018, right - 0.024, count + 1)
        for y in np.arange(top + 0.03, low - 0.06, 0.055):
            for x, after in pairwise(xs):
                lit = night and rng.random() < 0.6
                pen.light = (1, 1, 1) if lit else day
                pen.rectangle(x, y, x + 0.62 * (after - x), y + 0.03, (255, 220, 116) if lit else shade(wall, 1.45))
        pen.light = day


def _draw_pine(pen: Pen, at: Point, tall: float, colour: Colour, snowy: bool = False) -> None:
    x, y = at
    wide = tall * pen.canvas.height / pen.canvas.width
    pen.rectangle(x - 0.035 * wide, y - 0.14 * tall, x + 0.035 * wide, y, (104, 76, 58))
    for low, high, half in ((0.1, 0.52, 0.3), (0.32, 0.76, 0.24), (0.56, 1.0, 0.17)):
        points = [(x - half * wide, y - low * tall), (x, y - high * tall), (x + half * wide, y - low * tall)]
        pen.polygon(points, colour)
        if snowy:
            cap = [(x - half * wide * 0.5, y - (low + high) / 2 * tall), points[1]]
            pen.polygon([*cap, (x + half * wide * 0.5, y - (low + high) / 2 * tall)], (250, 252, 255))


def _draw_forest(pen: Pen, rng: Random, horizon: float) -> None:
    low = horizon + 0.1
    pen.depth = 70
    rows = (
        (13, (126, 178, 150), 0.0, (0.2, 0.34)),
        (10, (82, 146, 108), 0.05, (0.3, 0.46)),
        (7, (46, 112, 74), 0.1, (0.4, 0.6)),
    )
    for count, colour, drop, tall in rows:
        pen.depth += 15
        pen.rectangle(-0.01, low + drop - 0.12, 1.01, 1.1, colour)
        for x in np.linspace(-0.03, 1.03, count) + rng.uniform(-0.03, 0.03, count):
            _draw_pine(pen, (float(x), low + drop), rng.uniform(*tall), colour)
    front = _ridge(pen, low + 0.08, 0.015, (96, 146, 72), rng)
    _tufts(pen, rng, front, (74, 122, 56), 14)


def _draw_mountains(pen: Pen, rng: Random, horizon: float) -> None:
    low = horizon + 0.08
    for middle, height, half in ((0.16, 0.3, 0.34), (0.82, 0.26, 0.38), (0.5, 0.38, 0.36)):
        x, top = middle + rng.uniform(-0.09, 0.09), height + rng.uniform(-0.07, 0.05)
        pen.depth = 50
        tint = rng.uniform(0.95, 1.08)
        _draw_peak(pen, (x, top), half, low, shade((134, 146, 176), tint), rng)
    _ridge(pen, horizon + 0.04, 0.03, (146, 190, 128), rng)
    front = _ridge(pen, horizon + 0.13, 0.025, (118, 174, 98), rng)
    _tufts(pen, rng, front, (94, 148, 78), 12)


def _draw_peak(pen: Pen, at: Point, half: float, low: float, colour: Colour, rng: Random) -> None:
    x, top = at
    pen.polygon([(x - half, low), (x, top), (x + half, low)], colour)
    ridge = half * rng.uniform(0.05, 0.3)
    pen.polygon([(x, top), (x + half, low), (x + ridge, low)], shade(colour, 0.84))
    cap, slope = (low - top) * 0.3, half / (low - top)
    edge = [(x - cap * slope + 2 * cap * slope * k / 6, top + cap * (1 if k % 2 == 0 else 0.72)) for k in range(7)]
    pen.polygon([(x, top), *reversed(edge)], (246, 249, 255))


def _draw_desert(pen: Pen, rng: Random, horizon: float) -> None:
    for _ in range(int(rng.integers(0, 3))):
        x, wide, top = rng.uniform(0, 1), rng.uniform(0.08, 0.18), horizon - rng.uniform(0.06, 0.16)
        pen.depth = 40
        pen.polygon(
            [(x - wide, horizon + 0.05), (x - 0.7 * wide, top), (x + 0.7 * wide, top), (x + wide, horizon + 0.05)],
            (206, 128, 92),
        )
        pen.rectangle(x - 0.68 * wide, top, x + 0.68 * wide, top + 0.02, (222, 148, 108))
    _ridge(pen, horizon + 0.02, 0.03, (246, 208, 142), rng)
    _ridge(pen, horizon + 0.1, 0.045, (240, 190, 116), rng)
    front = _ridge(pen, horizon + 0.2, 0.04, (230, 172, 96), rng)
    for share in rng.uniform(0.05, 1, 5):
        ys = front + share * (1.02 - front)
        start = int(rng.integers(0, 20))
        pen.line(list(zip(LINE[start : start + 12], ys[start : start + 12], strict=True)), 0.006, (214, 152, 80))


def _draw_snow(pen: Pen, rng: Random, horizon: float) -> None:
    _ridge(pen, horizon, 0.04, (208, 224, 242), rng)
    back = _ridge(pen, horizon + 0.06, 0.03, (224, 236, 248), rng)
    for x in np.sort(rng.uniform(0, 1, int(rng.integers(2, 7)))):
        pen.depth = 110
        _draw_pine(pen, (x, _at(back, x) + 0.04), rng.uniform(0.16, 0.32), (84, 146, 138), snowy=True)
    _ridge(pen, horizon + 0.14, 0.025, (242, 247, 253), rng)
    if rng.random() < 0.5:
        for x, y, size in rng.uniform((0, 0, 0.004), (1, 1, 0.009), (26, 3)):
            pen.disc((x, y), size, (255, 255, 255))


def _draw_space(canvas: Canvas, _time: str, rng: Random) -> None:
    """Stars and a planet; no ground."""
    dark, violet = np.array((10, 8, 34)), np.array(((58, 26, 96), (18, 44, 92), (70, 22, 66))[int(rng.integers(3))])
    rows, columns = np.ogrid[0 : canvas.height, 0 : canvas.width]
    slope = (rows / canvas.height * rng.uniform(0.4, 1) + columns / canvas.width * rng.uniform(-0.5, 0.5))[..., None]
    canvas.image[:] = dark + (violet - dark) * np.clip(slope, 0, 1)
    pen = canvas.pen()
    for x, y, size in rng.uniform((0, 0, 0.002), (1, 1, 0.007), (50, 3)):
        pen.disc((x, y), size, (240, 240, 255))
    if rng.random() < 0.7:
        x, y, size = rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.4), rng.uniform(0.06, 0.16)
        colour = ((226, 150, 96), (120, 180, 226), (206, 120, 150), (150, 200, 150))[int(rng.integers(4))]
        pen.disc((x, y), size, shade(colour, 0.78))
        pen.disc((x - 0.12 * size, y - 0.1 * size), 0.88 * size, colour)
        if rng.random() < 0.5:
            pen.line(CIRCLE_RING * (1.7 * size, 0.42 * size) + (x, y), 0.012, shade(colour, 1.4))


CIRCLE_RING = np.stack(
    [np.cos(np.linspace(-0.35, np.pi + 0.35, 24)), np.sin(np.linspace(-0.35, np.pi + 0.35, 24))], axis=1
)


def _draw_underwater(canvas: Canvas, _time: str, rng: Random) -> None:
    top, low = np.array((96, 206, 232)), np.array((10, 60, 130))
    canvas.image[:] = top + (low - top) * np.linspace(0, 1, canvas.height)[:, None, None] ** 0.8
    pen = canvas.pen()
    for x in rng.uniform(0, 1, 3):
        overlay = canvas.image.copy()
        Pen(Canvas(1, 1), 0, 0, canvas.width, canvas.height)
        beam = canvas.pen()
        beam.polygon([(x, -0.01), (x + 0.08, -0.01), (x + 0.2, 0.8), (x - 0.02, 0.8)], (170, 232, 244))
        canvas.image[:] = (overlay * 0.86 + canvas.image * 0.14).astype(np.uint8)
    pen.depth = 200
    front = _ridge(pen, rng.uniform(0.8, 0.9), 0.03, (226, 206, 150), rng)
    for x in rng.uniform(0, 1, int(rng.integers(2, 7))):
        foot, tall = _at(front, x) + 0.03, rng.uniform(0.1, 0.26)
        ys = np.linspace(0, 1, 9)
        sway = 0.02 * np.sin(ys * 7 + rng.uniform(0, 6))
        colour = ((64, 160, 96), (40, 128, 104), (236, 116, 128))[int(rng.integers(3))]
        pen.line(list(zip(x + sway, foot - tall * ys, strict=True)), 0.022, colour)
    for x, y, size in rng.uniform((0, 0.05, 0.005), (1, 0.8, 0.014), (int(rng.integers(4, 16)), 3)):
        pen.disc((x, y), size, (196, 238, 248))
        pen.disc((x, y), 0.65 * size, (120, 204, 230))


WALLS: tuple[Colour, ...] = ((246, 226, 190), (190, 220, 232), (214, 228, 200), (240, 206, 206), (222, 212, 236))
FLOORS: tuple[Colour, ...] = ((188, 138, 96), (160, 116, 86), (206, 168, 128))


def _draw_room(canvas: Canvas, time: str, rng: Random) -> None:
    """A wall with a window that shows the time of day, and a wooden floor."""
    wall, floor = WALLS[int(rng.integers(len(WALLS)))], FLOORS[int(rng.integers(len(FLOORS)))]
    light = mix((1, 1, 1), LAND_LIGHT[time], 0.5)
    pen = canvas.pen(light)
    edge = rng.uniform(0.62, 0.74)
    pen.depth = 60
    pen.rectangle(-0.01, -0.01, 1.01, 1.01, wall)
    pen.depth = 170
    pen.rectangle(-0.01, edge, 1.01, 1.01, floor)
    pen.rectangle(-0.01, edge - 0.03, 1.01, edge, shade(wall, 0.8))
    for y in np.linspace(edge, 1, 5)[1:]:
        pen.line([(0, y), (1, y)], 0.006, shade(floor, 0.85))
    if rng.random() < 0.8:
        pen.light = (1, 1, 1)
        x, y, half, tall = (
            rng.uniform(0.15, 0.85),
            rng.uniform(0.08, 0.16),
            rng.uniform(0.09, 0.14),
            rng.uniform(0.24, 0.34),
        )
        pen.depth = 62
        pen.rectangle(x - half - 0.018, y - 0.018, x + half + 0.018, y + tall + 0.018, (250, 248, 242))
        top, low = SKY[time]
        for step in range(6):
            pen.rectangle(x - half, y + tall * step / 6, x + half, y + tall, mix(top, low, step / 5))
        pen.rectangle(x - 0.008, y, x + 0.008, y + tall, (250, 248, 242))
        pen.rectangle(x - half, y + 0.5 * tall - 0.008, x + half, y + 0.5 * tall + 0.008, (250, 248, 242))


PLACES: Mapping[str, Callable[[Canvas, str, Random], None]] = {
    "meadow": _outdoors(_draw_meadow, 0.66, 0.48),
    "beach": _outdoors(_draw_beach, 0.6, 0.44),
    "city": _outdoors(_draw_city, 0.66, 0.54),
    "forest": _outdoors(_draw_forest, 0.62, 0.5),
    "mountains": _outdoors(_draw_mountains, 0.64, 0.52),
    "desert": _outdoors(_draw_desert, 0.64, 0.5),
    "snow": _outdoors(_draw_snow, 0.64, 0.48),
    "lake": _outdoors(_draw_lake, 0.56, 0.42),
    "space": _draw_space,
    "underwater": _draw_underwater,
    "room": _draw_room,
}
# Places that have no time of day.
TIMELESS = ("space", "underwater")
