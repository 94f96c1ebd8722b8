"""Lines as of a pen drawing: what is darker than its surroundings."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from studio.controls.base import Control, EstimatorContext, Option, as_picture

# The middle line comes out this bright; in a picture of faint lines only, noise is not raised to it.
MIDDLE = 127
FAINTEST = 16


class Lineart(Control):
    """White lines on black, softer where they are fainter."""

    label = "Line art"
    help = "Follows the lines of the picture as a pen would draw them; needs no weights."
    options = (
        Option("sigma", "Softness", "How far around a point counts as its surroundings.", 6.0, 0.5, 20, 0.5),
        Option("threshold", "Threshold", "Differences up to this do not count as a line.", 8, 1, 128, 1),
    )
    nothing = "No lines were found in the picture."

    def draw(self, image: Image.Image, options: Mapping[str, Any], context: EstimatorContext) -> Image.Image:
        import cv2

        del context
        picture = np.asarray(image, np.float32)
        around = cv2.GaussianBlur(picture, (0, 0), options["sigma"])
        darker = (around - picture).min(axis=2).clip(0, 255)
        lines = darker[darker > options["threshold"]]
        if not lines.size:
            return Image.new("RGB", image.size)
        return as_picture(darker / max(FAINTEST, float(np.median(lines))) * MIDDLE)


CONTROL = Lineart()
