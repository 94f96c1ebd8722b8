"""The base's picture decoder, made crisper; its encoder stays, so that all latents mean what they meant."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL

from starter_factory.canvas import Image
from starter_factory.decoder import sharpened_vae, train_decoder
from starter_factory.draw import draw
from starter_factory.family.base import Member, Sitting, Table
from starter_factory.fidelity import crispness, fidelity
from starter_factory.store import WEIGHTS, Stored
from starter_factory.training import Run, Session
from starter_factory.vae import to_picture, to_tensor


class DecoderMember(Member):
    title = "VAE decoder"
    minutes = 30.0
    files = (f"vae/{WEIGHTS}",)
    needs = ("vae",)

    def train(self, session: Session, stored: Stored) -> Run:
        return train_decoder(session, stored)

    def store(self, session: Session, stored: Stored) -> None:
        stored.put_vae(sharpened_vae(session, stored))

    def load(self, base: Path) -> AutoencoderKL:
        return AutoencoderKL.from_pretrained(base / "vae").eval()

    def measure(self, sitting: Sitting) -> Table:
        """Held-out renders through the autoencoder, with a wrong latent and with no trained decoder beside them."""
        truths = [draw(scene).image for scene in sitting.scenes()]
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


MEMBER = DecoderMember()
