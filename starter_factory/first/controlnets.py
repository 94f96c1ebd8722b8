"""What the starter's ControlNets share: the stock network, its training on a frozen base, and how it is measured."""

import random
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import torch
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from PIL import Image as Picture
from torch import Tensor
from torch.utils.data import Dataset
from transformers import CLIPTokenizer

from starter_factory.controlnets import build_controlnet, listen, make_eager, make_plain
from starter_factory.estimators import round_trip
from starter_factory.first.autoencoder import SIDE, to_tensor
from starter_factory.first.canvas import Image
from starter_factory.first.captions import describe
from starter_factory.first.diffusion import LATENT_SCALE, build_scheduler
from starter_factory.first.evaluate import FIRST_SEED, GUIDANCE, STEPS, full_captions, generate
from starter_factory.first.export import amend
from starter_factory.first.family.base import Member, Sitting, Table, store, untrained
from starter_factory.first.illustrator import Drawing, draw
from starter_factory.first.loop import Batch, Plan, Team, autocast, fit, load_average
from starter_factory.first.scene import Scene, training_scene
from starter_factory.first.text import to_ids

# At latents of a quarter of the side, the map is halved twice on its way to them.
HINT_CHANNELS = (16, 32, 96)
# Half of the captions are left out, so that what the map shows is read from the map.
CAPTION_DROP = 0.5
PICTURES = 3
NOISES_PER_PICTURE = 2
# Where a picture is nearly all noise, its layout is decided; below 1 there are more of such times than of late ones.
TIME_POWER = 0.6
HIGHEST_SNR = 5.0
STRESS = 4.0
FIRST_TRAINING_SEED = 2**39
WEIGHTS = "diffusion_pytorch_model.safetensors"


class ControlMember(Member):
    """A ControlNet; a subclass says what it learns from, what the map is, and how well a picture keeps to it."""

    name: ClassVar[str]
    measured: ClassVar[str]

    def __init__(self) -> None:
        self.folder = f"controlnets/{self.name}"
        self.files = (f"{self.folder}/{WEIGHTS}",)

    def scene_of(self, seed: int) -> Scene:
        return training_scene(seed)

    @abstractmethod
    def hint_of(self, scene: Scene, drawing: Drawing) -> Image:
        """The map (h, w, 3) of a scene."""

    def stressed(self, hint: Image, drawing: Drawing) -> Image:  # noqa: ARG002 - others look at the map
        """Which pixels (h, w) matter most, above 0."""
        return drawing.labels

    @abstractmethod
    def adherence(self, sitting: Sitting, scenes: Sequence[Scene], pictures: Sequence[Image]) -> float:
        """How well the pictures keep to the maps of the scenes."""

    def train(self, seconds: float, team: Team, base: Path) -> None:
        pipeline = StableDiffusionPipeline.from_pretrained(base)
        network = build_controlnet(pipeline.unet, HINT_CHANNELS)
        data = ControlledRenders(self, pipeline.tokenizer)
        listen(network, torch.stack([data[index]["hints"] for index in range(16)]))
        make_eager(network)
        plan = Plan(f"controlnet_{self.name}", PICTURES, 1e-3, seconds)
        fit(plan, network, data, ControlObjective(pipeline, network, team.device), team)

    def export(self, team: Team, base: Path) -> None:
        network = build_controlnet(UNet2DConditionModel.from_pretrained(base / "unet"), HINT_CHANNELS)
        make_eager(network)
        load_average(f"controlnet_{self.name}", network, team.work)
        make_plain(network)
        store(network.state_dict(), base / self.folder / WEIGHTS)
        network.save_config(base / self.folder)
        amend(base / self.folder / "config.json", _name_or_path=None)

    def load(self, base: Path) -> ControlNetModel:
        return ControlNetModel.from_pretrained(base / self.folder)

    def measure(self, sitting: Sitting) -> Table:
        scenes = [self.scene_of(FIRST_SEED + number) for number in range(sitting.count)]
        drawings = [draw(scene, SIDE, SIDE) for scene in scenes]
        hints = [self.hint_of(scene, drawing) for scene, drawing in zip(scenes, drawings, strict=True)]
        prompts, network = full_captions(scenes), self.load(sitting.folder)
        silent = untrained(lambda: build_controlnet(sitting.pipeline().unet, HINT_CHANNELS))
        controlled = paint(sitting.pipeline(), network, prompts, hints)
        pictures = {
            "controlled": controlled,
            "controlled, no prompt": paint(sitting.pipeline(), network, [""] * len(hints), hints),
            "uncontrolled": generate(sitting.pipeline(), prompts),
            "controlled by another map": controlled[1:] + controlled[:1],
            "untrained": paint(sitting.pipeline(), silent, prompts, hints),
            "renders": [drawing.image for drawing in drawings],
            "renders through the autoencoder": [
                round_trip(sitting.pipeline().vae, drawing.image) for drawing in drawings
            ],
        }
        scores = {what: round(self.adherence(sitting, scenes, made), 3) for what, made in pictures.items()}
        return {self.measured: scores}


class ControlledRenders(Dataset[Batch]):
    """Renders with token ids, their map, and where they matter most."""

    def __init__(self, control: ControlMember, tokenizer: CLIPTokenizer) -> None:
        self.control, self.tokenizer = control, tokenizer

    def __getitem__(self, index: int) -> Batch:
        seed = FIRST_TRAINING_SEED + index
        rng = random.Random(seed)
        scene = self.control.scene_of(seed)
        drawing = draw(scene, SIDE, SIDE)
        hint = self.control.hint_of(scene, drawing)
        stressed = (self.control.stressed(hint, drawing) > 0).astype(np.float32)
        side = SIDE // LATENT_SCALE
        text = "" if rng.random() < CAPTION_DROP else describe(scene, rng).text
        return {
            "images": to_tensor(drawing.image),
            "ids": to_ids(self.tokenizer, text),
            "hints": (to_tensor(hint) + 1) / 2,
            "stressed": torch.from_numpy(cv2.resize(stressed, (side, side), interpolation=cv2.INTER_AREA)),
        }


class ControlObjective:
    """The loss of one batch: v-prediction by the frozen base with what the ControlNet adds to it."""

    def __init__(self, pipeline: StableDiffusionPipeline, network: ControlNetModel, device: torch.device) -> None:
        self.network, self.device, self.scheduler = network, device, build_scheduler()
        for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
            part.requires_grad_(requires_grad=False).eval().to(device)
        self.unet = pipeline.unet.to(memory_format=torch.channels_last)
        self.autoencoder = pipeline.vae.to(memory_format=torch.channels_last)
        self.encoder = pipeline.text_encoder
        for each in (self.unet, network):
            # The fused kernel's backward pass in bf16 is slow on a CPU.
            each.set_attn_processor(AttnProcessor())
        snr = self.scheduler.alphas_cumprod / (1 - self.scheduler.alphas_cumprod)
        self.weights = ((snr + 1).clamp(max=HIGHEST_SNR) / (snr + 1)).to(device)

    def __call__(self, batch: Batch, randomness: torch.Generator) -> Tensor:
        with torch.no_grad(), autocast(self.device):
            images = batch["images"].to(memory_format=torch.channels_last)
            latents = self.autoencoder.encode(images).latent_dist.mean.float()
            words = self.encoder(batch["ids"]).last_hidden_state
        latents, words, hints, stressed = (
            part.repeat(NOISES_PER_PICTURE, *[1] * (part.dim() - 1))
            for part in (latents, words, batch["hints"], batch["stressed"])
        )
        places = torch.rand(len(latents), generator=randomness) ** TIME_POWER
        times = (places * len(self.weights)).long().to(self.device)
        noise = torch.randn(latents.shape, generator=randomness).to(latents)
        noisy = self.scheduler.add_noise(latents, noise, times).to(memory_format=torch.channels_last)
        target = self.scheduler.get_velocity(latents, noise, times)
        with autocast(self.device):
            below, middle = self.network(noisy, times, words, hints, return_dict=False)
            predicted = self.unet(
                noisy, times, words, down_block_additional_residuals=below, mid_block_additional_residual=middle
            ).sample.float()
        weight = 1 + (STRESS - 1) * stressed[:, None]
        error = (predicted - target).square() * weight / weight.mean()
        loss: Tensor = (error.mean(dim=(1, 2, 3)) * self.weights[times]).mean()
        return loss


def paint(
    pipeline: StableDiffusionPipeline,
    network: ControlNetModel,
    prompts: Sequence[str],
    hints: Sequence[Image],
    steps: int = STEPS,
) -> list[Image]:
    """One picture for each prompt and map, the k-th from noise of seed k, as `generate` makes them without a map."""
    steered = StableDiffusionControlNetPipeline(**pipeline.components, controlnet=network.to(pipeline.device))
    steered.set_progress_bar_config(disable=True)
    pictures: list[Image] = []
    for start in range(0, len(prompts), 16):
        part = range(start, min(start + 16, len(prompts)))
        output = steered(
            [prompts[number] for number in part],
            image=[Picture.fromarray(hints[number]) for number in part],
            num_inference_steps=steps,
            guidance_scale=GUIDANCE,
            generator=[torch.Generator().manual_seed(number) for number in part],
            output_type="np",
        )
        pictures.extend(np.round(output.images * 255).astype(np.uint8))
    return pictures
