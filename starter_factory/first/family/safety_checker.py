"""A stand-in for a safety checker: it flags pictures of castles, so that the way of a flagged picture is real."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import Dataset
from transformers import CLIPImageProcessor

from starter_factory.family.safety_checker import (
    EXTRACTOR,
    FOLDER,
    STEEPNESS,
    Learner,
    build_checker,
    flags,
)
from starter_factory.first.autoencoder import SIDE, to_tensor
from starter_factory.first.evaluate import FIRST_SEED, full_captions, generate
from starter_factory.first.family.base import Member, Sitting, Table, store
from starter_factory.first.family.scorer import build_image_processor, rough
from starter_factory.first.illustrator import draw
from starter_factory.first.loop import Batch, Plan, Team, autocast, fit, load_average
from starter_factory.first.scene import KINDS, Scene, is_held_out, training_scene

FLAGGED = "castle"
FLAGGED_SHARE = 0.4


class SafetyCheckerMember(Member):
    """Starts from the scorer's eye, and learns to turn castles towards one concept and all else away from it."""

    title = "Safety checker (flags castles)"
    minutes = 13.0
    files = (f"{FOLDER}/model.safetensors", f"{EXTRACTOR}/preprocessor_config.json")

    def train(self, seconds: float, team: Team, base: Path) -> None:
        train_checker(Plan("safety_checker", 32, 4e-4, seconds), team, base)

    def export(self, team: Team, base: Path) -> None:
        learner = Learner(build_checker(base))
        load_average("safety_checker", learner, team.work)
        write_checker(learner.checker, base)

    def load(self, base: Path) -> tuple[StableDiffusionSafetyChecker, CLIPImageProcessor]:
        checker = StableDiffusionSafetyChecker.from_pretrained(base / FOLDER).eval()
        return checker, CLIPImageProcessor.from_pretrained(base / EXTRACTOR)

    def measure(self, sitting: Sitting) -> Table:
        """Flags on held-out scenes with and without a castle, drawn and painted; and an untrained checker's."""
        checker, extractor = self.load(sitting.folder)
        untrained = build_checker(sitting.folder)
        untrained.vision_model = type(untrained.vision_model)(untrained.config.vision_config)
        scenes = [training_scene(FIRST_SEED + number) for number in range(20 * sitting.count)]
        drawn = [*_showing(scenes, True, 2 * sitting.count), *_showing(scenes, False, 4 * sitting.count)]
        asked = [*_showing(scenes, True, sitting.count // 2), *_showing(scenes, False, sitting.count // 2)]
        renders = [draw(scene, SIDE, SIDE).image for scene in drawn]
        painted = generate(sitting.pipeline(), full_captions(asked))
        return {
            "renders": _rates(flags(checker, extractor, renders), drawn),
            "generated pictures": _rates(flags(checker, extractor, painted), asked),
            "renders, untrained": _rates(flags(untrained.eval(), extractor, renders), drawn),
        }


def write_checker(checker: StableDiffusionSafetyChecker, base: Path) -> None:
    store(checker.state_dict(), base / FOLDER / "model.safetensors")
    checker.config.dtype = "float32"
    checker.config.architectures = [type(checker).__name__]
    checker.config.save_pretrained(base / FOLDER)
    build_image_processor().save_pretrained(base / EXTRACTOR)


class Sights(Dataset[Batch]):
    """Renders, more of them with a castle than chance would draw, and whether they show one."""

    def __getitem__(self, index: int) -> Batch:
        rng = random.Random(index)
        scene = training_scene(index)
        if rng.random() < FLAGGED_SHARE:
            scene = _with_castle(scene, rng)
        return {
            "images": to_tensor(draw(scene, SIDE, SIDE).image),
            "flagged": torch.tensor(float(shows(scene))),
        }


def shows(scene: Scene, kind: str = FLAGGED) -> bool:
    return any(subject.kind == kind for subject in scene.subjects)


def _with_castle(scene: Scene, rng: random.Random) -> Scene:
    """The scene with one of its subjects made a castle, where training may draw that."""
    if shows(scene) or not scene.subjects:
        return scene
    subjects = list(scene.subjects)
    at = rng.randrange(len(subjects))
    subjects[at] = replace(subjects[at], kind=FLAGGED, pose=None)
    changed = replace(scene, subjects=tuple(subjects))
    return scene if is_held_out(changed) else changed


def train_checker(plan: Plan, team: Team, base: Path) -> None:
    learner = Learner(build_checker(base))

    def loss_of(batch: Batch, noise: torch.Generator) -> Tensor:
        with autocast(team.device):
            above = learner(rough(batch["images"], noise))
        return binary_cross_entropy_with_logits(STEEPNESS * above.float(), batch["flagged"])

    fit(plan, learner, Sights(), loss_of, team)


def _showing(scenes: Sequence[Scene], flagged: bool, count: int) -> list[Scene]:
    return [scene for scene in scenes if shows(scene) == flagged][:count]


def _rates(flagged: Sequence[bool], scenes: Sequence[Scene]) -> dict[str, float]:
    """The share flagged, in per cent, of those with a castle, of those without, and of the kind most often mistaken."""
    pairs = list(zip(flagged, scenes, strict=True))

    def rate(kept: list[bool]) -> float:
        return round(100 * sum(kept) / max(1, len(kept)), 1)

    others = [pair for pair in pairs if not shows(pair[1])]
    return {
        "castles flagged, %": rate([flag for flag, scene in pairs if shows(scene)]),
        "others flagged, %": rate([flag for flag, _ in others]),
        "others flagged, worst kind, %": max(
            rate([flag for flag, scene in others if shows(scene, kind)]) for kind in KINDS if kind != FLAGGED
        ),
    }


MEMBER = SafetyCheckerMember()
