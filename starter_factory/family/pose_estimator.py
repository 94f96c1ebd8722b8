"""The pose estimator: where a person's 18 joints are, told from the picture alone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample
from transformers import VitPoseBackboneConfig, VitPoseConfig, VitPoseForPoseEstimation, VitPoseImageProcessor

from starter_factory.canvas import Image
from starter_factory.draw import SIDE, draw
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
from starter_factory.posing import people, person_scene
from starter_factory.samples import stream
from starter_factory.sampling import FIRST_UNSEEN
from starter_factory.scene import Scene, training_scene
from starter_factory.store import Stored
from starter_factory.training import Batch, Run, Session, autocast, fit, load_average
from starter_factory.vae import to_tensor
from studio.openpose import JOINTS, Person

NAME = "pose_estimator"
FOLDER = "pose"
VIEW = 96
PATCH = 8
WIDTH = 96
LAYERS = 6
HEATMAP = VIEW // PATCH * 4
# The image processor of this class shows the box with a quarter more around it.
PADDING = 1.25
SPREAD = 1.0
SHARPNESS = 10.0
HEIGHT_WEIGHT = 500.0
# One picture in eight is of a scene without people: then nothing is to be found.
NOBODY = 8
BATCH = 16
LEARNING_RATE = 1.5e-3
FIRST_SEED = 2**38
SURE = 0.25
TOLERANCE = 0.05


def build_pose_estimator(width: int = WIDTH, layers: int = LAYERS) -> VitPoseForPoseEstimation:
    """An untrained network: the very class of ViTPose, in small, for OpenPose's joints."""
    backbone = VitPoseBackboneConfig(
        image_size=(VIEW, VIEW),
        patch_size=(PATCH, PATCH),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        out_indices=[layers],
    )
    names = dict(enumerate(JOINTS))
    return VitPoseForPoseEstimation(VitPoseConfig(backbone_config=backbone, id2label=names, num_labels=len(names)))


def build_processor() -> VitPoseImageProcessor:
    size = {"height": VIEW, "width": VIEW}
    return VitPoseImageProcessor(size=size, image_mean=list(MEAN), image_std=list(DEVIATION))


def posed_render(number: int) -> Batch:
    """A render with the joints of its one person: in pixels, and whether each is in the picture."""
    seed = FIRST_SEED + number
    scene = empty_scene(seed) if number % NOBODY == 0 else person_scene(seed)
    person = next(iter(people(scene, SIDE, SIDE)), {})
    return {
        "images": to_tensor(draw(scene).image),
        "joints": torch.tensor([person.get(joint, (0.0, 0.0)) for joint in JOINTS]),
        "known": torch.tensor([joint in person for joint in JOINTS]),
    }


def empty_scene(seed: int) -> Scene:
    """A scene without people."""
    scene = training_scene(seed)
    return empty_scene(seed + 2**37) if any(subject.pose for subject in scene.subjects) else scene


class PoseObjective:
    """The loss of one batch: heatmaps of the right height, whose softmax lies where the joints are.

    The softmax teaches where from the first step; heights alone stay at nothing for long.
    """

    def __init__(self, network: VitPoseForPoseEstimation, stored: Stored, session: Session) -> None:
        self.network, self.device = network, session.device
        self.autoencoder = stored.vae().to(session.device)
        # The fused kernel's backward pass in bf16 takes nearly half of a step on a CPU.
        network.set_attn_implementation("eager")

    def __call__(self, batch: Batch, randomness: torch.Generator) -> Tensor:
        images = normalized(boxed(as_generated(batch["images"], self.autoencoder, randomness)))
        with autocast(self.device):
            heights = self.network(images).heatmaps.float()
        known = batch["known"]
        wanted = bumps(cells_of(batch["joints"])) * known[..., None, None]
        shares = wanted.flatten(2) / wanted.flatten(2).sum(dim=2, keepdim=True).clamp(min=1e-6)
        surprise = -(shares * (SHARPNESS * heights.flatten(2)).log_softmax(dim=2)).sum(dim=2)
        where = surprise.sum() / known.sum().clamp(min=1)
        loss: Tensor = where + HEIGHT_WEIGHT * (heights - wanted).square().mean()
        return loss


def boxed(images: Tensor) -> Tensor:
    """Pictures as the image processor shows them when the whole picture is the box: smaller, on black."""
    side = images.shape[-1]
    turn = torch.linspace(-1, 1, VIEW, device=images.device) * PADDING * side / (side - 1) + 1 / (side - 1)
    rows, columns = torch.meshgrid(turn, turn, indexing="ij")
    grid = torch.stack([columns, rows], dim=-1).expand(len(images), -1, -1, -1)
    return grid_sample(images + 1, grid, align_corners=True) - 1


def cells_of(joints: Tensor, side: int = SIDE) -> Tensor:
    """Pixels of the picture as places on the heatmap, as the image processor turns them back."""
    return (HEATMAP - 1) * (joints / (PADDING * side) + (1 - 1 / PADDING) / 2)


def bumps(centres: Tensor) -> Tensor:
    """A bell of height 1 around each centre (batch, joints, 2), in cells of the heatmap."""
    cells = torch.arange(HEATMAP, device=centres.device)
    across, down = ((cells - centres[..., axis, None]).square() for axis in (0, 1))
    return (-(down[..., :, None] + across[..., None, :]) / (2 * SPREAD**2)).exp()


def find_people(
    network: VitPoseForPoseEstimation, processor: VitPoseImageProcessor, pictures: Sequence[Image], sure: float = SURE
) -> list[Person]:
    """The one person of each picture, by the processor and network alone; joints less sure than this are left out."""
    found: list[Person] = []
    for start in range(0, len(pictures), 16):
        part = list(pictures[start : start + 16])
        boxes = [[[0.0, 0.0, float(picture.shape[1]), float(picture.shape[0])]] for picture in part]
        with torch.no_grad():
            output = network(**processor(part, boxes=boxes, return_tensors="pt"))
        for (result,) in processor.post_process_pose_estimation(output, boxes=boxes):
            triples = zip(JOINTS, result["keypoints"].tolist(), result["scores"].flatten().tolist(), strict=True)
            found.append({joint: (x, y) for joint, (x, y), score in triples if score >= sure})
    return found


def joints_found(asked: Sequence[Person], found: Sequence[Person], side: int = SIDE) -> float:
    """The share of asked joints found within 5 % of the picture's side."""
    near = [
        joint in person and np.hypot(person[joint][0] - x, person[joint][1] - y) <= TOLERANCE * side
        for wanted, person in zip(asked, found, strict=True)
        for joint, (x, y) in wanted.items()
    ]
    return float(np.mean(near))


class PoseEstimator(Member):
    """ViTPose's class in small; reads renders and what the model makes of them."""

    title = "Pose estimator"
    minutes = 20.0
    files = (f"{FOLDER}/{WEIGHTS}",)
    needs = ("vae",)

    def train(self, session: Session, stored: Stored) -> Run:
        network = build_pose_estimator()
        begin(network, self.known(stored.folder))
        objective = PoseObjective(network, stored, session)
        return fit(NAME, network, stream(NAME, posed_render, session, BATCH), objective, session, LEARNING_RATE)

    def store(self, session: Session, stored: Stored) -> None:
        network = build_pose_estimator()
        load_average(NAME, network, session.work)
        save_estimator(network, build_processor(), stored.folder / FOLDER)

    def load(self, base: Path) -> tuple[VitPoseForPoseEstimation, VitPoseImageProcessor]:
        network = VitPoseForPoseEstimation.from_pretrained(base / FOLDER).eval()
        return network, VitPoseImageProcessor.from_pretrained(base / FOLDER)

    def measure(self, sitting: Sitting) -> Table:
        numbers = range(FIRST_UNSEEN, FIRST_UNSEEN + 4 * sitting.count)
        scenes = [person_scene(number) for number in numbers]
        renders = [draw(scene).image for scene in scenes]
        network, processor = self.load(sitting.folder)
        blind = untrained(build_pose_estimator)
        trips = [round_trip(sitting.pipeline().vae, picture) for picture in renders]
        nobody = find_people(network, processor, [draw(empty_scene(number)).image for number in numbers])
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
