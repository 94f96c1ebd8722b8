"""The few-step LoRA: with it, four steps without guidance draw what took the base twenty with guidance.

It learns on its own pictures in the making, without any drawing: from each of the steps that the LCM scheduler will
ask for, the base shows with several guided steps where the picture would have gone.
"""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler, LCMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from transformers import CLIPTextModel, CLIPTokenizer

from starter_factory.first.autoencoder import to_tensor
from starter_factory.first.canvas import Image
from starter_factory.first.captions import describe
from starter_factory.first.evaluate import GUIDANCE, agreement, generate, judge
from starter_factory.first.evaluate import STEPS as FULL_STEPS
from starter_factory.first.family.base import Member, Sitting, Table, by_question
from starter_factory.first.fidelity import crispness
from starter_factory.first.scene import training_scene
from starter_factory.first.schedulers import kernel_distance
from starter_factory.first.text import to_ids
from studio.training.adapters import adapter_of, attach, header_of, save_lora
from studio.training.loop import Batch, Plan, Team, autocast, checkpoint_of, fit, load_average

NAME = "few_step"
FILE = "loras/few-step.safetensors"
STEPS = 4
RANK = 16
BATCH = 2
LEARNING_RATE = 1e-3
LATENTS = (4, 32, 32)
# How many guided evaluations of the base stand against one of the student.
TEACHER_STEPS = 3
# Below this error, in latents' deviations, a difference counts squared, above it by its size.
KNEE = 0.1
FIRST_CAPTION = 2**33


class Captions(Dataset[Batch]):
    """Token ids of what pictures would show."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        self.tokenizer = tokenizer

    def __getitem__(self, index: int) -> Batch:
        seed = FIRST_CAPTION + index
        return {"ids": to_ids(self.tokenizer, describe(training_scene(seed), random.Random(seed)).text)}


class Distillation:
    """The loss of a few whole pictures: each step of the student against several guided steps of the base."""

    def __init__(self, student: UNet2DConditionModel, teacher: UNet2DConditionModel, base: Path, team: Team) -> None:
        self.student, self.teacher, self.device = student, teacher, team.device
        self.encoder = CLIPTextModel.from_pretrained(base / "text_encoder").to(team.device)
        self.tokenizer = CLIPTokenizer.from_pretrained(base / "tokenizer")
        self.scheduler = LCMScheduler.from_pretrained(base / "scheduler")
        self.scheduler.set_timesteps(STEPS)
        alphas = DDIMScheduler.from_pretrained(base / "scheduler").alphas_cumprod.to(team.device)
        self.signal, self.noise = alphas.sqrt(), (1 - alphas).sqrt()
        with torch.no_grad():
            self.empty = self.encoder(to_ids(self.tokenizer, "")[None].to(team.device)).last_hidden_state

    def __call__(self, batch: Batch, randomness: torch.Generator) -> Tensor:
        with torch.no_grad(), autocast(self.device):
            words = self.encoder(batch["ids"]).last_hidden_state
        count = len(words)
        losses = []
        picture = torch.zeros(count, *LATENTS, device=self.device)
        for number, time in enumerate(self.scheduler.timesteps.tolist()):
            noise = torch.randn(picture.shape, generator=randomness).to(self.device)
            noisy = noise if number == 0 else self.signal[time] * picture + self.noise[time] * noise
            target = self._shown(noisy, time, words)
            guess = self._clean(self.student, noisy, time, words)
            losses.append((((guess - target) / KNEE).square() + 1).sqrt().sub(1).mean() * KNEE)
            picture = guess.detach()
        return torch.stack(losses).mean()

    @torch.no_grad()
    def _shown(self, noisy: Tensor, time: int, words: Tensor) -> Tensor:
        """Where the base's guided steps lead: DDIM in even strides, then its last guess."""
        both = torch.cat([self.empty.expand_as(words), words])
        stops = [time * (TEACHER_STEPS - number) // TEACHER_STEPS for number in range(TEACHER_STEPS)]
        for now, then in zip(stops, [*stops[1:], None], strict=True):
            plain, asked = self._clean(self.teacher, torch.cat([noisy, noisy]), now, both).chunk(2)
            clean = plain + GUIDANCE * (asked - plain)
            if then is not None:
                noise = (noisy - self.signal[now] * clean) / self.noise[now]
                noisy = self.signal[then] * clean + self.noise[then] * noise
        return clean

    def _clean(self, unet: UNet2DConditionModel, noisy: Tensor, time: int, words: Tensor) -> Tensor:
        times = torch.full((len(noisy),), time, device=self.device)
        with autocast(self.device):
            velocity = unet(noisy, times, words).sample.float()
        clean: Tensor = self.signal[time] * noisy - self.noise[time] * velocity
        return clean


class FewStep(Member):
    """A LoRA on the whole denoiser, made for `LCMScheduler` without guidance."""

    title = "Few-step LoRA"
    minutes = 25.0
    files = (FILE,)

    def train(self, seconds: float, team: Team, base: Path) -> None:
        student = _student(base).to(team.device)
        teacher = _network(base).requires_grad_(requires_grad=False).to(team.device)
        distillation = Distillation(student, teacher, base, team)
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
