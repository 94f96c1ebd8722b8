"""ControlNet: canny. The picture keeps to the edges of another."""

from collections.abc import Sequence

import cv2
import numpy as np

from starter_factory.canvas import Image
from starter_factory.control_member import ControlMember
from starter_factory.draw import Drawing, draw
from starter_factory.scene import Scene
from starter_factory.sitting import Sitting

# The thresholds that ControlNets of the field learned with.
LOW, HIGH = 100, 200
TOLERANCE = 2


def edges_of(picture: Image) -> Image:
    """The edges (h, w) of a picture, 255 on black, at its own size."""
    return np.asarray(cv2.Canny(picture, LOW, HIGH), np.uint8)


def edge_agreement(asked: Image, found: Image, tolerance: int = TOLERANCE) -> float:
    """F1 of two maps of edges, where an edge is met by one at most `tolerance` pixels away."""
    if not asked.any() or not found.any():
        return float(asked.any() == found.any())
    precision, recall = _met(found, asked, tolerance), _met(asked, found, tolerance)
    return 2 * precision * recall / max(precision + recall, 1e-9)


def _met(edges: Image, others: Image, tolerance: int) -> float:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * tolerance + 1, 2 * tolerance + 1))
    return float((cv2.dilate(others, disc)[edges > 0] > 0).mean())


class Canny(ControlMember):
    """Edges as OpenCV finds them, white on black."""

    name = "canny"
    title = "ControlNet: canny"
    minutes = 35.0
    strength = 1.4
    measured = "edges met within 2 pixels, F1"

    def hint_of(self, scene: Scene, drawing: Drawing) -> Image:  # noqa: ARG002 - others look at the scene
        return np.repeat(edges_of(drawing.image)[..., None], 3, axis=2)

    def stressed(self, hint: Image, drawing: Drawing) -> Image:  # noqa: ARG002 - others look at the drawing
        return np.asarray(cv2.dilate(hint[..., 0], np.ones((5, 5), np.uint8)), np.uint8)

    def adherence(self, sitting: Sitting, scenes: Sequence[Scene], pictures: Sequence[Image]) -> float:  # noqa: ARG002
        asked = [edges_of(draw(scene).image) for scene in scenes]
        pairs = zip(asked, pictures, strict=True)
        return float(np.mean([edge_agreement(edges, edges_of(picture)) for edges, picture in pairs]))


MEMBER = Canny()
