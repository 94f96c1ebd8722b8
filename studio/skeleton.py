"""Skeletons of people as pose ControlNets know them: OpenPose's 18 joints, their picture and their JSON."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from PIL import Image, ImageDraw

from studio.errors import StudioError

# In OpenPose's order (its COCO model); right and left are the person's own.
JOINTS = (
    "nose",
    "neck",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_eye",
    "left_eye",
    "right_ear",
    "left_ear",
)
# The k-th limb has the k-th colour, and the k-th joint likewise.
LIMBS = (
    ("neck", "right_shoulder"),
    ("neck", "left_shoulder"),
    ("right_shoulder", "right_elbow"),
    ("right_elbow", "right_wrist"),
    ("left_shoulder", "left_elbow"),
    ("left_elbow", "left_wrist"),
    ("neck", "right_hip"),
    ("right_hip", "right_knee"),
    ("right_knee", "right_ankle"),
    ("neck", "left_hip"),
    ("left_hip", "left_knee"),
    ("left_knee", "left_ankle"),
    ("neck", "nose"),
    ("nose", "right_eye"),
    ("right_eye", "right_ear"),
    ("nose", "left_eye"),
    ("left_eye", "left_ear"),
)
COLOURS = (
    (255, 0, 0),
    (255, 85, 0),
    (255, 170, 0),
    (255, 255, 0),
    (170, 255, 0),
    (85, 255, 0),
    (0, 255, 0),
    (0, 255, 85),
    (0, 255, 170),
    (0, 255, 255),
    (0, 170, 255),
    (0, 85, 255),
    (0, 0, 255),
    (85, 0, 255),
    (170, 0, 255),
    (255, 0, 255),
    (255, 0, 170),
    (255, 0, 85),
)
# Half a limb's width and a joint's radius, of the shorter side: 4 pixels of the 512 that pose ControlNets learned at.
STROKE = 4 / 512
LIMB_LIGHT = 0.6
SUPERSAMPLING = 4
OVAL_CORNERS = 24

Point = tuple[float, float]
# Where a person's joints are, in pixels; a joint that is not known is not in it.
Person = Mapping[str, Point]


def draw(people: Iterable[Person], width: int, height: int) -> Image.Image:
    """The people's skeletons on black: limbs as ovals, darker than the joints over them, as OpenPose draws."""
    canvas = Image.new("RGB", (width * SUPERSAMPLING, height * SUPERSAMPLING))
    pen = ImageDraw.Draw(canvas)
    stroke = max(STROKE * min(width, height), 0.5) * SUPERSAMPLING
    for person in people:
        at = {name: (x * SUPERSAMPLING, y * SUPERSAMPLING) for name, (x, y) in person.items()}
        for (start, end), colour in zip(LIMBS, COLOURS, strict=False):
            if start in at and end in at:
                pen.polygon(_oval(at[start], at[end], stroke), tuple(int(LIMB_LIGHT * level) for level in colour))
        for joint, colour in zip(JOINTS, COLOURS, strict=True):
            if joint in at:
                pen.circle(at[joint], stroke, colour)
    return canvas.reduce(SUPERSAMPLING)


def _oval(start: Point, end: Point, half_width: float) -> list[Point]:
    """An ellipse whose long axis joins the two points."""
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    along = ((end[0] - start[0]) / 2, (end[1] - start[1]) / 2)
    length = math.hypot(*along) or 1.0
    across = (-along[1] / length * half_width, along[0] / length * half_width)
    turns = [2 * math.pi * corner / OVAL_CORNERS for corner in range(OVAL_CORNERS)]
    return [
        (
            middle[0] + math.cos(turn) * along[0] + math.sin(turn) * across[0],
            middle[1] + math.cos(turn) * along[1] + math.sin(turn) * across[1],
        )
        for turn in turns
    ]


def to_openpose(people: Iterable[Person], width: int, height: int) -> dict[str, Any]:
    """The people as OpenPose's JSON: x, y and confidence of each joint in turn, zeros where it is missing."""
    return {
        "people": [
            {"pose_keypoints_2d": [number for joint in JOINTS for number in _triple(person.get(joint))]}
            for person in people
        ],
        "canvas_width": width,
        "canvas_height": height,
    }


def _triple(point: Point | None) -> Point | tuple[float, float, float]:
    return (0.0, 0.0, 0.0) if point is None else (*point, 1.0)


def from_openpose(content: Any) -> list[dict[str, Point]]:
    """The people of OpenPose's JSON, read as pixels; StudioError where it is none, or not of 18 joints."""
    people = content.get("people") if isinstance(content, Mapping) else None
    if not isinstance(people, list):
        raise _fault('there is no list "people" in it')
    return [_person(number, entry) for number, entry in enumerate(people, start=1)]


def _person(number: int, entry: Any) -> dict[str, Point]:
    numbers = entry.get("pose_keypoints_2d") if isinstance(entry, Mapping) else None
    if not isinstance(numbers, Sequence) or len(numbers) != 3 * len(JOINTS) or not all(map(_is_number, numbers)):
        raise _fault(f'"pose_keypoints_2d" of person {number} is not {3 * len(JOINTS)} numbers')
    triples = zip(JOINTS, numbers[::3], numbers[1::3], numbers[2::3], strict=True)
    return {joint: (float(x), float(y)) for joint, x, y, confidence in triples if confidence > 0}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _fault(what: str) -> StudioError:
    return StudioError(
        f"This is not a pose in OpenPose's JSON: {what}.",
        "Give x, y and confidence for each of the 18 joints of OpenPose's COCO model.",
    )
