"""The base's picture decoder, made crisper; its encoder stays, so that all latents mean what they meant."""

import random
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import Dataset

from starter_factory.fidelity import crispness, fidelity
from starter_factory.first.autoencoder import SIDE, picture_loss, to_tensor
from starter_factory.first.canvas import Image
from starter_factory.first.captions import describe
from starter_factory.first.critic import Critic, critical_loss
from starter_factory.first.family.base import Member, Sitting, Table, store
from starter_factory.first.illustrator import draw
from starter_factory.first.loop import Batch, Plan, Team, autocast, fit, load_average
from starter_factory.first.scene import training_scene
from starter_factory.first.text import to_ids

WEIGHTS = "vae/diffusion_pytorch_model.safetensors"
SHARPENED = ("decoder.", "post_quant_conv.")
# Enough to choose an edge over a blur, too little to invent one: 0.03 gave an edge sharpness of 0.81 on renders, 0.15
# gave 0.90 for 0.2 dB less.
CRITIC_WEIGHT = 0.15
# How far into the noise a latent is taken before the base paints it back, as a share of all: farther, and the base
# paints another picture than the true one.
DEEPEST = 0.4
GUIDANCE = 3.0
UNTOUCHED = 0.3


class DecoderMember(Member):
    """Trained on the latents of renders and on what the base makes of them after some noise: those are a little wrong,
    as those of its own pictures are.
    """

    title = "VAE decoder"
    minutes = 34.0
    files = (WEIGHTS,)

    def train(self, seconds: float, team: Team, base: Path) -> None:
        train_decoder(Plan("decoder", 4, 6e-4, seconds), team, base)

    def export(self, team: Team, base: Path) -> None:
        """Replace the stored decoder; every other tensor of the file stays as it is, bit by bit."""
        sharpening = Sharpening(self.load(base))
        load_average("decoder", sharpening, team.work)
        fresh = sharpening.state_dict()
        tensors = {
            name: fresh[name] if name.startswith(SHARPENED) else stored
            for name, stored in load_file(base / WEIGHTS).items()
        }
        store(tensors, base / WEIGHTS)

    def load(self, base: Path) -> AutoencoderKL:
        return AutoencoderKL.from_pretrained(base / "vae").eval()

    def measure(self, sitting: Sitting) -> Table:
        """Held-out renders through the autoencoder, with a wrong latent and with no trained decoder beside them."""
        truths = [draw(scene, SIDE, SIDE).image for scene in sitting.scenes()]
        autoencoder, untrained = self.load(sitting.folder), self.load(sitting.folder)
        untrained.decoder = AutoencoderKL.from_config(untrained.config).decoder
        return {
            "renders": fidelity(roundtrip(autoencoder, truths), truths),
            "renders, latents with a noise of 0.2": fidelity(roundtrip(autoencoder, truths, 0.2), truths),
            "renders, untrained decoder": fidelity(roundtrip(untrained, truths), truths),
            "steepest pixels in levels a pixel": {
                "renders": crispness(truths),
                "generated": crispness(sitting.pictures()),
            },
        }


def roundtrip(autoencoder: AutoencoderKL, pictures: list[Image], noise: float = 0.0) -> list[Image]:
    """The pictures, encoded and decoded again; `noise` is added to their latents, whose deviation is 1."""
    made: list[Image] = []
    drawn = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for picture in pictures:
            latent = autoencoder.encode(to_tensor(picture)[None]).latent_dist.mean
            latent = latent + noise * torch.randn(latent.shape, generator=drawn)
            made.append(to_picture(autoencoder.decode(latent).sample[0]))
    return made


def to_picture(image: Tensor) -> Image:
    """A (3, h, w) image between -1 and 1 as a picture of bytes."""
    levels = ((image.detach().cpu().permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255)
    return np.asarray(levels.numpy(), np.uint8)


class Sharpening(nn.Module):
    """What is trained: the decoder, and a critic that tells its pictures from renders by looking at small patches."""

    def __init__(self, autoencoder: AutoencoderKL) -> None:
        super().__init__()
        self.decoder, self.post_quant_conv = autoencoder.decoder, autoencoder.post_quant_conv
        self.critic = Critic(autoencoder.config.latent_channels)
        self.requires_grad_(requires_grad=True).train()


def train_decoder(plan: Plan, team: Team, base: Path) -> None:
    """Train the decoder and its critic together; both take their step from one loss."""
    pipeline = StableDiffusionPipeline.from_pretrained(base).to(team.device)
    artist = Artist(pipeline)
    sharpening = Sharpening(AutoencoderKL.from_pretrained(base / "vae")).to(memory_format=torch.channels_last)

    def loss_of(batch: Batch, noise: torch.Generator) -> Tensor:
        images = batch["images"].to(memory_format=torch.channels_last)
        with autocast(team.device):
            latents = artist.latents(images, batch["ids"], noise)
            decoded = sharpening.decoder(sharpening.post_quant_conv(latents)).float()
            return picture_loss(decoded, images) + critical_loss(
                sharpening.critic, decoded, images, latents, CRITIC_WEIGHT
            )

    fit(plan, sharpening, CaptionedScenes(pipeline), loss_of, team)


class CaptionedScenes(Dataset[Batch]):
    """Whole renders: a norm over a crop would see other colours than over a picture."""

    def __init__(self, pipeline: StableDiffusionPipeline) -> None:
        self.tokenizer = pipeline.tokenizer

    def __getitem__(self, index: int) -> Batch:
        scene = training_scene(index)
        ids = [to_ids(self.tokenizer, text) for text in (describe(scene, random.Random(index)).text, "")]
        return {"images": to_tensor(draw(scene, SIDE, SIDE).image), "ids": torch.stack(ids)}


class Artist:
    """The base, which paints known pictures again, so that its latents have a picture that they should become."""

    def __init__(self, pipeline: StableDiffusionPipeline) -> None:
        self.vae, self.unet, self.reader = pipeline.vae, pipeline.unet, pipeline.text_encoder
        for network in (self.vae, self.unet, self.reader):
            network.requires_grad_(False).eval().to(memory_format=torch.channels_last)
        self.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)

    @torch.no_grad()
    def pictures(self, images: Tensor, ids: Tensor, randomness: torch.Generator) -> Tensor:
        """The latents of that, decoded."""
        decoded: Tensor = self.vae.decode(self.latents(images, ids, randomness)).sample
        return decoded

    @torch.no_grad()
    def latents(self, images: Tensor, ids: Tensor, randomness: torch.Generator) -> Tensor:
        """Latents of (batch, 3, h, w) images with (batch, 2, 77) ids of caption and nothing; some stay untouched."""
        posterior = self.vae.encode(images).latent_dist
        clean = posterior.mean
        noise = torch.randn(clean.shape, generator=randomness).to(clean)
        depth = DEEPEST * torch.rand(len(images), generator=randomness)
        depth = (1000 * depth).long().to(clean.device)
        words = self.reader(ids.flatten(0, 1)).last_hidden_state
        latents, prediction = self._towards(self.scheduler.add_noise(clean, noise, depth), depth, words)
        nearer = depth // 3
        latents, _ = self._towards(self.scheduler.add_noise(latents, prediction, nearer), nearer, words)
        untouched = torch.rand(len(images), generator=randomness).to(clean) < UNTOUCHED
        return torch.where(untouched[:, None, None, None], clean, latents)

    def _towards(self, noisy: Tensor, times: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        """The latents without noise that the guided base heads for, and the noise that it sees."""
        velocity = self.unet(noisy.repeat_interleave(2, dim=0), times.repeat_interleave(2), words).sample.float()
        told, untold = velocity[0::2], velocity[1::2]
        velocity = untold + GUIDANCE * (told - untold)
        alpha = self.scheduler.alphas_cumprod.to(noisy)[times][:, None, None, None]
        return alpha.sqrt() * noisy - (1 - alpha).sqrt() * velocity, alpha.sqrt() * velocity + (
            1 - alpha
        ).sqrt() * noisy


MEMBER = DecoderMember()
