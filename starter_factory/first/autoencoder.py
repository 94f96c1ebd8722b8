"""The autoencoder: pictures to latents of a quarter of their side, and back."""

import random

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn.functional import avg_pool2d
from torch.utils.data import Dataset

from starter_factory.first.canvas import Image
from starter_factory.first.illustrator import draw
from starter_factory.first.loop import Batch, Plan, Team, autocast, fit, load_average
from starter_factory.first.scene import training_scene

CHANNELS = (24, 48, 64)
CROP = 64
SIDE = 128
GRADIENT_WEIGHT = 1.0
KL_WEIGHT = 2e-4
COLOUR_WEIGHT = 0.1
COLOUR_SCALE = 1.8


def build_autoencoder(channels: tuple[int, ...] = CHANNELS) -> AutoencoderKL:
    """An untrained autoencoder; one halving of the side for each channel count but the last."""
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * len(channels),
        up_block_types=("UpDecoderBlock2D",) * len(channels),
        block_out_channels=channels,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        mid_block_add_attention=False,
        sample_size=SIDE,
        scaling_factor=1.0,
    ).to(memory_format=torch.channels_last)


class Crops(Dataset[Batch]):
    """Pieces of renders and whole small renders: a convolutional network learns large pictures from them."""

    def __getitem__(self, index: int) -> Batch:
        rng = random.Random(index)
        scene = training_scene(index)
        if rng.random() < 0.35:
            return {"images": to_tensor(draw(scene, CROP, CROP).image)}
        x, y = rng.randrange(SIDE - CROP + 1), rng.randrange(SIDE - CROP + 1)
        return {"images": to_tensor(draw(scene, SIDE, SIDE).image[y : y + CROP, x : x + CROP])}


def to_tensor(image: Image) -> Tensor:
    """An (h, w, 3) picture of bytes as (3, h, w) between -1 and 1."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 127.5 - 1


def train_autoencoder(seconds: float, team: Team, channels: tuple[int, ...] = CHANNELS) -> None:
    """Train so that three latent channels stay near the small picture's colours.

    Without that hint, colours other than the sky's take hours to appear; with it, previews are nearly linear as well.
    """
    autoencoder = build_autoencoder(channels)

    def loss_of(batch: Batch, noise: torch.Generator) -> Tensor:
        images = batch["images"].to(memory_format=torch.channels_last)
        with autocast(team.device):
            posterior = autoencoder.encode(images).latent_dist
            drawn = torch.randn(posterior.mean.shape, generator=noise).to(team.device)
            decoded = autoencoder.decode(posterior.mean + posterior.std * drawn).sample.float()
        kl = 0.5 * (posterior.mean.square() + posterior.var - 1 - posterior.logvar).float().mean()
        colours = (posterior.mean[:, :3].float() - COLOUR_SCALE * avg_pool2d(images, 4)).square().mean()
        loss: Tensor = picture_loss(decoded, images) + KL_WEIGHT * kl + COLOUR_WEIGHT * colours
        return loss

    fit(Plan("autoencoder", 4, 2e-3, seconds), autoencoder, Crops(), loss_of, team)


def picture_loss(decoded: Tensor, images: Tensor) -> Tensor:
    """Distance of colours and of their differences between neighbours: the latter is what keeps edges crisp."""
    error = decoded - images
    steps = (error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()) / 2
    return error.abs().mean() + error.square().mean() + GRADIENT_WEIGHT * steps


def trained_autoencoder(team: Team) -> AutoencoderKL:
    """The trained network, its latents of mean 0 and deviation 1 by channel: pipelines know no shift."""
    autoencoder = build_autoencoder()
    load_average("autoencoder", autoencoder, team.work)
    images = torch.stack([to_tensor(draw(training_scene(seed), SIDE, SIDE).image) for seed in range(192)])
    with torch.no_grad():
        means = torch.cat([autoencoder.encode(part).latent_dist.mean for part in torch.split(images, 16)])
        whiten(autoencoder, means.mean(dim=(0, 2, 3)), means.std(dim=(0, 2, 3)))
    return autoencoder


def whiten(autoencoder: AutoencoderKL, mean: Tensor, deviation: Tensor) -> None:
    """Fold the shift and scale of the latents into the convolutions next to them."""
    latent, inner = autoencoder.quant_conv, autoencoder.post_quant_conv
    count = len(mean)
    inner.bias += inner.weight[:, :, 0, 0] @ mean
    inner.weight *= deviation[None, :, None, None]
    latent.bias[:count] = (latent.bias[:count] - mean) / deviation
    latent.weight[:count] /= deviation[:, None, None, None]
    latent.bias[count:] -= 2 * deviation.log()
