"""ControlNet: depth. The picture keeps to how near everything is in another."""

from collections.abc import Sequence

import numpy as np

from starter_factory.canvas import Image
from starter_factory.control_member import ControlMember
from starter_factory.draw import Drawing, draw
from starter_factory.family import depth_estimator
from starter_factory.posing import person_scene
from starter_factory.scene import Scene
from starter_factory.sitting import Sitting

PERSON_SHARE = 5


class Depth(ControlMember):
    """Nearness from black to white."""

    name = "depth"
    title = "ControlNet: depth"
    minutes = 30.0
    measured = "rank correlation of the map and the depth estimated from the picture"

    def scene_of(self, seed: int) -> Scene:
        return person_scene(seed) if seed % PERSON_SHARE == 0 else super().scene_of(seed)

    def hint_of(self, scene: Scene, drawing: Drawing) -> Image:  # noqa: ARG002 - others look at the scene
        return np.repeat(drawing.depth[..., None], 3, axis=2)

    def adherence(self, sitting: Sitting, scenes: Sequence[Scene], pictures: Sequence[Image]) -> float:
        found = depth_estimator.estimate(*depth_estimator.MEMBER.load(sitting.folder), pictures)
        asked = [draw(scene).depth for scene in scenes]
        pairs = zip(asked, found, strict=True)
        return float(np.mean([depth_estimator.rank_correlation(depth, estimate) for depth, estimate in pairs]))


MEMBER = Depth()
