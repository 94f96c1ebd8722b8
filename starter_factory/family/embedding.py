"""A textual inversion: the light between sunset and night, for which the starter has no word."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from numpy.typing import NDArray

from starter_factory.adapters import networks_of
from starter_factory.canvas import Image
from starter_factory.captions import EVERYTHING, SAID, Caption, describe
from starter_factory.draw import SIDE, draw
from starter_factory.family.base import Member, Sitting, Table
from starter_factory.measures import agreement
from starter_factory.places import TIMELESS
from starter_factory.samples import stream
from starter_factory.sampling import FIRST_UNSEEN, paint
from starter_factory.scene import PLAIN, TIMES, Scene, training_scene
from starter_factory.store import Stored
from starter_factory.training import Batch, Run, Session, fit, load_average, load_state
from starter_factory.vae import to_tensor
from studio.training.adapters import header_of
from studio.training.denoising import NoiseLoss
from studio.training.embedding import add_word, save_word, spelt

NAME = "embedding"
WORD = "twilight"
FILE = f"embeddings/{WORD}.safetensors"
START = "night sunset"
VECTORS = 2
LEARNING_RATE = 2e-2
BATCH = 4
FIRST_SEED = 2**36
SILENT = 0.1
INDOORS = (*TIMELESS, PLAIN, "room")
# What the sunset's colours become: dimmer and violet.
SHADE, GLOW = np.array((0.62, 0.54, 0.8), np.float32), np.array((14, 6, 30), np.float32)


class Twilight(Member):
    """Two vectors in the text encoder's table of words; the nearest words of its own stand beside it."""

    title = "Embedding: twilight"
    minutes = 4.0
    files = (FILE,)
    needs = ("vae", "text_encoder", "tokenizer", "unet", "scheduler")

    def train(self, session: Session, stored: Stored) -> Run:
        networks = networks_of(stored, session.device)
        word = add_word(networks, WORD, START, VECTORS)

        def picture(number: int) -> Batch:
            rng, scene = random.Random(number), outdoors(FIRST_SEED + number)
            text = "" if rng.random() < SILENT else caption_of(scene, WORD, rng)
            return {"images": to_tensor(draw_twilight(scene)), "ids": networks.ids(spelt(text, WORD, VECTORS))}

        own = torch.nn.ParameterList([word.vectors])
        loss = NoiseLoss(networks, session.device)
        return fit(NAME, own, stream(NAME, picture, session, BATCH), loss, session, LEARNING_RATE)

    def store(self, session: Session, stored: Stored) -> None:
        word = add_word(networks_of(stored, torch.device("cpu")), WORD, START, VECTORS)
        load_average(NAME, torch.nn.ParameterList([word.vectors]), session.work)
        steps = int(load_state(NAME, session.work)["step"])
        path = stored.folder / FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        save_word(word, WORD, path, header_of("starter", WORD, {}, steps, LEARNING_RATE))

    def load(self, base: Path) -> StableDiffusionPipeline:
        pipeline = StableDiffusionPipeline.from_pretrained(base)
        pipeline.load_textual_inversion(base, weight_name=FILE)
        return pipeline

    def measure(self, sitting: Sitting) -> Table:
        pipeline = sitting.fresh_pipeline()
        scenes = [replace(outdoors(FIRST_UNSEEN + n), style="illustration") for n in range(sitting.count)]
        wanted = _palette([draw_twilight(scene) for scene in scenes])
        said = [_untimed(scene, random.Random(0), EVERYTHING) for scene in scenes]
        # The words that the vectors began as stand beside it: what could be said without training.
        times = {"renders of another seed": None, **{time: time for time in (*TIMES, START)}, WORD: WORD}
        rows: Table = {"distance of colours from twilight, of 255": {}, "one thing, %": {}}
        pipeline.load_textual_inversion(sitting.folder, weight_name=FILE)
        for name, time in times.items():
            if time is None:
                pictures = [draw_twilight(replace(scene, seed=scene.seed + 1)) for scene in scenes]
            else:
                pictures = paint(pipeline, [f"{caption.text}, {time}" for caption in said])
            distances = np.abs(_palette(pictures) - wanted).mean(axis=(1, 2))
            rows["distance of colours from twilight, of 255"][name] = round(float(distances.mean()), 1)
            scores = agreement(said, sitting.sights(pictures))
            rows["one thing, %"] |= {name: scores["one thing"]} if "one thing" in scores else {}
        return rows


def outdoors(seed: int) -> Scene:
    """The random scene of this seed, or of a later one, in a place with a sky."""
    scene = training_scene(seed)
    return outdoors(seed + 2**35) if scene.place in INDOORS else scene


def draw_twilight(scene: Scene) -> Image:
    """The scene while the sunset gives way to the night."""
    evening = draw(replace(scene, time="sunset")).image
    return np.asarray(np.clip(evening * SHADE + GLOW + 0.5, 0, 255), np.uint8)


def caption_of(scene: Scene, time: str, rng: random.Random) -> str:
    """A caption of the scene that names this time only."""
    return f"{_untimed(scene, rng, SAID).text}, {time}"


def _untimed(scene: Scene, rng: random.Random, shares: dict[str, float]) -> Caption:
    return describe(scene, rng, {**shares, "time": 0.0})


def _palette(pictures: Sequence[Image]) -> NDArray[np.float32]:
    """Each picture's colours by height: the mean of 16 bands, (count, 16, 3)."""
    bands = np.stack(pictures).astype(np.float32).reshape(len(pictures), 16, SIDE // 16, SIDE, 3)
    return np.asarray(bands.mean(axis=(2, 3)), np.float32)


MEMBER = Twilight()
