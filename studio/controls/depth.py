"""How near everything is, from black to white."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.catalogue.preprocessors import Weights, annotator, unwarned
from studio.controls.base import Control, EstimatorContext, Option, as_picture, as_seen, estimator_words
from studio.errors import DamagedModel
from studio.settings import ASSETS

Near = NDArray[np.float32]

DEPTH_ANYTHING = Weights(
    id="depth-anything-v2-small",
    name="Depth Anything V2 Small",
    repo="depth-anything/Depth-Anything-V2-Small-hf",
    files=("config.json", "preprocessor_config.json", "model.safetensors"),
    bytes=99_175_385,
    licence="Apache-2.0",
)
# The file's own name has the first of its SHA-256, as files of the PyTorch hub do.
MIDAS = Weights(
    id="midas",
    name="MiDaS 3 (DPT hybrid)",
    repo="lllyasviel/Annotators",
    files=("dpt_hybrid-midas-501f0c75.pt",),
    bytes=493_000_000,
    licence="MIT",
    sha256={"dpt_hybrid-midas-501f0c75.pt": "501f0c75b3bca7daec6b3682c5054c09b366765aef6fa3a09d03a5cb4b230853"},
)
REAL = {"depth_anything": DEPTH_ANYTHING, "midas": MIDAS}
STARTER = ASSETS / "starter" / "depth"
MIDAS_SIDE, MIDAS_MULTIPLE = 512, 64


class Depth(Control):
    """White is nearest."""

    label = "Depth"
    help = "Follows the depth of the picture; needs the weights of an estimator."
    options = (
        Option(
            "estimator",
            "Estimator",
            "What reads the depth; auto takes the starter's own for the starter, else one that is on this disk.",
            "auto",
            choices=("auto", "starter", *REAL),
            words=estimator_words(REAL),
        ),
    )
    needs = tuple(REAL.values())
    nothing = "Everything in the picture is equally far away."

    def wants(self, options: Mapping[str, Any], context: EstimatorContext) -> Weights | None:
        return REAL.get(context.estimator(str(self.check(options)["estimator"]), REAL))

    def draw(self, image: Image.Image, options: Mapping[str, Any], context: EstimatorContext) -> Image.Image:
        estimator = context.estimator(options["estimator"], REAL)
        if estimator == "starter":
            # Its numbers are depths already: 0 is the sky, 1 the nearest there is.
            near = _by_transformers(STARTER, image, context)
        else:
            near = _spread(ESTIMATORS[estimator](image, context))
        return as_picture(255 * np.asarray(Image.fromarray(near).resize(image.size, Image.Resampling.BILINEAR)))


def _spread(near: Near) -> Near:
    """From the farthest, 0, to the nearest, 1: these networks tell ranks, in a unit of each picture's own."""
    low, high = float(near.min()), float(near.max())
    return (near - low) / max(high - low, 1e-6)


def _by_depth_anything(image: Image.Image, context: EstimatorContext) -> Near:
    return _by_transformers(DEPTH_ANYTHING.here(context.settings), image, context)


def _by_transformers(folder: Path, image: Image.Image, context: EstimatorContext) -> Near:
    """The nearness that a network of transformers' sees, at its own size."""
    import torch
    from transformers import AutoImageProcessor

    network = context.load(f"depth: {folder}", "the depth estimator", lambda: _network(folder).to(context.device))
    processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
    seen = as_seen(image, processor.size["height"], processor.ensure_multiple_of)
    pixels = processor(images=seen, do_resize=False, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        found: Near = network(pixel_values=pixels.to(context.device)).predicted_depth[0].float().cpu().numpy()
    return found


def _network(folder: Path) -> Any:
    """A network with every weight from its files; transformers would draw those that are missing by chance."""
    from transformers import AutoModelForDepthEstimation

    cure = "Weights and config do not belong together: delete the folder and get it again."
    try:
        network, report = AutoModelForDepthEstimation.from_pretrained(
            folder, local_files_only=True, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, LookupError) as error:
        raise DamagedModel(f"{folder} cannot be loaded.", cure) from error
    if report["missing_keys"]:
        raise DamagedModel(f"{folder} cannot be loaded: {len(report['missing_keys'])} weights are missing.", cure)
    return network.eval()


def _by_midas(image: Image.Image, context: EstimatorContext) -> Near:
    import torch

    module = annotator("midas.midas.dpt_depth", MIDAS.name)
    path = MIDAS.here(context.settings) / MIDAS.files[0]

    def loader() -> Any:
        with unwarned():
            network = module.DPTDepthModel(path=None, backbone="vitb_rn50_384", non_negative=True)
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        return network.eval().to(context.device)

    network = context.load(f"depth: {path}", "the depth estimator", loader)
    seen = np.asarray(as_seen(image, MIDAS_SIDE, MIDAS_MULTIPLE), np.float32) / 127.5 - 1
    with torch.no_grad():
        found: Near = network(torch.from_numpy(seen.transpose(2, 0, 1))[None].to(context.device))[0].cpu().numpy()
    return found


ESTIMATORS: Mapping[str, Callable[[Image.Image, EstimatorContext], Near]] = {
    "depth_anything": _by_depth_anything,
    "midas": _by_midas,
}
CONTROL = Depth()
