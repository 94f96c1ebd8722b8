"""The base: autoencoder, text encoder and denoiser, how well their pictures follow captions, and how much they vary."""

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel

from starter_factory.base import build_scheduler, train_base, trained_unet
from starter_factory.captions import Caption, describe
from starter_factory.draw import SIDE, draw
from starter_factory.editing import edited
from starter_factory.family.base import Member, Sitting, Table, by_question, untrained
from starter_factory.measures import agreement, difference, variety
from starter_factory.sampling import FIRST_UNSEEN, paint
from starter_factory.scene import Scene, held_out_scene, training_scene
from starter_factory.sitting import full_caption
from starter_factory.store import Stored
from starter_factory.training import Run, Session
from starter_factory.vae import to_tensor

# What one prompt's pictures show.
THING, SEEDS = "house", 32
ROUNDS = 3


class TextToImage(Member):
    """Judged by the probe, on new captions and on pairs that no training picture ever showed together.

    Wrong captions give what chance would; so do the pictures of a denoiser that was never trained.
    """

    title = "Text to image"
    minutes = 1200.0
    files = (
        "text_encoder/model.safetensors",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
    )
    needs = ("vae", "text_encoder", "tokenizer")
    runs = ("base",)

    def train(self, session: Session, stored: Stored) -> Run:
        return train_base(session, stored)

    def store(self, session: Session, stored: Stored) -> None:
        stored.put_unet(trained_unet(session), build_scheduler())

    def load(self, base: Path) -> StableDiffusionPipeline:
        return StableDiffusionPipeline.from_pretrained(base)

    def measure(self, sitting: Sitting) -> Table:
        said, sights = sitting.said(), sitting.sights(sitting.pictures())
        rendered = [training_scene(2 * FIRST_UNSEEN + number) for number in range(4 * sitting.count)]
        columns = {
            "fresh renders": agreement(
                [full_caption(scene) for scene in rendered], sitting.sights([draw(scene).image for scene in rendered])
            ),
            "generated": agreement(said, sights),
            "captions that leave things out": _followed(
                sitting, [describe(scene, random.Random(scene.seed)) for scene in sitting.scenes()]
            ),
            "held-out pairs": _followed(sitting, [full_caption(scene) for scene in _held_out_pairs(sitting.count)]),
            "wrong captions": agreement([*said[1:], said[0]], sights),
            "untrained": agreement(said, sitting.sights(paint(_untrained(sitting), sitting.captions()))),
        }
        return by_question(columns) | _variety(sitting) | edited(sitting) | _seconds(sitting)


def _followed(sitting: Sitting, captions: Sequence[Caption]) -> dict[str, float]:
    pictures = paint(sitting.pipeline(), [caption.text for caption in captions])
    return agreement(captions, sitting.sights(pictures))


def _held_out_pairs(count: int) -> list[Scene]:
    """Scenes with a held-out pair: half of any kind, half of two things that both have a colour."""
    found: list[Scene] = []
    seed = FIRST_UNSEEN
    while len(found) < count:
        scene = held_out_scene(seed)
        pair = len(scene.subjects) == 2 and all(subject.colour for subject in scene.subjects)
        if pair or len(found) % 2 == 0:
            found.append(scene)
        seed += 1
    return found


def _untrained(sitting: Sitting) -> StableDiffusionPipeline:
    """The pipeline with a denoiser whose weights are still random."""
    pipeline = sitting.fresh_pipeline()
    pipeline.unet = untrained(lambda: UNet2DConditionModel.from_config(pipeline.unet.config)).to(pipeline.device)
    return pipeline


def _variety(sitting: Sitting) -> Table:
    """What 32 pictures of one prompt have in common, and not."""
    same = paint(sitting.pipeline(), [f"a {THING}"] * SEEDS)
    found = {name: float(number) for name, number in variety(THING, sitting.sights(same)).items()}
    return {f"{SEEDS} pictures of a {THING}": found | {"mean difference of two, levels": difference(same)}}


def _seconds(sitting: Sitting) -> Table:
    """20 steps at the native size, and what of it the decoder takes; in turn, as other work must not count."""
    captions, autoencoder = sitting.captions()[:1], sitting.pipeline().vae
    with torch.no_grad():
        latents = autoencoder.encode(to_tensor(draw(sitting.scenes()[0]).image)[None]).latent_dist.mean

    def took(work: Callable[[], object]) -> float:
        started = time.process_time()
        work()
        return time.process_time() - started

    def whole() -> None:
        paint(sitting.pipeline(), captions)

    def decoded() -> None:
        autoencoder.decode(latents)

    with torch.no_grad():
        pairs = [(took(whole), took(decoded)) for _ in range(ROUNDS)]
    row = {f"{SIDE} pixels": median(one for one, _ in pairs), "the decoder": median(other for _, other in pairs)}
    return {"20 steps, seconds of a processor core": {name: round(value, 2) for name, value in row.items()}}


MEMBER = TextToImage()
