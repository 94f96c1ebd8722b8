"""The autoencoder: pictures to latents of a fraction of their side, and back."""

import random
from collections.abc import Iterator

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn.functional import avg_pool2d

from starter_factory.canvas import Image
from starter_factory.draw import SIDE, draw
from starter_factory.scene import training_scene
from starter_factory.store import Stored
from starter_factory.training import Batch, Run, Session, autocast, fit, load_average, samples_of

CHANNELS = (24, 24, 48, 64)
LAYERS = 2
FACTOR = 2 ** (len(CHANNELS) - 1)
CROP = 128
BATCH = 4
GPU_FACTOR = 16
LEARNING_RATE = 3e-4
GRADIENT_WEIGHT = 1.0
COARSE_WEIGHT = 0.5
KL_WEIGHT = 1e-4
# A hint that three latent channels are near the small picture's colours: even grounds are learned by it, and previews
# are nearly linear.
HINT_WEIGHT = 0.01
HINT_SCALE = 1.8
FIRST_SEED = 2**33


def build_vae(channels: tuple[int, ...] = CHANNELS, layers: int = LAYERS) -> AutoencoderKL:
    """An untrained autoencoder; one halving of the side for each channel count but the last."""
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * len(channels),
        up_block_types=("UpDecoderBlock2D",) * len(channels),
        block_out_channels=channels,
        layers_per_block=layers,
        latent_channels=4,
        norm_num_groups=8,
        mid_block_add_attention=False,
        sample_size=SIDE,
        scaling_factor=1.0,
    ).to(memory_format=torch.channels_last)


def to_tensor(image: Image) -> Tensor:
    """An (h, w, 3) picture of bytes as (3, h, w) between -1 and 1."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 127.5 - 1


def to_tensors(images: Tensor) -> Tensor:
    """Pictures of bytes (count, h, w, 3) as (count, 3, h, w) between -1 and 1."""
    return images.permute(0, 3, 1, 2).float() / 127.5 - 1


def to_picture(image: Tensor) -> Image:
    """A (3, h, w) image between -1 and 1 as a picture of bytes."""
    levels = ((image.detach().float().cpu().permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255)
    return np.asarray(levels.numpy(), np.uint8)


def crops(batch: int, first: int, side: int) -> Iterator[Batch]:
    """Pieces of renders without end, mostly around things."""
    seed = first
    while True:
        pieces = []
        for _ in range(batch):
            pieces.append(to_tensor(_crop(seed, side)))
            seed += 1
        yield {"images": torch.stack(pieces)}


def _crop(seed: int, side: int) -> Image:
    rng = random.Random(seed)
    drawing = draw(training_scene(FIRST_SEED + seed))
    shown = np.argwhere(drawing.labels > 0)
    x, y = rng.randrange(SIDE - side + 1), rng.randrange(SIDE - side + 1)
    if len(shown) and rng.random() < 0.7:
        row, column = shown[rng.randrange(len(shown))]
        y, x = (int(np.clip(at - rng.randrange(side), 0, SIDE - side)) for at in (row, column))
    return drawing.image[y : y + side, x : x + side]


def train_vae(session: Session, stored: Stored) -> Run:
    """Train from the checkpoint, else from the stored autoencoder, else from nothing."""
    vae = (stored.vae() if stored.has("vae") else build_vae()).requires_grad_(requires_grad=True).train()
    vae = vae.to(memory_format=torch.channels_last)

    def loss_of(batch: Batch, noise: torch.Generator) -> Tensor:
        images = batch["images"].to(memory_format=torch.channels_last)
        with autocast(session.device):
            posterior = vae.encode(images).latent_dist
            drawn = torch.randn(posterior.mean.shape, generator=noise, device=noise.device)
            decoded = vae.decode(posterior.mean + posterior.std * drawn).sample.float()
        kl = 0.5 * (posterior.mean.square() + posterior.var - 1 - posterior.logvar).float().mean()
        hint = (posterior.mean[:, :3].float() - HINT_SCALE * avg_pool2d(images, FACTOR)).square().mean()
        loss: Tensor = picture_loss(decoded, images) + KL_WEIGHT * kl + HINT_WEIGHT * hint
        return loss

    batch = BATCH * (GPU_FACTOR if session.device.type == "cuda" else 1)
    return fit("vae", vae, crops(batch, samples_of("vae", session), CROP), loss_of, session, LEARNING_RATE)


def picture_loss(decoded: Tensor, images: Tensor) -> Tensor:
    """Distance of colours, of their differences between neighbours, which keeps edges crisp, and of large areas."""
    error = decoded - images
    steps = (error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()) / 2
    coarse = avg_pool2d(error, 8).abs().mean()
    loss: Tensor = error.abs().mean() + error.square().mean() + GRADIENT_WEIGHT * steps + COARSE_WEIGHT * coarse
    return loss


def trained_vae(session: Session) -> AutoencoderKL:
    """The trained network, its latents of mean 0 and deviation 1 by channel: pipelines know no shift."""
    vae = build_vae()
    load_average("vae", vae, session.work)
    images = torch.stack([to_tensor(draw(training_scene(seed)).image) for seed in range(96)])
    with torch.no_grad():
        means = torch.cat([vae.encode(part).latent_dist.mean for part in torch.split(images, 8)])
        whiten(vae, means.mean(dim=(0, 2, 3)), means.std(dim=(0, 2, 3)))
    return vae


def whiten(vae: AutoencoderKL, mean: Tensor, deviation: Tensor) -> None:
    """Fold the shift and scale of the latents into the convolutions next to them."""
    latent, inner = vae.quant_conv, vae.post_quant_conv
    count = len(mean)
    inner.bias += inner.weight[:, :, 0, 0] @ mean
    inner.weight *= deviation[None, :, None, None]
    latent.bias[:count] = (latent.bias[:count] - mean) / deviation
    latent.weight[:count] /= deviation[:, None, None, None]
    latent.bias[count:] -= 2 * deviation.log()
