"""The few-step LoRA: with it, four steps without guidance draw what took the base twenty with guidance."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import LCMScheduler, StableDiffusionPipeline, UNet2DConditionModel

from starter_factory.adapters import begin_adapter
from starter_factory.canvas import Image
from starter_factory.captions import describe
from starter_factory.distillation import STEPS, Distillation
from starter_factory.family.base import Member, Sitting, Table, by_question, weights_of
from starter_factory.fidelity import crispness
from starter_factory.measures import agreement
from starter_factory.samples import stream
from starter_factory.sampling import GUIDANCE, paint
from starter_factory.sampling import STEPS as FULL_STEPS
from starter_factory.scene import training_scene
from starter_factory.schedulers import kernel_distance
from starter_factory.sitting import Features
from starter_factory.store import Stored
from starter_factory.text import to_ids
from starter_factory.training import Batch, Run, Session, fit, load_average, load_state
from studio.training.adapters import adapter_of, attach, header_of, save_lora

NAME = "few_step"
FILE = "loras/few-step.safetensors"
RANK = 16
BATCH = 2
LEARNING_RATE = 6e-4
FIRST_CAPTION = 2**33


class FewStep(Member):
    """A LoRA on the whole denoiser, made for `LCMScheduler` without guidance."""

    title = "Few-step LoRA"
    minutes = 35.0
    files = (FILE,)
    needs = ("text_encoder", "tokenizer", "unet", "scheduler")

    def train(self, session: Session, stored: Stored) -> Run:
        student = student_of(stored).to(session.device, memory_format=torch.channels_last)
        begin_adapter(student, weights_of(FILE, stored.folder))
        teacher = stored.unet().to(session.device, memory_format=torch.channels_last)
        learned = Distillation(student, teacher, stored, student.config.sample_size, session.device)

        def caption(number: int) -> Batch:
            seed = FIRST_CAPTION + number
            return {"ids": to_ids(learned.tokenizer, describe(training_scene(seed), random.Random(seed)).text)}

        return fit(NAME, adapter_of(student), stream(NAME, caption, session, BATCH), learned, session, LEARNING_RATE)

    def store(self, session: Session, stored: Stored) -> None:
        student = student_of(stored)
        load_average(NAME, adapter_of(student), session.work)
        steps = int(load_state(NAME, session.work)["step"])
        save_lora(student, stored.folder / FILE, header_of("starter", "", {}, steps, LEARNING_RATE))

    def load(self, base: Path) -> StableDiffusionPipeline:
        pipeline = StableDiffusionPipeline.from_pretrained(base)
        pipeline.load_lora_weights(base, weight_name=FILE)
        return pipeline

    def measure(self, sitting: Sitting) -> Table:
        shown = {f"the base, {FULL_STEPS} guided steps": list(sitting.pictures())}
        pipeline = sitting.fresh_pipeline()
        pipeline.scheduler = LCMScheduler.from_config(pipeline.scheduler.config)
        for name, guidance in ((f"the base, {STEPS} guided steps", GUIDANCE), (f"the base, {STEPS} steps", 1.0)):
            shown[name] = paint(pipeline, sitting.captions(), steps=STEPS, guidance=guidance)
        pipeline.load_lora_weights(sitting.folder, weight_name=FILE)
        shown[f"with the LoRA, {STEPS} steps"] = paint(pipeline, sitting.captions(), steps=STEPS, guidance=1.0)
        table = by_question(
            {name: agreement(sitting.said(), sitting.sights(pictures)) for name, pictures in shown.items()}
        )
        full = _features(next(iter(shown.values())), sitting)
        table["all that captions say, %"] = {
            name: round(sitting.following(pictures), 1) for name, pictures in shown.items()
        }
        table["crispness, levels a pixel"] = {name: crispness(pictures) for name, pictures in shown.items()}
        table[f"KID x 1000 from the {FULL_STEPS} guided steps"] = {
            name: round(1000 * kernel_distance(_features(pictures, sitting), full)[0], 1)
            for name, pictures in shown.items()
        }
        return table


def _features(pictures: Sequence[Image], sitting: Sitting) -> Features:
    """What the probe makes of pictures, (count, width), of mean square 1."""
    numbers = sitting.features(pictures)
    return np.asarray(numbers / np.sqrt(np.square(numbers).mean()))


def student_of(stored: Stored) -> UNet2DConditionModel:
    """The stored denoiser with an adapter that changes nothing yet."""
    student = stored.unet()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        attach(student, RANK, RANK, "everything")
    return student


MEMBER = FewStep()
