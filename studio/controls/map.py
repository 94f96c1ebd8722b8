"""The picture is the map: made elsewhere, or drawn by hand."""

from collections.abc import Mapping
from typing import Any

from PIL import Image

from studio.controls.base import Control, EstimatorContext


class Ready(Control):
    """The picture as it is."""

    label = "Ready-made map"
    help = "The picture already is what the ControlNet wants to see."
    nothing = "The map is all black, which steers nothing."

    def draw(self, image: Image.Image, options: Mapping[str, Any], context: EstimatorContext) -> Image.Image:
        del options, context
        return image


CONTROL = Ready()
