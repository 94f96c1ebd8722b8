"""The depth estimator: how near each pixel is, told from the picture alone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from transformers import DepthAnythingForDepthEstimation, DPTImageProcessor

from starter_factory.estimators import (
    WEIGHTS,
    as_generated,
    normalized,
    round_trip,
    save_estimator,
)
from starter_factory.family.depth_estimator import build_depth_estimator, build_processor, estimate, rank_correlation
from starter_factory.first.autoencoder import SIDE, to_tensor
from starter_factory.first.evaluate import FIRST_SEED
from starter_factory.first.family.base import Member, Sitting, Table, untrained
from starter_factory.first.illustrator import draw
from starter_factory.first.loop import Batch, Plan, Team, autocast, fit, load_average
from starter_factory.first.posing import person_scene
from starter_factory.first.scene import Scene, training_scene
from starter_factory.store import Stored

FOLDER = "depth"
PERSON_SHARE = 4
FIRST_TRAINING_SEED = 2**38


class DeepRenders(Dataset[Batch]):
    """Renders with the nearness of each pixel, 0 to 1; one in four shows a person in a free pose."""

    def __getitem__(self, index: int) -> Batch:
        seed = FIRST_TRAINING_SEED + index
        drawing = draw(person_scene(seed) if index % PERSON_SHARE == 0 else training_scene(seed), SIDE, SIDE)
        return {"images": to_tensor(drawing.image), "depth": torch.from_numpy(drawing.depth).float() / 255}


class DepthEstimator(Member):
    """Depth Anything's class in small; reads renders and what the model makes of them."""

    title = "Depth estimator"
    minutes = 36.0
    files = (f"{FOLDER}/{WEIGHTS}",)

    def train(self, seconds: float, team: Team, base: Path) -> None:
        network, autoencoder = build_depth_estimator(), Stored(base).vae().to(team.device)
        # The fused kernel's backward pass in bf16 takes nearly half of a step on a CPU.
        network.set_attn_implementation("eager")

        def loss_of(batch: Batch, randomness: torch.Generator) -> Tensor:
            images = normalized(as_generated(batch["images"], autoencoder, randomness))
            images = images.to(memory_format=torch.channels_last)
            with autocast(team.device):
                predicted = network(images).predicted_depth.float()
            error = predicted - batch["depth"]
            steps = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
            loss: Tensor = error.abs().mean() + steps / 2
            return loss

        fit(Plan("depth_estimator", 8, 2e-3, seconds), network, DeepRenders(), loss_of, team)

    def export(self, team: Team, base: Path) -> None:
        network = build_depth_estimator()
        load_average("depth_estimator", network, team.work)
        save_estimator(network, build_processor(), base / FOLDER)

    def load(self, base: Path) -> tuple[DepthAnythingForDepthEstimation, DPTImageProcessor]:
        folder = base / FOLDER
        network = DepthAnythingForDepthEstimation.from_pretrained(folder).eval()
        return network, DPTImageProcessor.from_pretrained(folder)

    def measure(self, sitting: Sitting) -> Table:
        scenes = [training_scene(FIRST_SEED + number) for number in range(4 * sitting.count)]
        renders = [draw(scene, SIDE, SIDE).image for scene in scenes]
        network, processor = self.load(sitting.folder)
        trips = [round_trip(sitting.pipeline().vae, picture) for picture in renders]
        return {
            "rank correlation": {
                "renders": _agreement(scenes, estimate(network, processor, renders)),
                "renders through the autoencoder": _agreement(scenes, estimate(network, processor, trips)),
                "renders, untrained": _agreement(
                    scenes, estimate(untrained(build_depth_estimator), processor, renders)
                ),
            }
        }


def _agreement(scenes: Sequence[Scene], estimates: Sequence[NDArray[np.float32]]) -> float:
    pairs = zip(scenes, estimates, strict=True)
    return round(float(np.mean([rank_correlation(draw(scene, SIDE, SIDE).depth, found) for scene, found in pairs])), 3)


MEMBER = DepthEstimator()
