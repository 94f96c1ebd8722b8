"""ControlNet: pose. The person in the picture stands as a skeleton says."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from starter_factory.canvas import Image
from starter_factory.control_member import ControlMember
from starter_factory.draw import SIDE, Drawing
from starter_factory.family import pose_estimator
from starter_factory.posing import PERSON, people, person_scene
from starter_factory.scene import Scene
from starter_factory.sitting import Sitting
from studio import openpose


class Pose(ControlMember):
    """OpenPose's skeletons, in its colours on black."""

    name = "pose"
    title = "ControlNet: pose"
    minutes = 40.0
    strength = 1.4
    measured = "asked joints that the pose estimator finds within 5 % of the side, share"

    def scene_of(self, seed: int) -> Scene:
        return person_scene(seed)

    def shown_by_map(self, scene: Scene) -> Scene:
        return replace(scene, subjects=tuple(one for one in scene.subjects if one.thing == PERSON.name))

    def hint_of(self, scene: Scene, drawing: Drawing) -> Image:
        height, width = drawing.depth.shape
        return np.asarray(openpose.draw(people(scene, width, height), width, height))

    def adherence(self, sitting: Sitting, scenes: Sequence[Scene], pictures: Sequence[Image]) -> float:
        found = pose_estimator.find_people(*pose_estimator.MEMBER.load(sitting.folder), pictures)
        asked = [person for scene in scenes for person in people(scene, SIDE, SIDE)]
        return pose_estimator.joints_found(asked, found)


MEMBER = Pose()
