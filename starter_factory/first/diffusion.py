"""The denoising network: small pictures first, which teach the words four times as fast, then the full size."""

import random

import cv2
import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor
from torch.utils.data import Dataset
from transformers import CLIPTextModel, CLIPTokenizer

from starter_factory.first.autoencoder import SIDE, to_tensor, trained_autoencoder
from starter_factory.first.captions import describe
from starter_factory.first.illustrator import draw
from starter_factory.first.loop import Batch, Plan, Team, autocast, fit, load_average
from starter_factory.first.scene import training_scene
from starter_factory.first.text import WIDTH, to_ids, trained_reader
from starter_factory.first.tokenizer import build_tokenizer

CHANNELS = (40, 80, 128, 144)
LATENT_SCALE = 4
SUBJECT_WEIGHT = 3.0
CAPTION_DROP = 0.1
HIGHEST_SNR_WEIGHT = 5.0
# Drawing and encoding a picture costs a third of a step, and noise varies the gradient more than pictures do.
NOISES_PER_PICTURE = 2


def build_unet(channels: tuple[int, ...] = CHANNELS, sample_size: int = SIDE // LATENT_SCALE) -> UNet2DConditionModel:
    """An untrained network that attends to the words on its lower two levels only: higher up it is too dear."""
    plain = len(channels) - 2
    return UNet2DConditionModel(
        sample_size=sample_size,
        down_block_types=("DownBlock2D",) * plain + ("CrossAttnDownBlock2D",) * 2,
        up_block_types=("CrossAttnUpBlock2D",) * 2 + ("UpBlock2D",) * plain,
        block_out_channels=channels,
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        attention_head_dim=4,  # in this class the number of heads
        norm_num_groups=8,
    ).to(memory_format=torch.channels_last)


def build_scheduler() -> DDIMScheduler:
    """The noise of Stable Diffusion; other schedulers are made from this one's settings."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )


class CaptionedRenders(Dataset[Batch]):
    """Renders with token ids, and the share of each latent pixel that shows a subject."""

    def __init__(self, tokenizer: CLIPTokenizer, side: int, first: int = 0) -> None:
        self.tokenizer, self.side, self.first = tokenizer, side, first

    def __getitem__(self, index: int) -> Batch:
        seed = self.first + index
        rng = random.Random(seed)
        scene = training_scene(seed)
        drawing = draw(scene, self.side, self.side)
        latent_side = self.side // LATENT_SCALE
        shown = cv2.resize(
            (drawing.labels > 0).astype(np.float32), (latent_side, latent_side), interpolation=cv2.INTER_AREA
        )
        text = "" if rng.random() < CAPTION_DROP else describe(scene, rng).text
        return {
            "images": to_tensor(drawing.image),
            "ids": to_ids(self.tokenizer, text),
            "shown": torch.from_numpy(shown),
        }


def train_small(seconds: float, team: Team) -> None:
    """Learn the words at half the side."""
    _train("diffusion_small", SIDE // 2, seconds, team, build_unet())


def train_full(seconds: float, team: Team) -> None:
    """Go on at the full side from what the small pictures taught."""
    unet = build_unet()
    load_average("diffusion_small", unet, team.work)
    unet.requires_grad_(requires_grad=True).train()
    _train("diffusion", SIDE, seconds, team, unet)


def _train(name: str, side: int, seconds: float, team: Team, unet: UNet2DConditionModel) -> None:
    tokenizer = build_tokenizer()
    encoder = trained_reader(tokenizer, team).encoder.to(team.device)
    autoencoder = trained_autoencoder(team).to(team.device)
    objective = Objective(unet, encoder, autoencoder, team.device)
    data = CaptionedRenders(tokenizer, side, first=side * 2**32)
    fit(Plan(name, 8, 1e-3, seconds), unet, data, objective, team)


class Objective:
    """The loss of one batch: v-prediction, weighed by min-SNR, and more where the picture shows what was asked for."""

    def __init__(
        self,
        unet: UNet2DConditionModel,
        encoder: CLIPTextModel,
        autoencoder: AutoencoderKL,
        device: torch.device,
    ) -> None:
        self.unet, self.encoder, self.autoencoder, self.device = unet, encoder, autoencoder, device
        self.scheduler = build_scheduler()
        alphas = self.scheduler.alphas_cumprod
        snr = alphas / (1 - alphas)
        self.weights = (snr.clamp(max=HIGHEST_SNR_WEIGHT) / (snr + 1)).to(device)

    def __call__(self, batch: Batch, randomness: torch.Generator) -> Tensor:
        with torch.no_grad(), autocast(self.device):
            images = batch["images"].to(memory_format=torch.channels_last)
            latents = self.autoencoder.encode(images).latent_dist.mean.float()
            words = self.encoder(batch["ids"]).last_hidden_state
        latents, words, shown = (
            part.repeat(NOISES_PER_PICTURE, *[1] * (part.dim() - 1)) for part in (latents, words, batch["shown"])
        )
        count = len(latents)
        times = torch.randint(0, len(self.weights), (count,), generator=randomness).to(self.device)
        noise = torch.randn(latents.shape, generator=randomness).to(latents)
        noisy = self.scheduler.add_noise(latents, noise, times)
        target = self.scheduler.get_velocity(latents, noise, times)
        with autocast(self.device):
            predicted = self.unet(noisy, times, words).sample.float()
        places = 1 + (SUBJECT_WEIGHT - 1) * shown[:, None]
        error = (predicted - target).square() * places / places.mean()
        loss: Tensor = (error.mean(dim=(1, 2, 3)) * self.weights[times]).mean()
        return loss


def trained_unet(team: Team) -> UNet2DConditionModel:
    """The network of the last stage that has run."""
    name = "diffusion" if (team.work / "diffusion.pt").exists() else "diffusion_small"
    unet = build_unet()
    load_average(name, unet, team.work)
    return unet
