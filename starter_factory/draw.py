"""Draws scenes: a picture with the depth and the subject of each pixel, and each person's joints."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from starter_factory.canvas import Canvas, Colour, Image, Pen, Plane, Point, mix
from starter_factory.drawn import DRAWN, OWN_COLOUR
from starter_factory.looks import LOOKS, Mask, round_off, soften
from starter_factory.people import body_joints, draw_person
from starter_factory.places import draw_place
from starter_factory.scene import PASTEL, PLAIN, Scene, Spot, Subject
from starter_factory.sprites import NATURAL, sprite
from starter_factory.things import THINGS

SIDE = 256
# Sizes that training mixes.
SHAPES = ((256, 256), (256, 384), (384, 256))
# Milder than the light on the land: the colours that a prompt asks for must stay readable.
LIGHT: Mapping[str, Colour] = {
    "day": (1, 1, 1),
    "sunset": (0.97, 0.88, 0.84),
    "night": (0.78, 0.81, 0.95),
    "dawn": (1, 0.96, 0.97),
}
AIRBORNE = ("space", "underwater")


@dataclass(frozen=True, slots=True)
class Drawing:
    """`image` (h, w, 3) RGB; `depth` (h, w), 255 is nearest; `labels` (h, w), 0 background, n the n-th subject."""

    image: Image
    depth: Image
    labels: Image


def draw(scene: Scene, width: int = SIDE, height: int = SIDE) -> Drawing:
    """The scene at this size in pixels; the same scene and size always give the same picture."""
    rng = np.random.default_rng(scene.seed)
    canvas = Canvas(width, height)
    if scene.place == PLAIN:
        _fill_plain(canvas, scene, rng)
    else:
        draw_place(canvas, scene.place, scene.time, rng)
    if scene.style == "3d":
        canvas.image = soften(canvas.image)
    labels = np.zeros((height, width), np.uint8)
    for number, subject in enumerate(scene.subjects, start=1):
        for spot in subject.spots:
            labels[_draw_subject(canvas, scene, subject, spot)] = number
    finish = LOOKS.get(scene.style)
    image = finish(canvas.image, labels, rng) if finish else canvas.image
    return Drawing(image, canvas.depth, labels)


def joints(scene: Scene, width: int = SIDE, height: int = SIDE) -> list[dict[str, Point]]:
    """Each person's joints in pixels, in the order of the subjects; people face us, so that right is on our left."""
    found = []
    for subject in scene.subjects:
        if THINGS[subject.thing].group == "people":
            for spot in subject.spots:
                x, y, unit = _frame(spot, width, height)
                sign = -1 if spot.mirrored else 1
                points = body_joints(subject).items()
                found.append({_seen(name, spot): (x + sign * at[0] * unit, y - at[1] * unit) for name, at in points})
    return found


def _seen(joint: str, spot: Spot) -> str:
    """The name of a joint in the picture: a mirrored person still faces us, with the sides exchanged."""
    side, _, part = joint.partition("_")
    return f"{'left' if side == 'right' else 'right'}_{part}" if spot.mirrored and part else joint


def _frame(spot: Spot, width: int, height: int) -> tuple[float, float, float]:
    """Foot point and height in pixels."""
    return spot.x * width, spot.y * height, spot.tall * min(width, height)


def _fill_plain(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    """An even ground, at times with a soft light in its middle."""
    colour = NATURAL[scene.ground or "white"]
    if scene.ground not in ("white", "black"):
        colour = mix(colour, (255, 255, 255), rng.uniform(0.55, 0.75) if scene.tone == PASTEL else rng.uniform(0, 0.2))
    canvas.image[:] = np.round(colour).astype(np.uint8)
    canvas.depth[:] = 1


def _draw_subject(canvas: Canvas, scene: Scene, subject: Subject, spot: Spot) -> Mask:
    """Draw one thing; returns where it is."""
    x, y, unit = _frame(spot, canvas.width, canvas.height)
    light = LIGHT[scene.time]
    nearness = int(np.clip(255 * spot.y, 60, 255))
    if _has_shadow(scene, subject):
        _draw_shadow(canvas, x, y, unit)
    if subject.art == "drawn":
        shown = _draw_by_pen(canvas, subject, spot, light)
        if scene.style == "3d":
            round_off(canvas.image, shown)
    else:
        shown = _paste(canvas, subject, spot, light)
    canvas.depth[shown] = nearness
    return shown


def _has_shadow(scene: Scene, subject: Subject) -> bool:
    thing = THINGS[subject.thing]
    upon = scene.relation == "on top of" and subject is scene.subjects[-1]
    floats = thing.habit != "ground" or scene.place in AIRBORNE or subject.pose == "jumping"
    return not (upon or floats or scene.place == PLAIN)


def _draw_shadow(canvas: Canvas, x: float, y: float, unit: float) -> None:
    left, top = max(0, int(x - 0.55 * unit)), max(0, int(y - 0.08 * unit))
    part = canvas.image[top : int(y + 0.08 * unit) + 1, left : int(x + 0.55 * unit) + 1]
    if not part.size:
        return
    rows, columns = np.ogrid[top : top + part.shape[0], left : left + part.shape[1]]
    away = ((rows - y) / (0.065 * unit)) ** 2 + ((columns - x) / (0.46 * unit)) ** 2
    dark = 1 - 0.3 * np.clip((1 - away) / 0.3, 0, 1)
    part[:] = part * dark[..., None]


def _draw_by_pen(canvas: Canvas, subject: Subject, spot: Spot, light: Colour) -> Mask:
    x, y, unit = _frame(spot, canvas.width, canvas.height)
    kept, canvas.depth = canvas.depth, np.zeros_like(canvas.depth)
    pen = Pen(canvas, x, y, -unit if spot.mirrored else unit, -unit, light, depth=255)
    if THINGS[subject.thing].group == "people":
        draw_person(pen, subject)
    else:
        own = OWN_COLOUR[subject.thing]
        colour = NATURAL[subject.colour] if subject.colour else own[int(subject.look * len(own)) % len(own)]
        DRAWN[subject.thing](pen, colour)
    shown, canvas.depth = canvas.depth > 0, kept
    return shown


def _paste(canvas: Canvas, subject: Subject, spot: Spot, light: Colour) -> Mask:
    x, y, unit = _frame(spot, canvas.width, canvas.height)
    picture, alpha = sprite(subject.thing, subject.art).sized(
        max(2, round(unit)), subject.colour, mirrored=spot.mirrored
    )
    shown: Mask = np.zeros(canvas.depth.shape, np.bool_)
    top, left = round(y) - alpha.shape[0], round(x - alpha.shape[1] / 2)
    rows = slice(max(0, top), min(canvas.height, top + alpha.shape[0]))
    columns = slice(max(0, left), min(canvas.width, left + alpha.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return shown
    within = np.s_[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    _blend(canvas.image[rows, columns], picture[within], alpha[within], light)
    shown[rows, columns] = alpha[within] > 0.5
    return shown


def _blend(part: Image, picture: Plane, alpha: Plane, light: Colour) -> None:
    lit = picture * np.array(light, np.float32)
    part[:] = np.clip(part * (1 - alpha[..., None]) + lit + 0.5, 0, 255).astype(np.uint8)
