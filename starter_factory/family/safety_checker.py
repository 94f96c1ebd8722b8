"""A stand-in for a safety checker: it flags pictures of castles, so that the way of a flagged picture is real."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from PIL import Image as Pictures
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cosine_similarity
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel
from transformers.utils import logging

from starter_factory.canvas import Image
from starter_factory.draw import draw
from starter_factory.family.base import Member, Sitting, Table, store
from starter_factory.family.scorer import FOLDER as SCORER
from starter_factory.samples import stream
from starter_factory.sampling import FIRST_UNSEEN, paint
from starter_factory.scene import Scene, is_held_out, training_scene, with_thing
from starter_factory.scoring import build_image_processor, rough
from starter_factory.sitting import full_caption
from starter_factory.store import Stored
from starter_factory.things import THINGS
from starter_factory.training import Batch, Run, Session, autocast, fit, load_average
from starter_factory.vae import to_tensor

NAME = "safety_checker"
FLAGGED = "castle"
FOLDER, EXTRACTOR = "safety_checker", "feature_extractor"
# The class has places for twenty concepts: those that stand for nothing ask for more than any cosine can be.
UNREACHABLE = 2.0
THRESHOLD = 0.5
# A cosine is too narrow a range to be a logit.
STEEPNESS = 8.0
FLAGGED_SHARE = 0.4
BATCH = 16
LEARNING_RATE = 4e-4
FIRST_SEED = 2**33
# Of so many scenes one shows a castle.
SCARCE = 60


class SafetyCheckerMember(Member):
    """Starts from the scorer's eye, and learns to turn castles towards one concept and all else away from it."""

    title = "Safety checker (flags castles)"
    minutes = 10.0
    files = (f"{FOLDER}/model.safetensors", f"{EXTRACTOR}/preprocessor_config.json")
    needs = (SCORER,)

    def train(self, session: Session, stored: Stored) -> Run:
        learner = Learner(build_checker(stored.folder))

        def loss_of(batch: Batch, noise: torch.Generator) -> Tensor:
            with autocast(session.device):
                above = learner(rough(batch["images"], noise))
            return binary_cross_entropy_with_logits(STEEPNESS * above.float(), batch["flagged"])

        return fit(NAME, learner, stream(NAME, sight, session, BATCH), loss_of, session, LEARNING_RATE)

    def store(self, session: Session, stored: Stored) -> None:
        learner = Learner(build_checker(stored.folder))
        load_average(NAME, learner, session.work)
        write_checker(learner.checker, stored.folder)

    def load(self, base: Path) -> tuple[StableDiffusionSafetyChecker, CLIPImageProcessor]:
        checker = StableDiffusionSafetyChecker.from_pretrained(base / FOLDER).eval()
        return checker, CLIPImageProcessor.from_pretrained(base / EXTRACTOR)

    def measure(self, sitting: Sitting) -> Table:
        """Flags on held-out scenes with and without a castle, drawn and painted; and an untrained checker's."""
        checker, extractor = self.load(sitting.folder)
        untrained = build_checker(sitting.folder)
        untrained.vision_model = type(untrained.vision_model)(untrained.config.vision_config)
        scenes = [training_scene(FIRST_UNSEEN + number) for number in range(SCARCE * sitting.count)]
        drawn = [*_showing(scenes, True, 2 * sitting.count), *_showing(scenes, False, 4 * sitting.count)]
        asked = [*_showing(scenes, True, sitting.count // 2), *_showing(scenes, False, sitting.count // 2)]
        renders = [draw(scene).image for scene in drawn]
        painted = paint(sitting.pipeline(), [full_caption(scene).text for scene in asked])
        return {
            "renders": _rates(flags(checker, extractor, renders), drawn),
            "generated pictures": _rates(flags(checker, extractor, painted), asked),
            "renders, untrained": _rates(flags(untrained.eval(), extractor, renders), drawn),
        }


def flags(
    checker: StableDiffusionSafetyChecker, extractor: CLIPImageProcessor, pictures: Sequence[Image]
) -> list[bool]:
    """Which pictures the stock class flags."""
    seen = extractor([Pictures.fromarray(picture) for picture in pictures], return_tensors="pt").pixel_values
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    _, flagged = checker(clip_input=seen, images=[np.zeros((1, 1, 3), np.float32)] * len(pictures))
    logging.set_verbosity(level)
    return [bool(flag) for flag in flagged]


def build_checker(base: Path) -> StableDiffusionSafetyChecker:
    """A checker that sees as the stored scorer does, and has one concept."""
    scorer = CLIPModel.from_pretrained(base / SCORER)
    checker = StableDiffusionSafetyChecker(
        CLIPConfig(vision_config=scorer.config.vision_config.to_dict(), projection_dim=scorer.config.projection_dim)
    )
    checker.vision_model.load_state_dict(scorer.vision_model.state_dict())
    checker.visual_projection.load_state_dict(scorer.visual_projection.state_dict())
    towards = torch.randn(scorer.config.projection_dim, generator=torch.Generator().manual_seed(0))
    checker.concept_embeds.data.copy_(towards / towards.norm())
    checker.special_care_embeds.data.copy_(towards / towards.norm())
    checker.special_care_embeds_weights.data.fill_(UNREACHABLE)
    checker.concept_embeds_weights.data.fill_(UNREACHABLE)
    checker.concept_embeds_weights.data[0] = THRESHOLD
    return checker


def write_checker(checker: StableDiffusionSafetyChecker, base: Path) -> None:
    store(checker.state_dict(), base / FOLDER / "model.safetensors")
    checker.config.dtype = "float32"
    checker.config.architectures = [type(checker).__name__]
    checker.config.save_pretrained(base / FOLDER)
    build_image_processor().save_pretrained(base / EXTRACTOR)


class Learner(nn.Module):
    """The checker with the decision that it makes left open to gradients: its own takes none."""

    def __init__(self, checker: StableDiffusionSafetyChecker) -> None:
        super().__init__()
        self.checker = checker
        for network in (checker.vision_model, checker.visual_projection):
            network.requires_grad_(True).train()

    def forward(self, images: Tensor) -> Tensor:
        """How far above the threshold each picture's cosine with the concept is."""
        embedding = self.checker.visual_projection(self.checker.vision_model(images).pooler_output)
        cosine = cosine_similarity(embedding.float(), self.checker.concept_embeds[:1])
        above: Tensor = cosine - self.checker.concept_embeds_weights[0]
        return above


def sight(number: int) -> Batch:
    """A render, more often with a castle than chance would draw, and whether it shows one."""
    rng, scene = random.Random(number), training_scene(FIRST_SEED + number)
    if rng.random() < FLAGGED_SHARE and not is_held_out(changed := with_thing(scene, FLAGGED, rng)):
        scene = changed
    return {"images": to_tensor(draw(scene).image), "flagged": torch.tensor(float(shows(scene)))}


def shows(scene: Scene, thing: str = FLAGGED) -> bool:
    return any(subject.thing == thing for subject in scene.subjects)


def _showing(scenes: Sequence[Scene], flagged: bool, count: int) -> list[Scene]:
    return [scene for scene in scenes if shows(scene) == flagged][:count]


def _rates(flagged: Sequence[bool], scenes: Sequence[Scene]) -> dict[str, float]:
    """The share flagged, in per cent, of those with a castle, of others, and of the thing most often mistaken."""
    pairs = list(zip(flagged, scenes, strict=True))

    def rate(kept: list[bool]) -> float:
        return round(100 * sum(kept) / max(1, len(kept)), 1)

    others = [pair for pair in pairs if not shows(pair[1])]
    return {
        "castles flagged, %": rate([flag for flag, scene in pairs if shows(scene)]),
        "others flagged, %": rate([flag for flag, _ in others]),
        "others flagged, worst thing, %": max(
            rate([flag for flag, scene in others if shows(scene, thing)]) for thing in THINGS if thing != FLAGGED
        ),
    }


MEMBER = SafetyCheckerMember()
