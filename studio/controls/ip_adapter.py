"""The picture is a prompt itself, read by an IP-Adapter beside the words; nothing is made of it."""

from collections.abc import Mapping
from typing import Any

from PIL import Image

from studio.controls.base import Control, EstimatorContext
from studio.errors import InvalidRecipe


class ImagePrompt(Control):
    """No map: the model sees the picture."""

    label = "Image prompt (IP-Adapter)"
    help = "The picture is a prompt beside the words: its subject, colours and style count, not its composition."

    def draw(self, image: Image.Image, options: Mapping[str, Any], context: EstimatorContext) -> Image.Image:
        del image, options, context
        raise InvalidRecipe(
            "controls",
            "An image prompt has no map: the model sees the picture itself.",
            "Give the picture as it is; it needs no map.",
        )


CONTROL = ImagePrompt()
