"""The probe: a small network that names what a picture of the starter's world shows. It has only ever seen renders."""

from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate
from torch.utils.data import Dataset

from starter_factory.first.autoencoder import SIDE, to_tensor
from starter_factory.first.captions import Caption
from starter_factory.first.illustrator import draw
from starter_factory.first.loop import Batch, Plan, Team, autocast, fit, load_average
from starter_factory.first.scene import POSITIONS, random_scene_of
from starter_factory.first.text import IGNORED, SETTING_SIZES, SUBJECT_SIZES, meaning

VIEW = 64
STORED = "probe/model.safetensors"
NOTHING_SAID = Caption("")


class Probe(nn.Module):
    """Pictures (batch, 3, h, w) between -1 and 1 to class scores, one tensor for each number of `meaning`."""

    sizes = (*SETTING_SIZES, *(size for _ in POSITIONS for size in SUBJECT_SIZES))

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32, 64, 96, 128)
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.GroupNorm(8, after), nn.SiLU()]
            layers += [nn.Conv2d(after, after, 3, padding=1), nn.GroupNorm(8, after), nn.SiLU()]
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Sequential(nn.Linear(128 * (VIEW // 16) ** 2, 256), nn.SiLU(), nn.Linear(256, sum(self.sizes)))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        parts: tuple[Tensor, ...] = torch.split(self.head[2](self.features(images)), list(self.sizes), dim=1)
        return parts

    def features(self, images: Tensor) -> Tensor:
        """What it makes of the pictures before it answers, (batch, 256)."""
        small = interpolate(images, (VIEW, VIEW), mode="area")
        hidden: Tensor = self.head[:2](self.body(small))
        return hidden


class LabelledRenders(Dataset[Batch]):
    """Renders of any scene, held-out pairs included: the probe must know them."""

    def __getitem__(self, index: int) -> Batch:
        scene = random_scene_of(index)
        return {"images": to_tensor(draw(scene, SIDE, SIDE).image), "meaning": meaning(scene, NOTHING_SAID)}


def train_probe(seconds: float, team: Team) -> None:
    probe = Probe()

    def loss_of(batch: Batch, noise: torch.Generator) -> Tensor:
        # Drawings are cleaner than a decoder's output: the probe must not depend on it.
        images = batch["images"] + 0.08 * torch.randn(batch["images"].shape, generator=noise).to(team.device)
        with autocast(team.device):
            answers = probe(images)
        pairs = zip(answers, batch["meaning"].unbind(dim=1), strict=True)
        losses = [
            cross_entropy(answer.float(), target, ignore_index=IGNORED, reduction="sum") for answer, target in pairs
        ]
        return torch.stack(losses).sum() / len(images)

    fit(Plan("probe", 32, 2e-3, seconds), probe, LabelledRenders(), loss_of, team)


def trained_probe(team: Team) -> Probe:
    probe = Probe()
    load_average("probe", probe, team.work)
    return probe


def load_probe(folder: Path) -> Probe:
    """The probe that is stored beside the model in `folder`, in single precision."""
    probe = Probe()
    probe.load_state_dict(load_file(folder / STORED))
    return probe.requires_grad_(requires_grad=False).eval()


def answers_of(probe: Probe, images: Tensor) -> Tensor:
    """The most likely class numbers, (batch, 15)."""
    with torch.no_grad():
        return torch.stack([scores.argmax(dim=1) for scores in probe(images)], dim=1)
