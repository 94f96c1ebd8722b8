"""The classifier of the output check: the mid-sized MobileNetV2 of nsfwjs (MIT), five classes, 4.3 MB in the package.

What it can tell and what not is in docs/safety.md; `assets/safety/README.md` is its card.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from torch.nn import functional

from studio.errors import DamagedModel
from studio.settings import ASSETS

FILE = ASSETS / "safety" / "classifier.safetensors"
CLASSES = ("drawing", "hentai", "neutral", "porn", "sexy")
CURE = "Install the studio again, or copy assets/safety from its repository."
SIDE = 224
BLOCKS = 17
# The blocks whose depthwise convolution halves the picture.
HALVING = (1, 3, 6, 13)


@dataclass(frozen=True, eq=False)
class Classifier:
    """The network; its tensors are float32 and on the CPU, so that a verdict is the same on every machine."""

    tensors: Mapping[str, torch.Tensor]

    @classmethod
    def load(cls, file: Path = FILE) -> "Classifier":
        """Reads the weights, which are stored as bytes; DamagedModel where they are missing or not whole."""
        try:
            with safe_open(file, "pt") as stored:
                scales = json.loads(stored.metadata()["scales"])
                return cls({name: _floats(stored.get_tensor(name), *scales[name]) for name in stored.keys()})  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise DamagedModel("The classifier of the output check cannot be loaded.", CURE) from error

    @torch.no_grad()
    def __call__(self, image: Image.Image) -> dict[str, float]:
        """How sure it is of each class, from 0 to 1, for a picture of any size; DamagedModel."""
        try:
            shares = self._logits(_seen(image)).softmax(-1)[0]
        except (KeyError, RuntimeError) as error:
            raise DamagedModel("The classifier of the output check does not run.", CURE) from error
        return dict(zip(CLASSES, shares.tolist(), strict=True))

    def _logits(self, seen: torch.Tensor) -> torch.Tensor:
        rows = self._convolved(seen, "stem", stride=2)
        for block in range(BLOCKS):
            rows = self._bottleneck(rows, block)
        features = self._convolved(rows, "head").mean((2, 3))
        return functional.linear(features, self.tensors["classes.weight"], self.tensors["classes.bias"])

    def _bottleneck(self, rows: torch.Tensor, block: int) -> torch.Tensor:
        """An inverted residual: wider, filtered channel by channel, narrow again. The first one is not widened."""
        name = f"blocks.{block}"
        wide = self._convolved(rows, f"{name}.expand") if block else rows
        stride = 2 if block in HALVING else 1
        filtered = self._convolved(wide, f"{name}.depthwise", stride=stride, groups=wide.shape[1])
        narrow = self._convolved(filtered, f"{name}.project", active=False)
        return rows + narrow if rows.shape == narrow.shape else narrow

    def _convolved(
        self, rows: torch.Tensor, name: str, *, stride: int = 1, groups: int = 1, active: bool = True
    ) -> torch.Tensor:
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        if weight.shape[-1] > 1:
            # As TensorFlow pads: what is one too many stands at the right and below.
            rows = functional.pad(rows, (0, 1, 0, 1) if stride == 2 else (1, 1, 1, 1))
        rows = functional.conv2d(rows, weight, bias, stride, groups=groups)
        return functional.relu6(rows) if active else rows


def _floats(stored: torch.Tensor, lowest: float, scale: float) -> torch.Tensor:
    return stored.float() * scale + lowest


def _seen(image: Image.Image) -> torch.Tensor:
    """The picture (1, 3, SIDE, SIDE) from -1 to 1, made smaller as nsfwjs does it."""
    levels = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None].float() / 255
    return functional.interpolate(levels, (SIDE, SIDE), mode="bilinear", align_corners=True) * 2 - 1
