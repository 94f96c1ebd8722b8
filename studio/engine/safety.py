"""The output check: a model's own checker looks at every finished picture, and the studio says what it saw.

Pipelines are loaded without it, because they answer a flagged picture with a black one and no word.
"""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
from PIL import Image, ImageDraw, ImageFont
from transformers import CLIPImageProcessor

from studio.catalogue.models import Catalogue, Model
from studio.catalogue.sources import not_here
from studio.engine.loading import load_part, translated
from studio.engine.memory import bytes_of
from studio.resolve.resolve import unchecked
from studio.settings import Settings

Verdict = Literal["passed", "flagged", "withheld"]

PAPER, INK = (236, 236, 232), (60, 60, 64)
# Letters of fewer pixels cannot be read.
SMALLEST = 6.0
CARD = "Withheld: the model's output checker flagged this picture. Another seed or other words may pass."
WORDS: Mapping[Verdict, str] = {
    "passed": "",
    "flagged": "The output check flagged a picture; it is kept, and marked.",
    "withheld": "The output check flagged a picture; it is withheld.",
}


@dataclass(frozen=True, eq=False)
class SafetyChecker:
    """A model's checker. It stays on the CPU in float32: a verdict is the same on every device and takes none of it."""

    checker: Any
    extractor: Any
    withholds: bool

    @property
    def bytes(self) -> int:
        """What its weights take."""
        return bytes_of(self.checker)

    def checked(self, image: Image.Image) -> tuple[Image.Image, Verdict]:
        """The picture, or a card that stands for it where it is withheld, and what is to be said of it."""
        if not self.flags(image):
            return image, "passed"
        return (card(image.size), "withheld") if self.withholds else (image, "flagged")

    @torch.no_grad()
    def flags(self, image: Image.Image) -> bool:
        """Whether the checker takes offence at an RGB picture."""
        seen = self.extractor(images=[image], return_tensors="pt").pixel_values
        # It blackens the pictures it is given; what it looks at comes beside them.
        _, flagged = self.checker(clip_input=seen, images=np.zeros((1, 1, 1, 3)))
        return bool(flagged[0])


def load(model: Model, catalogue: Catalogue, settings: Settings) -> SafetyChecker | None:
    """The model's checker, where the studio checks what comes out.

    Raises InvalidRecipe where the model has none, ModelError where it cannot be loaded.
    """
    if settings.output_check == "off":
        return None
    folder = catalogue.checker(model)
    if folder is None:
        without = catalogue.lacks_checker(model)
        raise unchecked(model, settings) if without else not_here(f"The output checker of {model.name}", model.id)
    checker = load_part(model, folder, "safety_checker", StableDiffusionSafetyChecker, torch.float32)
    with translated(model, f"{folder / 'feature_extractor'} cannot be loaded", "Copy the whole model again."):
        extractor = CLIPImageProcessor.from_pretrained(folder, subfolder="feature_extractor", local_files_only=True)
    return SafetyChecker(checker, extractor, settings.output_check == "withhold")


def card(size: tuple[int, int]) -> Image.Image:
    """A picture that says that another one is withheld, and why."""
    made = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(made)
    points = max(size) / 8
    while True:
        points = max(SMALLEST, points * 0.9)
        font = ImageFont.load_default(points)
        text = textwrap.fill(CARD, max(9, int(size[0] / (0.6 * points))))
        left, top, right, bottom = draw.multiline_textbbox((size[0] / 2, size[1] / 2), text, font, "mm", align="center")
        if points == SMALLEST or (right - left <= 0.9 * size[0] and bottom - top <= 0.9 * size[1]):
            break
    draw.multiline_text((size[0] / 2, size[1] / 2), text, INK, font, "mm", align="center")
    return made
