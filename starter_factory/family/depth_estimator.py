"""The depth estimator: how near each pixel is, told from the picture alone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config, DPTImageProcessor

from starter_factory.canvas import Image
from starter_factory.draw import draw
from starter_factory.estimators import (
    DEVIATION,
    MEAN,
    WEIGHTS,
    as_generated,
    normalized,
    round_trip,
    save_estimator,
)
from starter_factory.family.base import Member, Sitting, Table, begin, untrained
from starter_factory.posing import person_scene
from starter_factory.samples import stream
from starter_factory.sampling import FIRST_UNSEEN
from starter_factory.scene import Scene, training_scene
from starter_factory.store import Stored
from starter_factory.training import Batch, Run, Session, autocast, fit, load_average
from starter_factory.vae import to_tensor

NAME = "depth_estimator"
FOLDER = "depth"
VIEW = 128
PATCH = 8
WIDTH = 96
LAYERS = 4
PERSON_SHARE = 4
BATCH = 8
LEARNING_RATE = 1.5e-3
FIRST_SEED = 2**38


def build_depth_estimator(width: int = WIDTH) -> DepthAnythingForDepthEstimation:
    """An untrained network: the very class of Depth Anything, in small."""
    backbone = Dinov2Config(
        image_size=VIEW,
        patch_size=PATCH,
        hidden_size=width,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        out_indices=[*range(1, LAYERS + 1)],
        reshape_hidden_states=False,
    )
    network = DepthAnythingForDepthEstimation(
        DepthAnythingConfig(
            backbone_config=backbone,
            patch_size=PATCH,
            reassemble_hidden_size=width,
            reassemble_factors=[2, 1, 1, 0.5],  # at 4, drawing full-size features takes most of the time
            neck_hidden_sizes=[16, 32, 48, 64],
            fusion_hidden_size=24,
            head_hidden_size=12,
        )
    )
    # The last layer is a ReLU: without this it may start dead.
    torch.nn.init.constant_(network.head.conv3.bias, 0.4)
    return network.to(memory_format=torch.channels_last)


def build_processor() -> DPTImageProcessor:
    return DPTImageProcessor(
        size={"height": VIEW, "width": VIEW},
        keep_aspect_ratio=True,
        ensure_multiple_of=PATCH,
        image_mean=list(MEAN),
        image_std=list(DEVIATION),
    )


def deep_render(number: int) -> Batch:
    """A render with the nearness of each pixel, 0 to 1; one in four shows a person in a free pose."""
    seed = FIRST_SEED + number
    drawing = draw(person_scene(seed) if number % PERSON_SHARE == 0 else training_scene(seed))
    return {"images": to_tensor(drawing.image), "depth": torch.from_numpy(drawing.depth).float() / 255}


def estimate(
    network: DepthAnythingForDepthEstimation, processor: DPTImageProcessor, pictures: Sequence[Image]
) -> list[NDArray[np.float32]]:
    """The nearness of each pixel, (h, w) for each picture, by the processor and network alone."""
    found: list[NDArray[np.float32]] = []
    for start in range(0, len(pictures), 16):
        part = list(pictures[start : start + 16])
        with torch.no_grad():
            output = network(**processor(images=part, return_tensors="pt"))
        sizes = [picture.shape[:2] for picture in part]
        estimates = processor.post_process_depth_estimation(output, target_sizes=sizes)
        found.extend(each["predicted_depth"].numpy() for each in estimates)
    return found


def rank_correlation(first: NDArray[np.generic], second: NDArray[np.generic]) -> float:
    """Spearman's rho of two maps; pixels of one value share their mean rank. A map of one value agrees with none."""
    one, other = _ranks(first), _ranks(second)
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / size if size else 0.0


def _ranks(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """The ranks around their mean."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    means = np.cumsum(counts) - (counts + counts.sum()) / 2
    return np.asarray(means[places.reshape(-1)], np.float64)


class DepthEstimator(Member):
    """Depth Anything's class in small; reads renders and what the model makes of them."""

    title = "Depth estimator"
    minutes = 20.0
    files = (f"{FOLDER}/{WEIGHTS}",)
    needs = ("vae",)

    def train(self, session: Session, stored: Stored) -> Run:
        network, autoencoder = build_depth_estimator(), stored.vae().to(session.device)
        begin(network, self.known(stored.folder))
        # The fused kernel's backward pass in bf16 takes nearly half of a step on a CPU.
        network.set_attn_implementation("eager")

        def loss_of(batch: Batch, randomness: torch.Generator) -> Tensor:
            images = as_generated(batch["images"], autoencoder, randomness)
            small = torch.nn.functional.interpolate(images, (VIEW, VIEW), mode="bicubic", antialias=True)
            with autocast(session.device):
                shown = normalized(small).to(memory_format=torch.channels_last)
                predicted = network(shown).predicted_depth.float()
            wanted = torch.nn.functional.interpolate(batch["depth"][:, None], (VIEW, VIEW), mode="area")[:, 0]
            error = predicted - wanted
            steps = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
            loss: Tensor = error.abs().mean() + steps / 2
            return loss

        return fit(NAME, network, stream(NAME, deep_render, session, BATCH), loss_of, session, LEARNING_RATE)

    def store(self, session: Session, stored: Stored) -> None:
        network = build_depth_estimator()
        load_average(NAME, network, session.work)
        save_estimator(network, build_processor(), stored.folder / FOLDER)

    def load(self, base: Path) -> tuple[DepthAnythingForDepthEstimation, DPTImageProcessor]:
        folder = base / FOLDER
        network = DepthAnythingForDepthEstimation.from_pretrained(folder).eval()
        return network, DPTImageProcessor.from_pretrained(folder)

    def measure(self, sitting: Sitting) -> Table:
        scenes = [training_scene(FIRST_UNSEEN + number) for number in range(4 * sitting.count)]
        renders = [draw(scene).image for scene in scenes]
        network, processor = self.load(sitting.folder)
        trips = [round_trip(sitting.pipeline().vae, picture) for picture in renders]
        blind = untrained(build_depth_estimator)
        return {
            "rank correlation": {
                "renders": _agreement(scenes, estimate(network, processor, renders)),
                "renders through the autoencoder": _agreement(scenes, estimate(network, processor, trips)),
                "renders, untrained": _agreement(scenes, estimate(blind, processor, renders)),
            }
        }


def _agreement(scenes: Sequence[Scene], estimates: Sequence[NDArray[np.float32]]) -> float:
    pairs = zip(scenes, estimates, strict=True)
    return round(float(np.mean([rank_correlation(draw(scene).depth, found) for scene, found in pairs])), 3)


MEMBER = DepthEstimator()
