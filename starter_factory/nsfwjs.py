"""Brings the classifier of the output check home from the npm package nsfwjs, without a bit lost:

    npm pack nsfwjs@4.3.0 && python -m starter_factory.nsfwjs nsfwjs-4.3.0.tgz

Its weights are bytes with a scale and a lowest value for each tensor, and stay so; `studio/safety/classifier.py` has
the network. Written are `assets/safety/classifier.safetensors` and the package's licence beside it.
"""

import json
import re
import sys
import tarfile
from base64 import b64decode
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from studio.settings import ASSETS

MODEL = "package/dist/models/mobilenet_v2_mid/"
ENTRY = re.compile(
    r'\{name:"([^"]+)",shape:\[([\d,]*)\],dtype:"float32",quantization:\{min:([-.\de]+),scale:([-.\de]+),dtype:"uint8"\}'
)
BASE64 = re.compile(r"[A-Za-z0-9+/]{1000,}={0,2}")
# What a tensor is called here; the two of the last layer have lost their names there.
NAMES = (
    (r".*/MobilenetV2/", ""),
    (r"Conv2D_weights|depthwise_weights", "weight"),
    (r"Conv2D_bn_offset|depthwise_bn_offset", "bias"),
    (r"expanded_conv/", "blocks/0/"),
    (r"expanded_conv_(\d+)/", r"blocks/\1/"),
    (r"Conv_1/", "head/"),
    (r"Conv/", "stem/"),
    (r".*/_262", "classes/weight"),
    (r".*/_263", "classes/bias"),
    (r"/", "."),
)
INPUT = "hub_input"


def convert(package: Path, folder: Path) -> None:
    """Write the classifier of an npm package into a folder."""
    with tarfile.open(package) as files:
        source = _text(files, f"{MODEL}model.min.js")
        data = b"".join(_shard(files, name) for name in re.findall(r"group1-shard\dof\d", source))
        licence = _text(files, "package/LICENSE")
    tensors, scales, at = {}, {}, 0
    for name, sides, lowest, scale in ENTRY.findall(source):
        shape = [int(side) for side in sides.split(",") if side]
        if INPUT not in name:
            tensors[_named(name)] = _turned(np.frombuffer(data, np.uint8, prod(shape), at).reshape(shape), name)
            scales[_named(name)] = [float(lowest), float(scale)]
        at += prod(shape)
    if at != len(data):
        raise SystemExit(f"{package.name} holds {len(data)} bytes of weights, and names {at}.")
    folder.mkdir(exist_ok=True)
    save_file(tensors, folder / "classifier.safetensors", {"scales": json.dumps(scales), "licence": "MIT"})
    (folder / "LICENSE.txt").write_text(licence, "utf-8")


def _text(files: tarfile.TarFile, name: str) -> str:
    file = files.extractfile(name)
    if file is None:
        raise SystemExit(f"{name} is not in the package.")
    return file.read().decode()


def _shard(files: tarfile.TarFile, name: str) -> bytes:
    return b64decode(max(BASE64.findall(_text(files, f"{MODEL}{name}.min.js")), key=len))


def _named(name: str) -> str:
    for pattern, other in NAMES:
        name = re.sub(pattern, other, name)
    return name


def _turned(tensor: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    """As torch has them: kernels (out, in, height, width), the matrix of the last layer (out, in)."""
    if tensor.ndim == 4:
        tensor = tensor.transpose(2, 3, 0, 1) if "depthwise" in name else tensor.transpose(3, 2, 0, 1)
    return np.ascontiguousarray(tensor.T if tensor.ndim == 2 else tensor)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), ASSETS / "safety")
