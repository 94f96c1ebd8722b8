"""People: where their joints are, and their picture; the unit is a person's height, y grows downwards from the foot."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from starter_factory.canvas import Colour, Pen, Point, mix, shade
from starter_factory.scene import LimbAngles, Subject
from starter_factory.sprites import PAINT

SKIN: tuple[Colour, ...] = ((252, 214, 184), (240, 188, 148), (198, 140, 100), (128, 84, 60))
HAIR: tuple[Colour, ...] = ((62, 42, 32), (34, 30, 36), (222, 176, 84), (176, 84, 44))
TROUSERS: tuple[Colour, ...] = ((62, 76, 116), (96, 88, 84), (134, 112, 84))
DARK: Colour = (52, 44, 54)
SHOE: Colour = (66, 56, 60)
LIMBS = (
    ("right", ("shoulder", "elbow", "wrist"), (-0.115, 0.7), (0.15, 0.15)),
    ("left", ("shoulder", "elbow", "wrist"), (0.115, 0.7), (0.15, 0.15)),
    ("right", ("hip", "knee", "ankle"), (-0.062, 0.42), (0.2, 0.19)),
    ("left", ("hip", "knee", "ankle"), (0.062, 0.42), (0.2, 0.19)),
)
# Outwards, or forwards in the poses that are seen from the side.
LIMB_ANGLES: Mapping[str, LimbAngles] = {
    "standing": ((14, 8), (14, 8), (5, 2), (5, 2)),
    "waving": ((14, 8), (112, 172), (5, 2), (5, 2)),
    "cheering": ((142, 164), (142, 164), (9, 4), (9, 4)),
    "jumping": ((112, 128), (112, 128), (44, -6), (44, -6)),
    "walking": ((28, 46), (-30, -8), (-20, -34), (24, 8)),
    "running": ((52, 128), (-56, 20), (-22, -98), (54, 0)),
    "sitting": ((24, -26), (24, -26), (78, -76), (78, -76)),
}
SIDEWAYS = ("walking", "running")
SOLE, JUMP = 0.035, 0.09


def body_joints(subject: Subject) -> dict[str, Point]:
    """Where a person's joints are, in units of its height above the foot, before the person is mirrored."""
    pose = subject.pose or "standing"
    swing = 0.0 if pose in SIDEWAYS else 10 * (subject.look - 0.5)
    points: dict[str, Point] = {"nose": (0.0, 0.845), "neck": (0.0, 0.735)}
    for side, outwards in (("right", -1), ("left", 1)):
        points[f"{side}_eye"] = (outwards * 0.043, 0.872)
        points[f"{side}_ear"] = (outwards * 0.105, 0.86)
    bends = subject.angles or LIMB_ANGLES[pose]
    for (side, names, start, lengths), angles in zip(LIMBS, bends, strict=True):
        x, y = start
        outwards = -1 if side == "right" and pose not in SIDEWAYS else 1
        points[f"{side}_{names[0]}"] = (x, y)
        for name, angle, length in zip(names[1:], angles, lengths, strict=True):
            radians = np.radians(angle + swing)
            x, y = x + outwards * length * float(np.sin(radians)), y - length * float(np.cos(radians))
            points[f"{side}_{name}"] = (x, y)
    lift = SOLE + (JUMP if pose == "jumping" else 0.0) - min(points["right_ankle"][1], points["left_ankle"][1])
    return {name: (x, y + lift) for name, (x, y) in points.items()}


def has_long_hair(subject: Subject) -> bool:
    return _number(subject) // 48 % 2 == 1


def _number(subject: Subject) -> int:
    """Settles skin, hair and trousers."""
    return int(subject.look * 9973)


def draw_person(pen: Pen, subject: Subject) -> None:
    """Draw with a pen whose point (0, 0) is the person's foot and whose y grows upwards."""
    at = body_joints(subject)
    colour = PAINT[subject.colour or "blue"]
    number = _number(subject)
    skin, hair = SKIN[number % 4], HAIR[number // 4 % 4]
    trousers = TROUSERS[number // 16 % 3] if subject.colour != "black" else (176, 160, 132)
    lift = at["neck"][1] - 0.735
    long_hair = has_long_hair(subject)
    if long_hair:
        pen.polygon(_blob((0, 0.83 + lift), 0.135, 0.17), shade(hair, 0.9))
    order = ("left", "right") if subject.pose in SIDEWAYS else ("right", "left")
    for side in order:
        _draw_leg(pen, at, side, trousers if side == order[1] else shade(trousers, 0.9))
    raised = [side for side in order if at[f"{side}_wrist"][1] > at[f"{side}_shoulder"][1]]
    for side in order:
        if side not in raised and (side != order[1] or subject.pose not in SIDEWAYS):
            _draw_arm(pen, at, side, colour, skin)
    _draw_torso(pen, colour, trousers, lift)
    pen.line([(0, 0.73 + lift), (0, 0.78 + lift)], 0.07, shade(skin, 0.9))
    for side in order:
        if side in raised or (side == order[1] and subject.pose in SIDEWAYS):
            _draw_arm(pen, at, side, colour, skin)
    _draw_head(pen, skin, hair, lift, long_hair=long_hair)


def _blob(centre: Point, across: float, up: float) -> list[Point]:
    turns = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    return [(centre[0] + across * float(np.cos(turn)), centre[1] + up * float(np.sin(turn))) for turn in turns]


def _limb(pen: Pen, points: list[Point], thick: tuple[float, float], colour: Colour) -> None:
    """A limb that grows thinner from its first point to its last, with round joints."""
    widths = np.linspace(thick[0], thick[1], len(points))
    for (start, end), (wide, narrow) in zip(pairwise(points), pairwise(widths), strict=True):
        x, y = end[0] - start[0], end[1] - start[1]
        size = max(float(np.hypot(x, y)), 1e-6)
        across = (-y / size, x / size)
        pen.polygon(
            [
                (start[0] + across[0] * wide / 2, start[1] + across[1] * wide / 2),
                (end[0] + across[0] * narrow / 2, end[1] + across[1] * narrow / 2),
                (end[0] - across[0] * narrow / 2, end[1] - across[1] * narrow / 2),
                (start[0] - across[0] * wide / 2, start[1] - across[1] * wide / 2),
            ],
            colour,
        )
    for point, wide in zip(points, widths, strict=True):
        pen.polygon(_blob(point, wide / 2, wide / 2), colour)


def _draw_leg(pen: Pen, at: Mapping[str, Point], side: str, colour: Colour) -> None:
    leg = [at[f"{side}_hip"], at[f"{side}_knee"], at[f"{side}_ankle"]]
    _limb(pen, leg, (0.115, 0.08), colour)
    toe = 0.03 if side == "left" else -0.03
    pen.polygon(_blob((leg[2][0] + toe * 0.8, leg[2][1] - 0.012), 0.062, 0.034), SHOE)


def _draw_arm(pen: Pen, at: Mapping[str, Point], side: str, colour: Colour, skin: Colour) -> None:
    shoulder, elbow, wrist = (at[f"{side}_{part}"] for part in ("shoulder", "elbow", "wrist"))
    _limb(pen, [elbow, wrist], (0.06, 0.05), skin)
    end = (wrist[0] + 0.2 * (wrist[0] - elbow[0]), wrist[1] + 0.2 * (wrist[1] - elbow[1]))
    pen.polygon(_blob(end, 0.04, 0.04), skin)
    _limb(pen, [shoulder, elbow], (0.085, 0.075), shade(colour, 0.86))


def _draw_torso(pen: Pen, colour: Colour, trousers: Colour, lift: float) -> None:
    pen.polygon([(-0.115, 0.45 + lift), (-0.12, 0.38 + lift), (0.12, 0.38 + lift), (0.115, 0.45 + lift)], trousers)
    points = [(-0.12, 0.41), (-0.115, 0.6), (-0.155, 0.7), (-0.13, 0.745), (-0.05, 0.755)]
    outline = [*points, *((-x, y) for x, y in reversed(points))]
    pen.polygon([(x, y + lift) for x, y in outline], colour)
    pen.polygon([(-0.045, 0.756 + lift), (0.045, 0.756 + lift), (0, 0.715 + lift)], shade(colour, 0.75))


def _draw_head(pen: Pen, skin: Colour, hair: Colour, lift: float, *, long_hair: bool) -> None:
    middle = (0.0, 0.875 + lift)
    for side in (-1, 1):
        pen.polygon(_blob((side * 0.108, 0.86 + lift), 0.024, 0.03), shade(skin, 0.92))
    pen.polygon(_blob((0, 0.893 + lift), 0.121, 0.12), hair)
    pen.polygon(_blob((0, middle[1] - 0.014), 0.107, 0.115), skin)
    fringe = [(-0.11, 0.9), (-0.1, 0.96), (-0.04, 0.995), (0.04, 0.995), (0.1, 0.96), (0.11, 0.9)]
    parting = (
        [(0.06, 0.925), (-0.02, 0.945), (-0.075, 0.915)] if long_hair else [(0.08, 0.94), (0, 0.93), (-0.08, 0.945)]
    )
    pen.polygon([(x, y + lift) for x, y in (*fringe, *parting)], hair)
    for side in (-1, 1):
        pen.polygon(_blob((side * 0.043, 0.872 + lift), 0.0145, 0.019), DARK)
        pen.polygon(_blob((side * 0.066, 0.835 + lift), 0.02, 0.013), mix(skin, (244, 110, 110), 0.35))
    pen.polygon(_blob((0, 0.847 + lift), 0.011, 0.009), shade(skin, 0.82))
    smile = [(-0.036, 0.822), (-0.018, 0.808), (0, 0.804), (0.018, 0.808), (0.036, 0.822)]
    pen.line([(x, y + lift) for x, y in smile], 0.014, (168, 62, 62))
