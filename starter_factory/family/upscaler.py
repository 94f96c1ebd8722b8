"""The upscaler: a small picture of the starter's world becomes the drawing of four times its side."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image as Pictures
from torch import Tensor

from starter_factory.art import SIDE as SPRITE_SIDE
from starter_factory.canvas import Image
from starter_factory.draw import SIDE, draw
from starter_factory.enlarging import FILTERS, SCALE, build_upscaler, by_filter, enlarged, pieces, shrunk, worn
from starter_factory.estimators import round_trip
from starter_factory.family.base import Member, Sitting, Table, begin, store, weights_of
from starter_factory.fidelity import crispness, fidelity
from starter_factory.samples import stream
from starter_factory.scene import Scene, Spot, Subject, training_scene
from starter_factory.sprites import DRAWN_BY_US
from starter_factory.store import Stored
from starter_factory.things import THINGS
from starter_factory.training import Batch, Run, Session, autocast, fit, load_average
from starter_factory.vae import picture_loss, to_tensor
from studio.engine.upscale import load

NAME = "upscaler"
WEIGHTS = f"../upscalers/starter-{SCALE}x.safetensors"
# How many of the small pictures come from the decoder, with latents a little wrong: most of what is enlarged does.
PAINTED = 0.5
LATENT_NOISE = 0.2
BATCH = 2
LEARNING_RATE = 8e-4
FIRST_SEED = 2**39
# Art that is drawn larger than it was rendered is blurred: nothing to learn crispness from.
TALLEST = 1.25 * SPRITE_SIDE / (SCALE * SIDE)


class UpscalerMember(Member):
    title = f"Upscaler {SCALE}x"
    minutes = 20.0
    files = (WEIGHTS,)
    needs = ("vae",)

    def train(self, session: Session, stored: Stored) -> Run:
        network, vae = build_upscaler(), stored.vae().to(session.device)
        begin(network, weights_of(WEIGHTS, stored.folder))
        network = network.to(memory_format=torch.channels_last)

        def loss_of(batch: Batch, noise: torch.Generator) -> Tensor:
            small = batch["small"]
            painted = torch.rand(len(small), generator=noise, device=noise.device) < PAINTED
            with autocast(session.device):
                if painted.any():
                    small[painted] = _painted(vae, batch["plain"][painted], noise)
                given, drawn = pieces(small, batch["large"], noise)
                made = network((given.to(memory_format=torch.channels_last) + 1) / 2).float()
            return picture_loss(2 * made - 1, drawn)

        return fit(NAME, network, stream(NAME, enlargement, session, BATCH), loss_of, session, LEARNING_RATE)

    def store(self, session: Session, stored: Stored) -> None:
        network = build_upscaler()
        load_average(NAME, network, session.work)
        store(network.state_dict(), stored.folder / WEIGHTS)

    def load(self, base: Path) -> Any:
        return load(base / WEIGHTS)

    def measure(self, sitting: Sitting) -> Table:
        """Held-out drawings, made small and enlarged again, beside a filter and a network that never learned."""
        large = [draw(crisp(scene), SCALE * SIDE, SCALE * SIDE).image for scene in sitting.scenes()]
        small = [np.asarray(shrunk(Pictures.fromarray(picture))) for picture in large]
        trained, untrained = self.load(sitting.folder), self.load(sitting.folder)
        untrained.model.load_state_dict(build_upscaler().state_dict())
        painted = [round_trip(sitting.pipeline().vae, picture) for picture in small]
        table: Table = {}
        for kind, given in (("renders", small), ("renders through the VAE", painted)):
            table[f"{kind}, upscaler"] = fidelity(enlarged(trained, given), large)
            table[f"{kind}, Lanczos"] = fidelity([by_filter(picture) for picture in given], large)
            table[f"{kind}, untrained"] = fidelity(enlarged(untrained, given), large)
        pictures: Sequence[Image] = sitting.pictures()
        table["generated pictures, steepest pixels in levels a pixel"] = {
            "upscaler": crispness(enlarged(trained, pictures)),
            "Lanczos": crispness([by_filter(picture) for picture in pictures]),
            "renders of that size": crispness(large),
        }
        return table


@torch.no_grad()
def _painted(vae: AutoencoderKL, images: Tensor, noise: torch.Generator) -> Tensor:
    """Pictures as the decoder gives them back from latents that are a little wrong."""
    latents = vae.encode(images).latent_dist.mean
    strength = LATENT_NOISE * torch.rand(len(images), 1, 1, 1, generator=noise, device=noise.device)
    wrong = strength * torch.randn(latents.shape, generator=noise, device=noise.device)
    decoded: Tensor = vae.decode(latents + wrong.to(latents)).sample.float()
    return decoded


def enlargement(number: int) -> Batch:
    """A drawing at the large side with itself made small, once as it should be and once worn by use."""
    rng, scene = random.Random(number), crisp(training_scene(FIRST_SEED + number))
    large = draw(scene, SCALE * SIDE, SCALE * SIDE).image
    picture = Pictures.fromarray(large)
    return {
        "large": to_tensor(large),
        "plain": to_tensor(np.asarray(shrunk(picture))),
        "small": to_tensor(np.asarray(worn(shrunk(picture, rng.choice(FILTERS)), rng))),
    }


def crisp(scene: Scene) -> Scene:
    """The scene with no art larger than it was rendered: our own drawing in its place, else a smaller one."""
    return replace(scene, subjects=tuple(_crisp(subject) for subject in scene.subjects))


def _crisp(subject: Subject) -> Subject:
    if subject.art == DRAWN_BY_US or max(spot.tall for spot in subject.spots) <= TALLEST:
        return subject
    if THINGS[subject.thing].drawn:
        return replace(subject, art=DRAWN_BY_US)
    spots: list[Spot] = [replace(spot, tall=min(spot.tall, TALLEST)) for spot in subject.spots]
    return replace(subject, spots=tuple(spots))


MEMBER = UpscalerMember()
