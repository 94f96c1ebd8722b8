"""An autoencoder for pictures of twice the side, grown from a stored one: its latents mean what they meant.

What a denoiser learned on small pictures stays true: the new encoder learns to give a picture the latents that the old
one gives it at half its side, and the decoder, which begins with all that the old one knows, to paint the rest.
"""

from collections.abc import Iterator, Mapping

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, mse_loss

from starter_factory.store import Stored
from starter_factory.training import Batch, Run, Session, autocast, fit, load_average, samples_of
from starter_factory.vae import CHANNELS, GPU_FACTOR, build_vae, crops

SIDE = 160
BATCH = 4
LEARNING_RATE = 1e-3
FIRST_SEED = 2**30
# A resnet whose last convolution is nothing passes on what it is given.
SILENT = ("conv2.weight", "conv2.bias")


def grown_vae(small: AutoencoderKL) -> AutoencoderKL:
    """An autoencoder that halves the side once more, with all weights of the small one that have a place in it."""
    vae = build_vae()
    weights, known = vae.state_dict(), small.state_dict()
    for name, part in weights.items():
        source = _source(name)
        if source in known and known[source].shape == part.shape:
            part.copy_(known[source])
        elif "resnets" in name and name.endswith(SILENT):
            part.zero_()
    last = len(CHANNELS) - 2
    vae.encoder.down_blocks[0].downsamplers[0].conv.load_state_dict(_each_channel(CHANNELS[0], 2, 1 / 4))
    vae.decoder.up_blocks[last].upsamplers[0].conv.load_state_dict(_each_channel(CHANNELS[1], 1, 1.0))
    return vae


def _source(name: str) -> str:
    """The small one's name for this part: its encoder begins one level lower, its decoder ends one earlier."""
    parts = name.split(".")
    if parts[:2] == ["encoder", "down_blocks"]:
        parts[2] = str(int(parts[2]) - 1)
    return ".".join(parts)


def _each_channel(channels: int, wide: int, weight: float) -> Mapping[str, Tensor]:
    """A convolution of 3 x 3 that gives each channel's mean over `wide` x `wide` pixels."""
    kernel = torch.zeros(channels, channels, 3, 3)
    start = 2 - wide
    kernel[range(channels), range(channels), start : start + wide, start : start + wide] = weight
    return {"weight": kernel, "bias": torch.zeros(channels)}


def train_growing(session: Session, stored: Stored) -> Run:
    """Teach the grown encoder the stored one's latents. Raises ValueError where the stored one is grown already."""
    small = stored.vae().to(session.device, memory_format=torch.channels_last)
    vae = _grown(small)

    def loss_of(batch: Batch, _noise: torch.Generator) -> Tensor:
        images = batch["images"].to(memory_format=torch.channels_last)
        with autocast(session.device):
            with torch.no_grad():
                wanted = small.encode(avg_pool2d(images, 2)).latent_dist.parameters
            found = vae.encode(images).latent_dist.parameters.float()
        return mse_loss(found, wanted.float())

    return fit("growing", _taught(vae), _crops(session), loss_of, session, LEARNING_RATE)


def _grown(small: AutoencoderKL) -> AutoencoderKL:
    if len(small.config.block_out_channels) == len(CHANNELS):
        raise ValueError("the stored autoencoder is grown already")
    return grown_vae(small).requires_grad_(requires_grad=False)


def _taught(vae: AutoencoderKL) -> nn.Module:
    parts = nn.ModuleList([vae.encoder, vae.quant_conv])
    return parts.requires_grad_(requires_grad=True).train().to(memory_format=torch.channels_last)


def _crops(session: Session) -> Iterator[Batch]:
    batch = BATCH * (GPU_FACTOR if session.device.type == "cuda" else 1)
    return crops(batch, FIRST_SEED + samples_of("growing", session), SIDE)


def trained_growth(session: Session, stored: Stored) -> AutoencoderKL:
    """The grown autoencoder with the trained encoder; its decoder still paints as if pictures were small."""
    vae = _grown(stored.vae())
    load_average("growing", _taught(vae), session.work)
    return vae.requires_grad_(requires_grad=False).eval()
