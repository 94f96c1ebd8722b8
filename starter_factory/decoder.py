"""Makes the stored autoencoder's decoder crisper; its encoder stays, so that all latents mean what they meant."""

from collections.abc import Iterator

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu

from starter_factory.store import Stored
from starter_factory.training import Batch, Run, Session, autocast, fit, load_average, samples_of
from starter_factory.vae import FACTOR, GPU_FACTOR, crops, picture_loss

BATCH = 3
SIDE = 160
FIRST_SEED = 2**31
LEARNING_RATE = 4e-4
CRITIC_WEIGHT = 0.12
# By this alone a steep edge a pixel aside costs less than a soft one in its place; by distances of colours, more.
STEEPNESS_WEIGHT = 0.5
# Steeper than this, of colours from -1 to 1, is an edge.
EDGE = 0.12
# A denoiser's latents are a little wrong: the decoder must not depend on their last digits.
LATENT_NOISE = 0.25
CRITIC_WIDTHS = (24, 48, 64)


class Critic(nn.Module):
    """Pictures, and the latents they were made from, to an opinion for each patch: over 0 is drawn."""

    def __init__(self, latent_channels: int) -> None:
        super().__init__()
        first, second, last = CRITIC_WIDTHS
        normed = nn.utils.parametrizations.spectral_norm
        self.fine = normed(nn.Conv2d(3, first, 4, stride=2, padding=1))
        self.coarse = normed(nn.Conv2d(first, second, 4, stride=2, padding=1))
        self.hint = nn.Upsample(scale_factor=FACTOR // 4, mode="nearest")
        self.joint = normed(nn.Conv2d(second + latent_channels, last, 3, padding=1))
        self.opinion = normed(nn.Conv2d(last, 1, 1))

    def forward(self, pictures: Tensor, latents: Tensor) -> Tensor:
        seen = leaky_relu(self.coarse(leaky_relu(self.fine(pictures), 0.2)), 0.2)
        seen = leaky_relu(self.joint(torch.cat([seen, self.hint(latents)], dim=1)), 0.2)
        opinion: Tensor = self.opinion(seen)
        return opinion


class Sharpening(nn.Module):
    """What is trained: the decoder, and a critic that tells its pictures from renders."""

    def __init__(self, vae: AutoencoderKL) -> None:
        super().__init__()
        self.decoder, self.post_quant_conv = vae.decoder, vae.post_quant_conv
        self.critic = Critic(vae.config.latent_channels)
        self.requires_grad_(requires_grad=True).train()


def train_decoder(session: Session, stored: Stored) -> Run:
    """Train the stored decoder and its critic together; both take their step from one loss."""
    vae = stored.vae().to(session.device, memory_format=torch.channels_last)
    sharpening = Sharpening(vae).to(memory_format=torch.channels_last)

    def loss_of(batch: Batch, noise: torch.Generator) -> Tensor:
        images = batch["images"].to(memory_format=torch.channels_last)
        with autocast(session.device):
            with torch.no_grad():
                latents = vae.encode(images).latent_dist.mean
            strength = LATENT_NOISE * torch.rand(len(images), 1, 1, 1, generator=noise, device=noise.device)
            drawn = (strength * torch.randn(latents.shape, generator=noise, device=noise.device)).to(latents)
            decoded = sharpening.decoder(sharpening.post_quant_conv(latents + drawn)).float()
            faults = picture_loss(decoded, images) + STEEPNESS_WEIGHT * softness(decoded, images)
            return faults + critical_loss(sharpening.critic, decoded, images, latents)

    return fit("decoder", sharpening, _crops(session), loss_of, session, LEARNING_RATE)


def _crops(session: Session) -> Iterator[Batch]:
    batch = BATCH * (GPU_FACTOR if session.device.type == "cuda" else 1)
    return crops(batch, FIRST_SEED + samples_of("decoder", session), SIDE)


def softness(made: Tensor, drawn: Tensor) -> Tensor:
    """How much less steep the made pictures are where the drawn ones have edges, whatever way they run there."""
    wanted = steepness(drawn)
    edges = (wanted > EDGE).float()
    loss: Tensor = (relu(wanted - steepness(made)) * edges).sum() / edges.sum().clamp(min=1)
    return loss


def steepness(pictures: Tensor) -> Tensor:
    """The gradient's magnitude of each colour but at the border, (b, 3, h - 2, w - 2), by Sobel's operator."""
    across = pictures[..., 2:] - pictures[..., :-2]
    across = (across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]) / 8
    down = pictures[..., 2:, :] - pictures[..., :-2, :]
    down = (down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]) / 8
    return (across.square() + down.square() + 1e-6).sqrt()


def critical_loss(critic: Critic, made: Tensor, drawn: Tensor, latents: Tensor) -> Tensor:
    """What teaches the critic to tell both apart and the decoder to please it; the critic is held still meanwhile."""
    critic.requires_grad_(requires_grad=False)
    pleasing = -critic(made, latents).float().mean()
    critic.requires_grad_(requires_grad=True)
    real, false = critic(drawn, latents), critic(made.detach(), latents)
    telling = relu(1 - real).float().mean() + relu(1 + false).float().mean()
    loss: Tensor = CRITIC_WEIGHT * pleasing + telling
    return loss


def sharpened_vae(session: Session, stored: Stored) -> AutoencoderKL:
    """The stored autoencoder with the trained decoder; its encoder is the same, bit by bit."""
    vae = stored.vae()
    sharpening = Sharpening(vae)
    load_average("decoder", sharpening, session.work)
    return vae
