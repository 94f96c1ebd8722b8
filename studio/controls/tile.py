"""The picture itself, blurred as if enlarged: colours and places stay, detail is made anew."""

from collections.abc import Mapping
from typing import Any

from PIL import Image

from studio.controls.base import Control, EstimatorContext, Option


class Tile(Control):
    """The picture made smaller and large again."""

    label = "Tile"
    help = "Keeps colours and places and makes new detail, as for enlarging; needs no weights."
    options = (Option("factor", "Blur", "By how much the picture is reduced first.", 4, 1, 16, 1),)

    def draw(self, image: Image.Image, options: Mapping[str, Any], context: EstimatorContext) -> Image.Image:
        del context
        small = [max(1, round(length / options["factor"])) for length in image.size]
        return image.resize((small[0], small[1]), Image.Resampling.BOX).resize(image.size, Image.Resampling.BICUBIC)


CONTROL = Tile()
