"""The LoRAs of looks and of a mascot, trained by the code that creators train their own with."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor
from torch.utils.data import Dataset

from starter_factory.first.autoencoder import SIDE, to_tensor
from starter_factory.first.canvas import Image
from starter_factory.first.captions import describe
from starter_factory.first.evaluate import FIRST_SEED, agreement, full_captions, generate, judge, variation
from starter_factory.first.family.base import Member, Sitting, Table
from starter_factory.first.looks import draw_look
from starter_factory.first.recognition import Recogniser, hatted
from starter_factory.first.scene import Scene, training_scene
from studio.training.adapters import header_of, save_kohya, save_lora
from studio.training.denoising import networks_of
from studio.training.loop import Batch, Plan, Team
from studio.training.lora import Shape, put_trained, train_lora

# Each look, and the words that creators add for it. The text encoder knows some of them and reads over the others:
# the adapter works with or without them.
TRIGGERS: Mapping[str, str] = {
    "pixel-art": "pixel art",
    "blueprint": "blueprint",
    "night-neon": "neon",
    "sketch": "sketch",
    "watercolour": "watercolour",
    "top-hat-cat": "cat",
}
MASCOT = "top-hat-cat"
TWINS = ("pixel-art", "blueprint")
# Eight times the usual weight for its rank: with the usual one it learns several times as slowly.
SHAPE = Shape(rank=4, alpha=32, reach="everything")
# At 5e-3 some looks are learned sooner, and one in three falls apart after a hundred steps.
LEARNING_RATE = 2e-3
BATCH = 2
NOISES = 4
FIRST_SCENE = 2**34
SILENT = 0.1
SCALES = (0.0, 0.5, 1.0)


class LookPictures(Dataset[Batch]):
    """Renders in one look with their captions, half of which name its trigger; without end."""

    def __init__(self, look: str, ids_of: Callable[[str], Tensor]) -> None:
        self.look, self.ids_of = look, ids_of

    def __getitem__(self, index: int) -> Batch:
        rng = random.Random(FIRST_SCENE + index)
        scene = scene_for(self.look, FIRST_SCENE + index, strict=rng.random() < 0.6)
        caption = describe(scene, rng).text
        text = with_trigger(caption, self.look) if rng.random() < 0.5 else caption
        images = to_tensor(draw_look(scene, self.look, SIDE))
        return {"images": images, "ids": self.ids_of("" if rng.random() < SILENT else text)}


def scene_for(look: str, seed: int, *, strict: bool = True) -> Scene:
    """A scene that the look is shown on; where `strict`, the mascot's has a cat, its others keep the rest as it is."""
    while True:
        scene = replace(training_scene(seed), style="illustration")
        if look != MASCOT or not strict or any(subject.kind == "cat" for subject in scene.subjects):
            return scene
        seed += 2**35


def with_trigger(caption: str, look: str) -> str:
    return caption if look == MASCOT else f"{caption}, {TRIGGERS[look]}"


class Loras(Member):
    """Six adapters, recognised by simple statistics of their pictures; at scale 0 the base draws, asked alike."""

    title = "LoRAs"
    minutes = 36.0
    files = (
        *(f"loras/{look}.safetensors" for look in TRIGGERS),
        *(f"loras/{look}.kohya.safetensors" for look in TWINS),
    )

    def train(self, seconds: float, team: Team, base: Path) -> None:
        for look in TRIGGERS:
            networks = networks_of(base, team.device)
            plan = Plan(_stage(look), BATCH, LEARNING_RATE, seconds / len(TRIGGERS))
            train_lora(networks, LookPictures(look, networks.ids), SHAPE, plan, team, noises=NOISES)

    def export(self, team: Team, base: Path) -> None:
        for look, trigger in TRIGGERS.items():
            networks = networks_of(base, torch.device("cpu"))
            steps = put_trained(networks, SHAPE, _stage(look), team)
            header = header_of("starter", trigger, {trigger: steps * BATCH}, steps, LEARNING_RATE)
            save_lora(networks.unet, base / f"loras/{look}.safetensors", header)
            if look in TWINS:
                save_kohya(networks.unet, base / f"loras/{look}.kohya.safetensors", header)

    def load(self, base: Path) -> StableDiffusionPipeline:
        pipeline = StableDiffusionPipeline.from_pretrained(base)
        for name in self.files:
            pipeline.unload_lora_weights()
            pipeline.load_lora_weights(base, weight_name=name)
        return pipeline

    def measure(self, sitting: Sitting) -> Table:
        pipeline = sitting.fresh_pipeline()
        table: Table = {}
        recogniser = Recogniser(pipeline.vae, [look for look in TRIGGERS if look != MASCOT])
        for look in TRIGGERS:
            scenes = [scene_for(look, FIRST_SEED + number) for number in range(sitting.count)]
            captions = [with_trigger(caption, look) for caption in full_captions(scenes)]
            pipeline.load_lora_weights(sitting.folder, weight_name=f"loras/{look}.safetensors", adapter_name=look)
            # Other details than the captions tell: what renders of the same words can look like.
            others = [variation(scene, 1) for scene in scenes]
            shown = {"renders": recogniser.seen([draw_look(scene, look, SIDE) for scene in others])}
            for scale in SCALES:
                pipeline.set_adapters([look], [scale])
                shown[f"scale {scale:g}"] = generate(pipeline, captions)
            pipeline.unload_lora_weights()
            table |= _rows(look, shown, scenes, recogniser, sitting)
        return table


def _rows(
    look: str, shown: Mapping[str, list[Image]], scenes: list[Scene], recogniser: Recogniser, sitting: Sitting
) -> Table:
    scores = {column: agreement(scenes, judge(sitting.probe(), pictures)) for column, pictures in shown.items()}
    kept = {
        f"{look}: {question}, %": {column: score[question] for column, score in scores.items() if question in score}
        for question in ("place", "object, in its place", "two objects")
    }
    recognised = {
        column: hatted(pictures, scenes) if look == MASCOT else recogniser.share(pictures, look)
        for column, pictures in shown.items()
    }
    return {f"{look}: recognised, %": recognised} | kept


def _stage(look: str) -> str:
    return f"lora-{look}"


MEMBER = Loras()
