"""People: where their joints are, and their picture; the unit is a person's height, as for things."""

from collections.abc import Mapping

import numpy as np

from starter_factory.first.canvas import Colour, Pen, Point, shade
from starter_factory.first.scene import LimbAngles, Subject

SKIN: tuple[Colour, ...] = ((250, 210, 180), (224, 172, 130), (150, 100, 70))
HAIR: tuple[Colour, ...] = ((60, 42, 34), (36, 32, 40), (196, 140, 64))

DARK: Colour = (52, 46, 58)
EYE = 0.045
LIMB_ANGLES: Mapping[str, LimbAngles] = {
    "standing": ((16, 8), (16, 8), (6, 3), (6, 3)),
    "waving": ((16, 8), (120, 170), (6, 3), (6, 3)),
    "cheering": ((140, 165), (140, 165), (8, 4), (8, 4)),
    "jumping": ((105, 120), (105, 120), (48, 18), (48, 18)),
}


def body_joints(subject: Subject) -> dict[str, Point]:
    """Where a person's joints are, in units of its height, before the person is mirrored."""
    lift = 0.06 if subject.pose == "jumping" else 0.0
    swing = 12 * (subject.look - 0.5)
    points: dict[str, Point] = {"nose": (0.0, 0.83 + lift), "neck": (0.0, 0.72 + lift)}
    for side, outwards in (("right", -1), ("left", 1)):
        points[f"{side}_eye"] = (outwards * EYE, 0.86 + lift)
        points[f"{side}_ear"] = (outwards * 0.105, 0.845 + lift)
    limbs = (
        ("right", ("shoulder", "elbow", "wrist"), (-0.12, 0.68), 0.17),
        ("left", ("shoulder", "elbow", "wrist"), (0.12, 0.68), 0.17),
        ("right", ("hip", "knee", "ankle"), (-0.075, 0.4), 0.185),
        ("left", ("hip", "knee", "ankle"), (0.075, 0.4), 0.185),
    )
    bends = subject.angles or LIMB_ANGLES[subject.pose or "standing"]
    for (side, names, start, length), angles in zip(limbs, bends, strict=True):
        outwards = -1 if side == "right" else 1
        x, y = start[0], start[1] + lift
        points[f"{side}_{names[0]}"] = (x, y)
        for name, angle in zip(names[1:], angles, strict=True):
            radians = np.radians(angle + swing)
            x, y = x + outwards * length * float(np.sin(radians)), y - length * float(np.cos(radians))
            points[f"{side}_{name}"] = (x, y)
    return points


def draw_person(pen: Pen, colour: Colour, subject: Subject) -> None:
    at = body_joints(subject)
    skin = SKIN[int(subject.look * 2.999)]
    trousers: Colour = (66, 74, 104) if subject.colour != "black" else (150, 140, 124)
    for side in ("right", "left"):
        leg = [at[f"{side}_hip"], at[f"{side}_knee"], at[f"{side}_ankle"]]
        pen.line(leg, 0.12, trousers)
        pen.ellipse((leg[2][0], leg[2][1] - 0.015), 0.08, 0.045, DARK)
        arm = [at[f"{side}_shoulder"], at[f"{side}_elbow"], at[f"{side}_wrist"]]
        pen.line(arm[1:], 0.08, skin)
        pen.line(arm[:2], 0.1, shade(colour, 0.85))
    lift = at["neck"][1] - 0.72
    pen.polygon([(-0.14, 0.38 + lift), (-0.17, 0.7 + lift), (0.17, 0.7 + lift), (0.14, 0.38 + lift)], colour)
    pen.line([(0, 0.7 + lift), (0, 0.76 + lift)], 0.08, skin)
    pen.ellipse((0, 0.87 + lift), 0.125, 0.135, HAIR[int(subject.look * 7.999) % 3])
    pen.ellipse((0, 0.845 + lift), 0.105, 0.11, skin)
    for eye in (-EYE, EYE):
        pen.ellipse((eye, 0.86 + lift), 0.016, 0.02, DARK)
