"""The upscaler: a small picture of the starter's world becomes the drawing of four times its side."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image as Pictures
from torch import Tensor
from torch.utils.data import Dataset

from starter_factory.enlarging import FILTERS, SCALE, build_upscaler, by_filter, pieces, shrunk, worn
from starter_factory.fidelity import crispness, fidelity
from starter_factory.first.autoencoder import SIDE, picture_loss, to_tensor
from starter_factory.first.canvas import Image
from starter_factory.first.captions import describe
from starter_factory.first.family.base import Member, Sitting, Table, store
from starter_factory.first.family.decoder import Artist, roundtrip
from starter_factory.first.illustrator import draw
from starter_factory.first.loop import Batch, Plan, Team, autocast, fit, load_average
from starter_factory.first.scene import training_scene
from starter_factory.first.text import to_ids
from studio.engine.upscale import load, tiled

WEIGHTS = f"../upscalers/starter-{SCALE}x.safetensors"
# How many of the small pictures the base has painted: what it makes is what is mostly enlarged.
PAINTED = 0.5


class UpscalerMember(Member):
    title = f"Upscaler {SCALE}x"
    minutes = 24.0
    files = (WEIGHTS,)

    def train(self, seconds: float, team: Team, base: Path) -> None:
        train_upscaler(Plan("upscaler", 2, 1e-3, seconds), team, base)

    def export(self, team: Team, base: Path) -> None:
        network = build_upscaler()
        load_average("upscaler", network, team.work)
        store(network.state_dict(), base / WEIGHTS)

    def load(self, base: Path) -> Any:
        return load(base / WEIGHTS)

    def measure(self, sitting: Sitting) -> Table:
        """Held-out drawings, made small and enlarged again, beside a filter and a network that never learned."""
        large = [draw(scene, SCALE * SIDE, SCALE * SIDE).image for scene in sitting.scenes()]
        small = [np.asarray(shrunk(Pictures.fromarray(picture))) for picture in large]
        trained = self.load(sitting.folder)
        untrained = self.load(sitting.folder)
        untrained.model.load_state_dict(build_upscaler().state_dict())
        painted = roundtrip(sitting.pipeline().vae, small)
        table: Table = {}
        for kind, given in (("renders", small), ("renders through the VAE", painted)):
            table[f"{kind}, upscaler"] = fidelity(enlarged(trained, given), large)
            table[f"{kind}, Lanczos"] = fidelity([by_filter(picture) for picture in given], large)
            table[f"{kind}, untrained"] = fidelity(enlarged(untrained, given), large)
        pictures = sitting.pictures()
        table["generated pictures, steepest pixels in levels a pixel"] = {
            "upscaler": crispness(enlarged(trained, pictures)),
            "Lanczos": crispness([by_filter(picture) for picture in pictures]),
            "renders of that size": crispness(large),
        }
        return table


def enlarged(model: Any, pictures: Sequence[Image]) -> list[Image]:
    with torch.no_grad():
        return [np.asarray(tiled(model, Pictures.fromarray(each), 2 * SIDE, lambda *_: None)) for each in pictures]


def train_upscaler(plan: Plan, team: Team, base: Path) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(base).to(team.device)
    artist = Artist(pipeline)
    network = build_upscaler().to(memory_format=torch.channels_last)

    def loss_of(batch: Batch, noise: torch.Generator) -> Tensor:
        small, ids = batch["small"], batch["ids"]
        painted = torch.rand(len(small), generator=noise).to(team.device) < PAINTED
        with autocast(team.device):
            if painted.any():
                small[painted] = artist.pictures(batch["plain"][painted], ids[painted], noise).float()
            given, drawn = pieces(small, batch["large"], noise)
            made = network((given.to(memory_format=torch.channels_last) + 1) / 2).float()
        return picture_loss(2 * made - 1, drawn)

    fit(plan, network, Enlargements(pipeline), loss_of, team)


class Enlargements(Dataset[Batch]):
    """Drawings at the large side with themselves made small, once as it should be and once worn by use."""

    def __init__(self, pipeline: StableDiffusionPipeline) -> None:
        self.tokenizer = pipeline.tokenizer

    def __getitem__(self, index: int) -> Batch:
        rng, scene = random.Random(index), training_scene(index)
        large = draw(scene, SCALE * SIDE, SCALE * SIDE).image
        picture = Pictures.fromarray(large)
        ids = [to_ids(self.tokenizer, text) for text in (describe(scene, rng).text, "")]
        return {
            "large": to_tensor(large),
            "plain": to_tensor(np.asarray(shrunk(picture))),
            "small": to_tensor(np.asarray(worn(shrunk(picture, rng.choice(FILTERS)), rng))),
            "ids": torch.stack(ids),
        }


MEMBER = UpscalerMember()
