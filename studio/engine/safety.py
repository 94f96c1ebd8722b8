"""A model's own output checker, which looks at what it paints; the safety layer says what becomes of that.

Pipelines are loaded without it, because they answer a flagged picture with a black one and no word.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
from PIL import Image
from transformers import CLIPImageProcessor

from studio.catalogue.models import Catalogue, Model
from studio.catalogue.sources import not_here
from studio.engine.loading import load_part, translated
from studio.engine.memory import bytes_of
from studio.settings import Settings


@dataclass(frozen=True, eq=False)
class SafetyChecker:
    """A model's checker. It stays on the CPU in float32: a verdict is the same on every device and takes none of it."""

    checker: Any
    extractor: Any

    @property
    def bytes(self) -> int:
        """What its weights take."""
        return bytes_of(self.checker)

    @torch.no_grad()
    def flags(self, image: Image.Image) -> bool:
        """Whether the checker takes offence at an RGB picture."""
        seen = self.extractor(images=[image], return_tensors="pt").pixel_values
        # It blackens the pictures it is given; what it looks at comes beside them.
        _, flagged = self.checker(clip_input=seen, images=np.zeros((1, 1, 1, 3)))
        return bool(flagged[0])


def load(model: Model, catalogue: Catalogue, settings: Settings) -> SafetyChecker | None:
    """The model's checker, where it has one and the studio checks what comes out; ModelError where it is not whole."""
    if settings.output_check == "off" or catalogue.lacks_checker(model):
        return None
    folder = catalogue.checker(model)
    if folder is None:
        raise not_here(f"The output checker of {model.name}", model.id)
    checker = load_part(model, folder, "safety_checker", StableDiffusionSafetyChecker, torch.float32)
    with translated(model, f"{folder / 'feature_extractor'} cannot be loaded", "Copy the whole model again."):
        extractor = CLIPImageProcessor.from_pretrained(folder, subfolder="feature_extractor", local_files_only=True)
    return SafetyChecker(checker, extractor)
