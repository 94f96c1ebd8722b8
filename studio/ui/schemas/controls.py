"""What the page is told of controls, and of poses that are placed by hand."""

from typing_extensions import TypedDict

from studio.controls.base import Option
from studio.ui.schemas.page import FieldFacts


class Kind(TypedDict):
    """A kind of control: its options, and how its map comes about."""

    label: str
    help: str
    options: list[Option]
    slow: bool
    maps: bool
    ready: bool
    drawn: bool
    posed: bool


class Controls(TypedDict):
    """What there is to know of controls whatever the model."""

    fields: dict[str, FieldFacts]
    kinds: dict[str, Kind]


class PosedPerson(TypedDict):
    """A person: x, y and confidence of each joint in turn."""

    pose_keypoints_2d: list[float]


class Pose(TypedDict):
    """People on a canvas, in OpenPose's format."""

    people: list[PosedPerson]
    canvas_width: int
    canvas_height: int


class ReadyPose(TypedDict):
    """A pose of the library."""

    id: str
    name: str
    pose: Pose


class PoseFacts(TypedDict):
    """A skeleton: its joints, the two ends and the colour of each limb; and the ready-made poses."""

    joints: list[str]
    limbs: list[list[int]]
    colours: list[list[int]]
    poses: list[ReadyPose]
