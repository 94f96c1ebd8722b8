"""ControlNet: canny. The picture keeps to the edges of another."""

from collections.abc import Sequence

import cv2
import numpy as np

from starter_factory.family.canny import edge_agreement, edges_of
from starter_factory.first.autoencoder import SIDE
from starter_factory.first.canvas import Image
from starter_factory.first.controlnets import ControlMember
from starter_factory.first.family.base import Sitting
from starter_factory.first.illustrator import Drawing, draw
from starter_factory.first.scene import Scene


class Canny(ControlMember):
    """Edges as OpenCV finds them, white on black."""

    name = "canny"
    title = "ControlNet: canny"
    minutes = 16.0
    measured = "edges met within 2 pixels, F1"

    def hint_of(self, scene: Scene, drawing: Drawing) -> Image:  # noqa: ARG002 - others look at the scene
        return np.repeat(edges_of(drawing.image)[..., None], 3, axis=2)

    def stressed(self, hint: Image, drawing: Drawing) -> Image:  # noqa: ARG002 - others look at the drawing
        return np.asarray(cv2.dilate(hint[..., 0], np.ones((5, 5), np.uint8)), np.uint8)

    def adherence(self, sitting: Sitting, scenes: Sequence[Scene], pictures: Sequence[Image]) -> float:  # noqa: ARG002
        asked = [edges_of(draw(scene, SIDE, SIDE).image) for scene in scenes]
        pairs = zip(asked, pictures, strict=True)
        return float(np.mean([edge_agreement(edges, edges_of(picture)) for edges, picture in pairs]))


MEMBER = Canny()
