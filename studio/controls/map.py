"""The picture is the map: made elsewhere, or drawn by hand."""

from collections.abc import Mapping
from typing import Any

from PIL import Image

from studio.controls.base import Control, EstimatorContext


class Ready(Control):
    """The picture as it is."""

    label = "Ready-made map"
    help = "The picture is already a map that the ControlNet can follow."
    nothing = "The map is all black, so it has no effect."

    def draw(self, image: Image.Image, options: Mapping[str, Any], context: EstimatorContext) -> Image.Image:
        del options, context
        return image


CONTROL = Ready()
