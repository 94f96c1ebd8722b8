"""Edges, thin and sharp: the outlines of everything in the picture."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from studio.controls.base import Control, EstimatorContext, Option, Value, as_picture
from studio.errors import InvalidRecipe


class Canny(Control):
    """Edges as OpenCV finds them, white on black."""

    label = "Canny edges"
    help = "Follows the sharp edges of the picture; needs no weights."
    options = (
        Option("low", "Low threshold", "Edges weaker than this are dropped.", 100, 1, 255, 1),
        Option("high", "High threshold", "Edges stronger than this are always kept.", 200, 1, 255, 1),
    )
    nothing = "No edges were found in the picture."

    def check(self, options: Mapping[str, Any]) -> dict[str, Value]:
        filled = super().check(options)
        low, high = filled["low"], filled["high"]
        if float(low) > float(high):
            fault = f"{self.label}: the low threshold {low} is above the high one, {high}."
            raise InvalidRecipe("controls", fault, "Swap them.")
        return filled

    def draw(self, image: Image.Image, options: Mapping[str, Any], context: EstimatorContext) -> Image.Image:
        import cv2

        del context
        return as_picture(cv2.Canny(np.asarray(image), options["low"], options["high"]))


CONTROL = Canny()
