"""What the networks that read pictures of the starter's world share: how they see it, and how they are stored."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn.functional import conv2d
from transformers import PreTrainedModel
from transformers.image_processing_utils import BaseImageProcessor

from starter_factory.canvas import Image
from starter_factory.store import amend
from starter_factory.training import autocast
from starter_factory.vae import to_picture, to_tensor

WEIGHTS = "model.safetensors"
ROUND_TRIP_SHARE = 0.125
LATENT_NOISE = 0.35
PIXEL_NOISE = 0.06
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


def as_generated(images: Tensor, autoencoder: AutoencoderKL, randomness: torch.Generator) -> Tensor:
    """Renders between -1 and 1 with the faults of generated pictures: a noisy round trip for some, blur, noise."""
    count, device = len(images), randomness.device
    trips = (torch.rand(count, generator=randomness, device=device) < ROUND_TRIP_SHARE).to(images.device)
    seen = images.clone()
    if trips.any():
        with torch.no_grad(), autocast(images.device):
            latents = autoencoder.encode(images[trips].to(memory_format=torch.channels_last)).latent_dist.mean
            amount = LATENT_NOISE * torch.rand((len(latents), 1, 1, 1), generator=randomness, device=device).to(latents)
            noise = torch.randn(latents.shape, generator=randomness, device=device).to(latents)
            seen[trips] = autoencoder.decode(latents + amount * noise).sample.to(seen.dtype)
    softness = torch.rand((count, 1, 1, 1), generator=randomness, device=device).square().to(images)
    seen = torch.lerp(seen, _blurred(seen), softness)
    amount = PIXEL_NOISE * torch.rand((count, 1, 1, 1), generator=randomness, device=device).to(images)
    noisy: Tensor = seen + amount * torch.randn(images.shape, generator=randomness, device=device).to(images)
    return noisy.clamp(-1, 1)


def _blurred(images: Tensor) -> Tensor:
    """A mean over 5 x 5 pixels."""
    kernel = torch.full((3, 1, 5, 5), 1 / 25, device=images.device, dtype=images.dtype)
    return conv2d(images, kernel, padding=2, groups=3)


def round_trip(autoencoder: AutoencoderKL, picture: Image) -> Image:
    """The picture as the autoencoder gives it back."""
    images = to_tensor(picture)[None].to(autoencoder.device)
    with torch.no_grad():
        return to_picture(autoencoder.decode(autoencoder.encode(images).latent_dist.mean).sample[0])


def normalized(images: Tensor) -> Tensor:
    """From -1 to 1 to what image processors hand to networks."""
    mean, deviation = (torch.tensor(numbers, device=images.device)[:, None, None] for numbers in (MEAN, DEVIATION))
    return ((images + 1) / 2 - mean) / deviation


def save_estimator(network: PreTrainedModel, processor: BaseImageProcessor, folder: Path) -> None:
    """Write network and image processor as stock files in half precision, which load in single precision."""
    network.half().save_pretrained(folder)
    (folder / WEIGHTS).chmod(0o644)
    processor.save_pretrained(folder)
    amend(folder / "config.json", dtype="float32")
