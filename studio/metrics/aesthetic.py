"""How much people who rated pictures would like it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from studio.catalogue.preprocessors import Weights
from studio.controls.base import EstimatorContext
from studio.errors import DamagedModel, IncompatibleModel
from studio.metrics.base import Metric, Sample, Score
from studio.metrics.clip_score import BATCH, CLIP, clip_at, processor_at

HEAD = Weights(
    id="aesthetic",
    name="LAION aesthetic predictor",
    repo="ttj/sac-logos-ava1-l14-linearMSE",
    files=("model.safetensors",),
    bytes=3_714_000,
    licence="Apache-2.0",
    instead="leave this metric out",
)


class Aesthetic(Metric):
    """LAION's predictor: linear layers on what CLIP ViT-L/14 sees, trained on people's ratings from 1 to 10."""

    label = "Aesthetic"
    help = (
        "How people might rate it from 1 to 10, by LAION's predictor; it has its own taste, and no idea of the prompt."
    )
    cost = "CLIP ViT-L/14 takes about 2 s a picture without a GPU"
    fault = "plain"
    minimum = 1.0
    maximum = 10.0
    step = 0.1
    usual = 5.0
    weight = 0.5
    networked = True
    needs = (CLIP, HEAD)

    def measure(self, samples: Sequence[Sample], context: EstimatorContext) -> list[Score]:
        import torch

        folder, head_folder = (weights.here(context.settings) for weights in self.needs)
        clip = clip_at(folder, context)
        head = context.load(
            f"aesthetic: {head_folder}", "the aesthetic predictor", lambda: _head(head_folder).to(context.device)
        )
        _check_fit(clip, head, folder)
        scores: list[Score] = []
        for start in range(0, len(samples), BATCH):
            pictures = [sample.image for sample in samples[start : start + BATCH]]
            pixels = processor_at(folder).image_processor(pictures, return_tensors="pt").to(context.device)
            with torch.no_grad():
                seen = clip.get_image_features(**pixels).pooler_output
                scores += head(torch.nn.functional.normalize(seen.float(), dim=-1))[:, 0].tolist()
        return scores


def _head(folder: Path) -> Any:
    """The linear layers of the file, in their order; between them it has none but those that training drops from."""
    import torch
    from safetensors.torch import load_file

    tensors = load_file(folder / HEAD.files[0])
    stems = sorted((name.removesuffix(".weight") for name in tensors if name.endswith(".weight")), key=_place)
    layers = []
    for stem in stems:
        weight = tensors[f"{stem}.weight"]
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
        layer.load_state_dict({"weight": weight.float(), "bias": tensors[f"{stem}.bias"].float()})
        layers.append(layer)
    sides = [side for layer in layers for side in (layer.in_features, layer.out_features)]
    if not layers or sides[1:-1:2] != sides[2::2] or sides[-1] != 1:
        raise DamagedModel(
            f"{folder} holds no linear layers that end in one number.", "Delete the folder and get it again."
        )
    return torch.nn.Sequential(*layers).requires_grad_(requires_grad=False).eval()


def _place(stem: str) -> int:
    """The number that tells a layer's place: layers.0, layers.2 ..."""
    return next((int(part) for part in reversed(stem.split(".")) if part.isdecimal()), 0)


def _check_fit(clip: Any, head: Any, folder: Path) -> None:
    if clip.config.projection_dim != head[0].in_features:
        raise IncompatibleModel(
            f"{HEAD.name} reads {head[0].in_features} numbers of CLIP ViT-L/14, and the CLIP in {folder} gives "
            f"{clip.config.projection_dim}.",
            f"Put {CLIP.repo} there.",
        )


METRIC = Aesthetic()
