"""ControlNet: depth. The picture keeps to how near everything is in another."""

from collections.abc import Sequence

import numpy as np

from starter_factory.family.depth_estimator import estimate, rank_correlation
from starter_factory.first.autoencoder import SIDE
from starter_factory.first.canvas import Image
from starter_factory.first.controlnets import ControlMember
from starter_factory.first.family import depth_estimator
from starter_factory.first.family.base import Sitting
from starter_factory.first.illustrator import Drawing, draw
from starter_factory.first.posing import person_scene
from starter_factory.first.scene import Scene, training_scene

PERSON_SHARE = 5


class Depth(ControlMember):
    """Nearness from black to white."""

    name = "depth"
    title = "ControlNet: depth"
    minutes = 18.0
    measured = "rank correlation of the map and the depth estimated from the picture"

    def scene_of(self, seed: int) -> Scene:
        return person_scene(seed) if seed % PERSON_SHARE == 0 else training_scene(seed)

    def hint_of(self, scene: Scene, drawing: Drawing) -> Image:  # noqa: ARG002 - others look at the scene
        return np.repeat(drawing.depth[..., None], 3, axis=2)

    def adherence(self, sitting: Sitting, scenes: Sequence[Scene], pictures: Sequence[Image]) -> float:
        found = estimate(*depth_estimator.MEMBER.load(sitting.folder), pictures)
        asked = [draw(scene, SIDE, SIDE).depth for scene in scenes]
        pairs = zip(asked, found, strict=True)
        return float(np.mean([rank_correlation(depth, estimate) for depth, estimate in pairs]))


MEMBER = Depth()
