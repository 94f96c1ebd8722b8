"""The pose estimator: where a person's 18 joints are, told from the picture alone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from transformers import VitPoseForPoseEstimation, VitPoseImageProcessor

from starter_factory.estimators import (
    WEIGHTS,
    as_generated,
    normalized,
    round_trip,
    save_estimator,
)
from starter_factory.family.pose_estimator import (
    HEATMAP,
    PADDING,
    boxed,
    build_pose_estimator,
    build_processor,
    bumps,
    find_people,
)
from starter_factory.first.autoencoder import SIDE, to_tensor
from starter_factory.first.evaluate import FIRST_SEED
from starter_factory.first.family.base import Member, Sitting, Table, untrained
from starter_factory.first.illustrator import draw
from starter_factory.first.loop import Batch, Plan, Team, autocast, fit, load_average
from starter_factory.first.posing import people, person_scene
from starter_factory.first.scene import Scene, training_scene
from starter_factory.store import Stored
from studio.openpose import JOINTS, Person

FOLDER = "pose"
SHARPNESS = 10.0
HEIGHT_WEIGHT = 500.0
# One picture in eight is of any scene: most of these show nobody, and then nothing is to be found.
ANY_SCENE = 8
FIRST_TRAINING_SEED = 2**38
TOLERANCE = 0.05


class PosedRenders(Dataset[Batch]):
    """Renders with the joints of their one person: in pixels, and whether each is in the picture."""

    def __getitem__(self, index: int) -> Batch:
        seed = FIRST_TRAINING_SEED + index
        scene = training_scene(seed) if index % ANY_SCENE == 0 else person_scene(seed)
        person = next(iter(people(scene, SIDE, SIDE)), {})
        return {
            "images": to_tensor(draw(scene, SIDE, SIDE).image),
            "joints": torch.tensor([person.get(joint, (0.0, 0.0)) for joint in JOINTS]),
            "known": torch.tensor([joint in person for joint in JOINTS]),
        }


class PoseObjective:
    """The loss of one batch: heatmaps of the right height, whose softmax lies where the joints are.

    The softmax teaches where from the first step; heights alone stay at nothing for long.
    """

    def __init__(self, network: VitPoseForPoseEstimation, base: Path, team: Team) -> None:
        self.network, self.device = network, team.device
        self.autoencoder = Stored(base).vae().to(team.device)
        # The fused kernel's backward pass in bf16 takes nearly half of a step on a CPU.
        network.set_attn_implementation("eager")

    def __call__(self, batch: Batch, randomness: torch.Generator) -> Tensor:
        images = normalized(boxed(as_generated(batch["images"], self.autoencoder, randomness)))
        with autocast(self.device):
            heights = self.network(images).heatmaps.float()
        known = batch["known"]
        wanted = bumps(cells_of(batch["joints"]))
        wanted = wanted * known[..., None, None]
        shares = wanted.flatten(2) / wanted.flatten(2).sum(dim=2, keepdim=True).clamp(min=1e-6)
        surprise = -(shares * (SHARPNESS * heights.flatten(2)).log_softmax(dim=2)).sum(dim=2)
        where = surprise.sum() / known.sum().clamp(min=1)
        loss: Tensor = where + HEIGHT_WEIGHT * (heights - wanted).square().mean()
        return loss


def cells_of(joints: Tensor) -> Tensor:
    """Pixels of the picture as places on the heatmap, as the image processor turns them back."""
    return (HEATMAP - 1) * (joints / (PADDING * SIDE) + (1 - 1 / PADDING) / 2)


def joints_found(asked: Sequence[Person], found: Sequence[Person]) -> float:
    """The share of asked joints found within 5 % of the picture's side."""
    near = [
        joint in person and np.hypot(person[joint][0] - x, person[joint][1] - y) <= TOLERANCE * SIDE
        for wanted, person in zip(asked, found, strict=True)
        for joint, (x, y) in wanted.items()
    ]
    return float(np.mean(near))


class PoseEstimator(Member):
    """ViTPose's class in small; reads renders and what the model makes of them."""

    title = "Pose estimator"
    minutes = 26.0
    files = (f"{FOLDER}/{WEIGHTS}",)

    def train(self, seconds: float, team: Team, base: Path) -> None:
        network = build_pose_estimator()
        objective = PoseObjective(network, base, team)
        fit(Plan("pose_estimator", 16, 2e-3, seconds), network, PosedRenders(), objective, team)

    def export(self, team: Team, base: Path) -> None:
        network = build_pose_estimator()
        load_average("pose_estimator", network, team.work)
        save_estimator(network, build_processor(), base / FOLDER)

    def load(self, base: Path) -> tuple[VitPoseForPoseEstimation, VitPoseImageProcessor]:
        network = VitPoseForPoseEstimation.from_pretrained(base / FOLDER).eval()
        return network, VitPoseImageProcessor.from_pretrained(base / FOLDER)

    def measure(self, sitting: Sitting) -> Table:
        scenes = [person_scene(FIRST_SEED + number) for number in range(4 * sitting.count)]
        renders = [draw(scene, SIDE, SIDE).image for scene in scenes]
        network, processor = self.load(sitting.folder)
        blind = untrained(build_pose_estimator)
        trips = [round_trip(sitting.pipeline().vae, picture) for picture in renders]
        empty = [training_scene(FIRST_SEED + number) for number in range(8 * sitting.count)]
        empty = [scene for scene in empty if not people(scene, SIDE, SIDE)][: 4 * sitting.count]
        nobody = find_people(network, processor, [draw(scene, SIDE, SIDE).image for scene in empty])
        return {
            "joints found within 5 % of the side, %": {
                "renders": _score(scenes, find_people(network, processor, renders)),
                "renders through the autoencoder": _score(scenes, find_people(network, processor, trips)),
                "renders, untrained": _score(scenes, find_people(blind, processor, renders, sure=-1)),
            },
            "nobody found where nobody is, %": {"renders": round(100 * float(np.mean([not one for one in nobody])), 1)},
        }


def _score(scenes: Sequence[Scene], found: Sequence[Person]) -> float:
    asked = [person for scene in scenes for person in people(scene, SIDE, SIDE)]
    return round(100 * joints_found(asked, found), 1)


MEMBER = PoseEstimator()
