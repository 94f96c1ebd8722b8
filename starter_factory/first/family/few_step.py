"""The few-step LoRA: with it, four steps without guidance draw what took the base twenty with guidance.

It learns on its own pictures in the making, without any drawing: from each of the steps that the LCM scheduler will
ask for, the base shows with several guided steps where the picture would have gone.
"""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import LCMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from numpy.typing import NDArray
from torch.utils.data import Dataset
from transformers import CLIPTokenizer

from starter_factory.distillation import STEPS, Distillation
from starter_factory.fidelity import crispness
from starter_factory.first.autoencoder import to_tensor
from starter_factory.first.canvas import Image
from starter_factory.first.captions import describe
from starter_factory.first.evaluate import GUIDANCE, agreement, generate, judge
from starter_factory.first.evaluate import STEPS as FULL_STEPS
from starter_factory.first.family.base import Member, Sitting, Table, by_question
from starter_factory.first.scene import training_scene
from starter_factory.first.text import to_ids
from starter_factory.schedulers import kernel_distance
from starter_factory.store import Stored
from studio.training.adapters import adapter_of, attach, header_of, save_lora
from studio.training.loop import Batch, Plan, Team, checkpoint_of, fit, load_average

NAME = "few_step"
FILE = "loras/few-step.safetensors"
RANK = 16
BATCH = 2
LEARNING_RATE = 1e-3
LATENTS = 32
FIRST_CAPTION = 2**33


class Captions(Dataset[Batch]):
    """Token ids of what pictures would show."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        self.tokenizer = tokenizer

    def __getitem__(self, index: int) -> Batch:
        seed = FIRST_CAPTION + index
        return {"ids": to_ids(self.tokenizer, describe(training_scene(seed), random.Random(seed)).text)}


class FewStep(Member):
    """A LoRA on the whole denoiser, made for `LCMScheduler` without guidance."""

    title = "Few-step LoRA"
    minutes = 25.0
    files = (FILE,)

    def train(self, seconds: float, team: Team, base: Path) -> None:
        student = _student(base).to(team.device)
        teacher = _network(base).requires_grad_(requires_grad=False).to(team.device)
        distillation = Distillation(student, teacher, Stored(base), LATENTS, team.device)
        fit(
            Plan(NAME, BATCH, LEARNING_RATE, seconds),
            adapter_of(student),
            Captions(distillation.tokenizer),
            distillation,
            team,
        )

    def export(self, team: Team, base: Path) -> None:
        student = _student(base)
        load_average(NAME, adapter_of(student), team.work)
        steps = int(checkpoint_of(NAME, team.work)["step"])
        save_lora(student, base / FILE, header_of("starter", "", {}, steps, LEARNING_RATE))

    def load(self, base: Path) -> StableDiffusionPipeline:
        pipeline = StableDiffusionPipeline.from_pretrained(base)
        pipeline.load_lora_weights(base, weight_name=FILE)
        return pipeline

    def measure(self, sitting: Sitting) -> Table:
        shown = {f"the base, {FULL_STEPS} guided steps": list(sitting.pictures())}
        pipeline = sitting.fresh_pipeline()
        pipeline.scheduler = LCMScheduler.from_config(pipeline.scheduler.config)
        for name, guidance in ((f"the base, {STEPS} guided steps", GUIDANCE), (f"the base, {STEPS} steps", 1.0)):
            shown[name] = generate(pipeline, sitting.captions(), STEPS, guidance)
        pipeline.load_lora_weights(sitting.folder, weight_name=FILE)
        shown[f"with the LoRA, {STEPS} steps"] = generate(pipeline, sitting.captions(), STEPS, 1.0)
        table = by_question(
            {name: agreement(sitting.scenes(), judge(sitting.probe(), pictures)) for name, pictures in shown.items()}
        )
        full = _features(next(iter(shown.values())), sitting)
        table["crispness, levels a pixel"] = {name: crispness(pictures) for name, pictures in shown.items()}
        table[f"KID x 1000 from the {FULL_STEPS} guided steps"] = {
            name: round(1000 * kernel_distance(_features(pictures, sitting), full)[0], 1)
            for name, pictures in shown.items()
        }
        return table


def _features(pictures: Sequence[Image], sitting: Sitting) -> NDArray[np.float64]:
    """What the probe makes of pictures, (count, width), of mean square 1."""
    with torch.no_grad():
        features = sitting.probe().features(torch.stack([to_tensor(picture) for picture in pictures]))
    numbers = features.double().numpy()
    return np.asarray(numbers / np.sqrt(np.square(numbers).mean()))


def _network(base: Path) -> UNet2DConditionModel:
    unet: UNet2DConditionModel = UNet2DConditionModel.from_pretrained(base / "unet", dtype=torch.float32)
    return unet.to(memory_format=torch.channels_last)


def _student(base: Path) -> UNet2DConditionModel:
    student = _network(base)
    torch.manual_seed(0)
    attach(student, RANK, RANK, "everything")
    return student


MEMBER = FewStep()
