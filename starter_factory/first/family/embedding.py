"""A textual inversion: the light between sunset and night, for which the starter has no word."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from starter_factory.first.autoencoder import SIDE, to_tensor
from starter_factory.first.canvas import Image
from starter_factory.first.captions import TIME_WORDS, describe
from starter_factory.first.evaluate import FIRST_SEED, agreement, generate, judge
from starter_factory.first.family.base import Member, Sitting, Table
from starter_factory.first.illustrator import draw
from starter_factory.first.scene import TIMES, Scene, training_scene
from studio.training.adapters import header_of
from studio.training.denoising import networks_of
from studio.training.embedding import add_word, save_word, spelt, train_word
from studio.training.loop import Batch, Plan, Team, checkpoint_of, load_average

NAME = "embedding"
WORD = "twilight"
FILE = f"embeddings/{WORD}.safetensors"
START = "night sunset"
VECTORS = 2
LEARNING_RATE = 2e-2
BATCH = 4
FIRST_SCENE = 2**36
SILENT = 0.1
# How much of the picture is the sunset's, the rest is the night's.
SUNSET = 0.5


class TwilightPictures(Dataset[Batch]):
    """Renders at twilight, whose captions say so and name no other time; without end."""

    def __init__(self, ids_of: Callable[[str], Tensor]) -> None:
        self.ids_of = ids_of

    def __getitem__(self, index: int) -> Batch:
        rng, scene = random.Random(FIRST_SCENE + index), training_scene(FIRST_SCENE + index)
        text = "" if rng.random() < SILENT else caption_of(scene, WORD, rng)
        return {"images": to_tensor(draw_twilight(scene)), "ids": self.ids_of(spelt(text, WORD, VECTORS))}


def draw_twilight(scene: Scene) -> Image:
    """The scene while the sunset gives way to the night."""
    evening, night = (draw(replace(scene, time=time), SIDE, SIDE).image for time in ("sunset", "night"))
    return np.round(SUNSET * evening + (1 - SUNSET) * night.astype(np.float32)).astype(np.uint8)


def caption_of(scene: Scene, time: str, rng: random.Random) -> str:
    """A caption of the scene that names this time only."""
    while True:
        text = describe(replace(scene, time="day"), rng).text
        if not any(words in text for words in (*TIME_WORDS["day"], ", day")):
            return f"{text}, {time}"


class Twilight(Member):
    """Two vectors in the text encoder's table of words; the nearest words of its own stand beside it."""

    title = "Embedding: twilight"
    minutes = 3.0
    files = (FILE,)

    def train(self, seconds: float, team: Team, base: Path) -> None:
        networks = networks_of(base, team.device)
        word = add_word(networks, WORD, START, VECTORS)
        plan = Plan(NAME, BATCH, LEARNING_RATE, seconds)
        train_word(word, networks, TwilightPictures(networks.ids), plan, team)

    def export(self, team: Team, base: Path) -> None:
        networks = networks_of(base, torch.device("cpu"))
        word = add_word(networks, WORD, START, VECTORS)
        load_average(NAME, torch.nn.ParameterList([word.vectors]), team.work)
        steps = int(checkpoint_of(NAME, team.work)["step"])
        save_word(word, WORD, base / FILE, header_of("starter", WORD, {}, steps, LEARNING_RATE))

    def load(self, base: Path) -> StableDiffusionPipeline:
        pipeline = StableDiffusionPipeline.from_pretrained(base)
        pipeline.load_textual_inversion(base, weight_name=FILE)
        return pipeline

    def measure(self, sitting: Sitting) -> Table:
        pipeline = sitting.fresh_pipeline()
        scenes = [replace(training_scene(FIRST_SEED + number), style="illustration") for number in range(sitting.count)]
        wanted = _palette([draw_twilight(scene) for scene in scenes])
        # The words that the vectors began as stand beside it: what could be said without training.
        times = {"renders of another seed": None, **{time: time for time in (*TIMES, START)}, WORD: WORD}
        rows: Table = {"distance of colours from twilight, of 255": {}, "object, in its place, %": {}}
        pipeline.load_textual_inversion(sitting.folder, weight_name=FILE)
        for name, time in times.items():
            rng = random.Random(0)
            if time is None:
                pictures = [draw_twilight(replace(scene, seed=scene.seed + 1)) for scene in scenes]
            else:
                pictures = generate(pipeline, [caption_of(scene, time, rng) for scene in scenes])
            distances = np.abs(_palette(pictures) - wanted).mean(axis=(1, 2))
            rows["distance of colours from twilight, of 255"][name] = round(float(distances.mean()), 1)
            score = agreement(scenes, judge(sitting.probe(), pictures))
            rows["object, in its place, %"][name] = score["object, in its place"]
        return rows


def _palette(pictures: Sequence[Image]) -> NDArray[np.float32]:
    """Each picture's colours by height: the mean of 16 bands, (count, 16, 3)."""
    bands = np.stack(pictures).astype(np.float32).reshape(len(pictures), 16, SIDE // 16, SIDE, 3)
    return np.asarray(bands.mean(axis=(2, 3)), np.float32)


MEMBER = Twilight()
