"""Draws scenes: a picture with, for each pixel, its depth and its subject, and each person's joints."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from starter_factory.first.canvas import Canvas, Colour, Image, Pen, Point, place, shade
from starter_factory.first.landscapes import LAND_LIGHT, LANDSCAPES, draw_sky
from starter_factory.first.people import body_joints, draw_person
from starter_factory.first.scene import Scene, Subject
from starter_factory.first.styling import restyle
from starter_factory.first.things import PAINT, THINGS

SUPERSAMPLING = 2
# Milder than the light on the land: the colours that a prompt asks for must stay readable.
SUBJECT_LIGHT: Mapping[str, Colour] = {
    "day": (1, 1, 1),
    "sunset": (0.96, 0.86, 0.82),
    "night": (0.8, 0.82, 0.96),
    "dawn": (1, 0.95, 0.96),
}
CENTRE = {"left": 0.25, "middle": 0.5, "right": 0.75}
HEIGHT = {"small": 0.36, "medium": 0.5, "large": 0.64}
BASE = {"small": 0.86, "medium": 0.9, "large": 0.94}


@dataclass(frozen=True, slots=True)
class Drawing:
    """`image` (h, w, 3) RGB; `depth` (h, w), 255 is nearest; `labels` (h, w), 0 background, n the n-th subject."""

    image: Image
    depth: Image
    labels: Image


def draw(scene: Scene, width: int, height: int) -> Drawing:
    """The scene at this size in pixels; the same scene and size always give the same picture."""
    rng = np.random.default_rng(scene.seed)
    canvas = Canvas(width * SUPERSAMPLING, height * SUPERSAMPLING)
    light = LAND_LIGHT[scene.time]
    draw_sky(canvas, scene.time, rng)
    LANDSCAPES[scene.place](canvas.pen(0, 0, canvas.width, canvas.height, light=light), rng)
    for number, subject in enumerate(scene.subjects, start=1):
        _draw_subject(_subject_pen(canvas, scene, subject, number), subject)
    size = (width, height)
    image = np.asarray(cv2.resize(canvas.image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return Drawing(
        image=restyle(image, scene.style, rng),
        depth=np.asarray(cv2.resize(canvas.depth, size, interpolation=cv2.INTER_NEAREST), np.uint8),
        labels=np.asarray(cv2.resize(canvas.labels, size, interpolation=cv2.INTER_NEAREST), np.uint8),
    )


def joints(scene: Scene, width: int, height: int) -> list[dict[str, Point]]:
    """Each person's joints in pixels, in the order of the subjects; people face us, so that right is on our left."""
    people = [subject for subject in scene.subjects if subject.kind == "person"]
    return [
        {
            _seen(name, person): place(point, *_frame(person, width, height))
            for name, point in body_joints(person).items()
        }
        for person in people
    ]


def _seen(joint: str, subject: Subject) -> str:
    """The name of a joint in the picture: a mirrored person still faces us, with the sides exchanged."""
    side, _, part = joint.partition("_")
    if not subject.mirrored or not part:
        return joint
    return f"{'left' if side == 'right' else 'right'}_{part}"


def _frame(subject: Subject, width: int, height: int) -> tuple[float, float, float, float]:
    """Foot point and unit of a subject in pixels: its unit is its height, and y grows upwards."""
    side = min(width, height)
    unit = HEIGHT[subject.size] * side
    lift = 0.24 * side if subject.kind == "balloon" and subject.size != "large" else 0.0
    x = CENTRE[subject.position] * width + subject.shift[0] * side
    y = BASE[subject.size] * height + subject.shift[1] * side - lift
    return x, y, -unit if subject.mirrored else unit, -unit


def _draw_subject(pen: Pen, subject: Subject) -> None:
    if subject.kind == "person":
        draw_person(pen, PAINT[subject.colour], subject)
    else:
        THINGS[subject.kind](pen, PAINT[subject.colour])


def _subject_pen(canvas: Canvas, scene: Scene, subject: Subject, number: int) -> Pen:
    x, y, across, up = _frame(subject, canvas.width, canvas.height)
    if subject.kind != "balloon":
        shadow = canvas.pen(x, y, across, up)
        shadow.depth = int(255 * BASE[subject.size])
        pixel = canvas.image[min(canvas.height - 1, int(y)), min(canvas.width - 1, max(0, int(x)))]
        shadow.ellipse((0, 0), 0.46, 0.06, shade(tuple(float(c) for c in pixel), 0.8))
    pen = canvas.pen(x, y, across, up, light=SUBJECT_LIGHT[scene.time])
    pen.depth, pen.label = int(255 * BASE[subject.size]), number
    return pen
