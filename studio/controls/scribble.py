"""A rough drawing: thick white lines on black."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.controls.base import Control, EstimatorContext, Option, as_picture

# The two blurs whose difference draws the lines of a picture (XDoG), and what the difference is multiplied by.
FINE, COARSE = 0.5, 5.0
GAIN = 2
MIDDLE = 127


class Scribble(Control):
    """Lines, white or nothing, of even width."""

    label = "Scribble"
    help = "Follows a rough drawing, or one made from a picture; needs no weights."
    options = (
        Option(
            "source",
            "Made from",
            "A drawing, dark on light or light on dark; or a picture, whose lines are traced.",
            "drawing",
            choices=("drawing", "picture"),
        ),
        Option(
            "threshold", "Threshold", "For a picture: differences up to this do not count as a line.", 32, 1, 128, 1
        ),
        Option("thickness", "Thickness", "How many pixels are added around the lines.", 1, 0, 16, 1),
    )
    nothing = "No lines were found in the picture."

    def draw(self, image: Image.Image, options: Mapping[str, Any], context: EstimatorContext) -> Image.Image:
        import cv2

        del context
        lines = _drawn(image) if options["source"] == "drawing" else _traced(image, options["threshold"])
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * options["thickness"] + 1,) * 2)
        return as_picture(cv2.dilate(np.where(lines, 255, 0).astype(np.uint8), disc))


def _drawn(image: Image.Image) -> NDArray[np.bool_]:
    """The lines of a drawing: what is on the rarer side of grey, as most of it is paper."""
    light = np.asarray(image.convert("L")) > MIDDLE
    return ~light if light.mean() > 0.5 else light


def _traced(image: Image.Image, threshold: int) -> NDArray[np.bool_]:
    """What is darker than its surroundings, in every colour."""
    import cv2

    picture = np.asarray(image, np.float32)
    fine, coarse = (cv2.GaussianBlur(picture, (0, 0), sigma) for sigma in (FINE, COARSE))
    return np.asarray(GAIN * (coarse - fine).min(axis=2) > threshold)


CONTROL = Scribble()
