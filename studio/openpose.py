"""Skeletons of people as pose ControlNets know them: OpenPose's 18 joints, their picture and their JSON."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from PIL import Image, ImageDraw

from studio.errors import StudioError, Unreadable

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
# Other orders, with the joints that are not drawn as "". OpenPose's BODY_25 has the middle of the hips, and feet.
BODY_25 = (*JOINTS[:8], "", *JOINTS[8:], *[""] * 6)
COCO = (
    "nose",
    *(f"{side}_{part}" for part in ("eye", "ear", "shoulder", "elbow", "wrist", "hip") for side in ("left", "right")),
    *(f"{side}_{part}" for part in ("knee", "ankle") for side in ("left", "right")),
)
ORDERS = {len(order): order for order in (JOINTS, BODY_25, COCO)}
# What tools call the size of the canvas.
CANVASES = (("canvas_width", "canvas_height"), ("image_width", "image_height"), ("width", "height"))
LEFT_OUT = {
    "face_keypoints_2d": "faces",
    "hand_left_keypoints_2d": "hands",
    "hand_right_keypoints_2d": "hands",
    "foot_keypoints_2d": "feet",
    "animals": "animals",
}
# What estimators call the list of those they found.
INSTANCES = ("instances", "predictions", "instance_info", "annotations")
# What tools write whose poses are not read, by a key that each of them has.
UNREAD = {
    "poseLandmarks": "MediaPipe",
    "pose_landmarks": "MediaPipe",
    "landmarks": "MediaPipe",
    "bodies": "the 3D OpenPose editor",
    "bones": "a 3D program",
    "nodes": "a 3D program, or of ComfyUI",
    "theta": "SMPL, a model of bodies",
    "smpl": "SMPL, a model of bodies",
    "shapes": "LabelMe",
    "part_candidates": "OpenPose without its people",
    "pose": "a tool that is not known",
}
# Somebody who is partly outside has shares beyond 0 and 1.
LARGEST_SHARE = 2.0
# Where some tools place what they did not see.
UNSEEN = (-1, -1)
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
    """The people of OpenPose's JSON in its dialects, in pixels; StudioError where there are none, or their joints none.

    Read are 18 joints, OpenPose's 25 and the 17 of COCO (DWPose, MMPose, YOLO), in pixels or in shares of the canvas;
    of a list of frames the first; of estimators their lists without "people", and points by their names (MoveNet,
    PoseNet). Hands, faces, feet and animals are left out (`left_out`).
    """
    frame = _frame(content)
    people = frame.get("people") if frame else None
    if not isinstance(people, list):
        raise _fault('there is no list "people" in it', _tool(frame or {}))
    read = [_person(number, entry) for number, entry in enumerate(people, start=1)]
    numbers = [number for person in read for point in person.values() for number in point]
    # A share is of the whole; nobody stands within the one pixel at the corner.
    if not numbers or not all(-LARGEST_SHARE <= number <= LARGEST_SHARE for number in numbers) or not any(numbers):
        return read
    width, height = canvas(frame or {})
    return [{joint: (x * width, y * height) for joint, (x, y) in person.items()} for person in read]


def canvas(content: Any) -> tuple[float, float]:
    """Width and height of the canvas that a pose is on; StudioError where it is not said."""
    frame = _frame(content) or {}
    for names in CANVASES:
        width, height = (frame.get(name) for name in names)
        sizes = [size for size in (width, height) if isinstance(size, int | float) and _is_number(size) and size > 0]
        if len(sizes) == 2:
            return float(sizes[0]), float(sizes[1])
    raise Unreadable("The pose does not say how large its canvas is.", "Give canvas_width and canvas_height.")


def on_canvas(content: Any, width: int, height: int) -> Any:
    """The pose on a canvas of this size, where it does not name its own."""
    frame = _frame(content)
    if frame is None or any(name in frame for names in CANVASES for name in names):
        return content
    return {**frame, "canvas_width": width, "canvas_height": height}


def left_out(content: Any) -> list[str]:
    """What of a pose has no place here, in words."""
    frame = _frame(content) or {}
    people = [entry for entry in frame.get("people") or [] if isinstance(entry, Mapping)]
    found = [words for key, words in LEFT_OUT.items() if any(entry.get(key) for entry in people) or frame.get(key)]
    if isinstance(content, list) and len(content) > 1:
        found.append("all frames but the first")
    return list(dict.fromkeys(found))


def _frame(content: Any) -> Mapping[str, Any] | None:
    """The pose itself, or the first of a list of them."""
    if (people := _instances(content)) is not None:
        return {**(content if isinstance(content, Mapping) else {}), "people": people}
    first = content[0] if isinstance(content, list) and content else content
    return first if isinstance(first, Mapping) else None


def _instances(content: Any) -> list[dict[str, Any]] | None:
    """The people of estimators that write no list "people" (MMPose, ultralytics, COCO); None where it is another's."""
    if isinstance(content, Mapping):
        alone = content if "keypoints" in content else None
        found = None if "people" in content else next((content[key] for key in INSTANCES if key in content), alone)
    else:
        found = content
    while isinstance(found, list) and len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    if isinstance(found, Mapping) and "keypoints" in found:
        found = [found]
    if not isinstance(found, list) or not found:
        return None
    # ml5.js has each person's pose beside its lines.
    found = [one["pose"] if isinstance(one, Mapping) and isinstance(one.get("pose"), Mapping) else one for one in found]
    if not all(isinstance(one, Mapping) and "keypoints" in one for one in found):
        return _instances(found[0]) if isinstance(found[0], Mapping) else None
    return [{"pose_keypoints_2d": _points(one["keypoints"], one.get("keypoint_scores"))} for one in found]


def _points(points: Any, scores: Any) -> Any:
    """A pair or triple for each joint, however they are said."""
    if isinstance(points, Mapping):
        columns = [points.get(key) for key in ("x", "y", "visible")]
        return [list(row) for row in zip(*(one for one in columns if isinstance(one, list)), strict=False)]
    if isinstance(points, list) and points and all(isinstance(one, Mapping) for one in points):
        return _by_name(points)
    if isinstance(points, list) and isinstance(scores, list) and all(isinstance(one, list) for one in points):
        return [[*point[:2], score] for point, score in zip(points, scores, strict=False)]
    return points


def _by_name(points: list[Mapping[str, Any]]) -> Any:
    """The points of MoveNet, PoseNet and BlazePose, each with its name, in COCO's order; None where none has one."""
    found: dict[str, list[Any]] = {}
    for one in points:
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(one.get("name", one.get("part")))).lower()
        place = one["position"] if isinstance(one.get("position"), Mapping) else one
        found[name] = [place.get("x"), place.get("y"), one.get("score", 1)]
    return [found.get(joint, [0, 0, 0]) for joint in COCO] if found.keys() & {*COCO} else None


def _person(number: int, entry: Any) -> dict[str, Point]:
    numbers = entry.get("pose_keypoints_2d") if isinstance(entry, Mapping) else None
    if numbers is None and isinstance(entry, Mapping) and any(entry.get(key) for key in LEFT_OUT):
        return {}  # only a hand or a face is in the picture
    if isinstance(numbers, list) and numbers and all(isinstance(point, list) for point in numbers):
        numbers = [value for point in numbers for value in (*point, 1)[:3]]  # a pair or triple for each joint
    if not isinstance(numbers, list) or len(numbers) % 3:
        numbers = []
    order = ORDERS.get(len(numbers) // 3)
    if order is None or not all(value is None or _is_number(value) for value in numbers):
        raise _fault(f'"pose_keypoints_2d" of person {number} is not 3 numbers for each of 17, 18 or 25 joints')
    triples = zip(order, numbers[::3], numbers[1::3], numbers[2::3], strict=True)
    joints = {
        joint: (float(x), float(y))
        for joint, x, y, sure in triples
        if joint and None not in (x, y) and (sure if sure is not None else x or y) > 0 and (x, y) != UNSEEN
    }
    if len(numbers) == 3 * len(COCO) and {"left_shoulder", "right_shoulder"} <= joints.keys():
        (left_x, left_y), (right_x, right_y) = joints["left_shoulder"], joints["right_shoulder"]
        joints["neck"] = ((left_x + right_x) / 2, (left_y + right_y) / 2)
    return joints


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _tool(frame: Mapping[str, Any]) -> str:
    """Which tool wrote a pose that is not read, here or in its object below; empty where nothing says so."""
    places = [frame, *(value for value in frame.values() if isinstance(value, Mapping))]
    return next((tool for key, tool in UNREAD.items() for place in places if key in place), "")


def _fault(what: str, tool: str = "") -> StudioError:
    if tool:
        return Unreadable(
            f"This is a pose of {tool}, which is not read: {what}.",
            "Export it there as OpenPose's JSON, or as a picture of the skeleton, which is a ready-made map.",
        )
    return Unreadable(
        f"This is not a pose in OpenPose's JSON: {what}.",
        "Give x, y and confidence for each joint, in the order of OpenPose (18 or 25) or COCO (17).",
    )
