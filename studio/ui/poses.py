"""Poses on the page: the library of ready-made ones, and those that were placed by hand, beside the maps they became.

A pose is OpenPose's JSON. A map does not tell where a joint lies below another, so each map that is drawn of a pose has
the pose beside it in the store, under the map's name; so a stored recipe's pose can be changed again.
"""

import json
from collections.abc import Mapping
from typing import Any, BinaryIO, cast

from studio import openpose
from studio.atomic_files import AtomicFolder
from studio.errors import InvalidRecipe
from studio.gate.identity import Identity
from studio.inputs import Input, InputStore
from studio.openpose import COLOURS, JOINTS, LIMBS
from studio.parsing import ParseError, load_json
from studio.settings import PRESETS
from studio.ui.schemas.controls import Pose, PoseFacts

# A pose map carries no detail; drawing a larger one would fill the memory.
MOST_SIDE = 2048


def library() -> PoseFacts:
    """What the editor has to know: the joints, limbs and colours of a skeleton, and the ready-made poses."""
    return {
        "joints": list(JOINTS),
        "limbs": [[JOINTS.index(start), JOINTS.index(end)] for start, end in LIMBS],
        "colours": [list(colour) for colour in COLOURS],
        "poses": [
            {"id": path.stem, "name": path.stem.replace("-", " ").capitalize(), "pose": json.loads(path.read_text())}
            for path in sorted((PRESETS / "poses").glob("*.json"))
        ],
    }


class Poses:
    """The poses beside their maps."""

    def __init__(self, inputs: InputStore) -> None:
        self._inputs = inputs

    def draw(self, pose: Any, who: Identity) -> Input:
        """A pose's map, stored as the owner's; InvalidRecipe where nobody is on it, StudioError where it is no pose."""
        people, size = openpose.from_openpose(pose), _size(pose)
        drawn = openpose.draw(people, *size)
        if not drawn.getbbox():
            raise InvalidRecipe("controls", "Nobody is on the canvas.", "Add a person, or bring one back into it.")
        stored = self._inputs.add(drawn, "controls", who)
        text = json.dumps(openpose.to_openpose(people, *size))

        def write(file: BinaryIO) -> None:
            file.write(text.encode())

        AtomicFolder(self._inputs.folder).write(self._inputs.folder / f"{stored.id}.json", write)
        return stored

    def of(self, picture: str) -> Pose | None:
        """The pose that a stored map was drawn of; None where there is none."""
        path = self._inputs.path(picture).with_suffix(".json")
        try:
            pose = load_json(path)
        except ParseError:
            return None
        return cast("Pose", pose) if isinstance(pose, dict) else None


def _size(pose: Mapping[str, Any]) -> tuple[int, int]:
    width, height = pose.get("canvas_width"), pose.get("canvas_height")
    if not (isinstance(width, int) and isinstance(height, int) and 0 < min(width, height) <= max(width, height)):
        raise InvalidRecipe(
            "controls", "The pose does not say how large its canvas is.", "Give canvas_width and canvas_height."
        )
    if max(width, height) > MOST_SIDE:
        most = f"the limit is {MOST_SIDE} pixels a side."
        raise InvalidRecipe("controls", f"The pose's canvas has {width} × {height} pixels; {most}", "Make it smaller.")
    return width, height
