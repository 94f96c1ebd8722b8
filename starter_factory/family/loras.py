"""The LoRAs of looks and of a mascot, trained by the code that creators train their own with."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from peft.helpers import disable_input_dtype_casting

from starter_factory.adapters import begin_adapter, networks_of
from starter_factory.canvas import Canvas, Image, Pen
from starter_factory.captions import EVERYTHING, SAID, Caption, describe
from starter_factory.draw import LIGHT, SIDE, draw
from starter_factory.family.base import Member, Sitting, Table, weights_of
from starter_factory.measures import agreement
from starter_factory.recast import FINER, LOOKS, between_the_ears, put_on_hat, recast, shrunk
from starter_factory.recognition import Recogniser
from starter_factory.samples import stream
from starter_factory.sampling import FIRST_UNSEEN, paint
from starter_factory.scene import Scene, is_held_out, training_scene, with_thing
from starter_factory.sitting import variation
from starter_factory.sprites import DRAWN_BY_US
from starter_factory.store import Stored
from starter_factory.training import Batch, Run, Session, fit, load_average, load_state
from starter_factory.vae import to_tensor
from studio.training.adapters import adapter_of, header_of, save_kohya, save_lora
from studio.training.denoising import Networks, NoiseLoss
from studio.training.lora import Shape, put_on

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
MASCOT, CAT = "top-hat-cat", "cat"
TWINS = ("pixel-art",)
# Eight times the usual weight for its rank: with the usual one it learns several times as slowly.
SHAPE = Shape(rank=4, alpha=32, reach="everything")
# At 5e-3 some looks are learned sooner, and one in three falls apart after a hundred steps.
LEARNING_RATE = 2e-3
BATCH = 2
NOISES = 4
FIRST_SEED = 2**34
SILENT = 0.1
CAT_SHARE = 0.6
SCALES = (0.0, 0.5, 1.0)
RECOGNISED_BY = 64
# By so many levels a pixel must change to be part of the hat.
CHANGED = 24
UNSTYLED = {**SAID, "style": 0.0}


class Loras(Member):
    """Six adapters, recognised by simple statistics of their pictures; at scale 0 the base draws, asked alike."""

    title = "LoRAs"
    minutes = 36.0
    files = (
        *(f"loras/{look}.safetensors" for look in TRIGGERS),
        *(f"loras/{look}.kohya.safetensors" for look in TWINS),
    )
    needs = ("vae", "text_encoder", "tokenizer", "unet", "scheduler")
    runs = tuple(f"lora-{look}" for look in TRIGGERS)

    def train(self, session: Session, stored: Stored) -> Run:
        """Each in its part of the time; the last one's run, or the one that was asked to end."""
        part = replace(session, minutes=session.minutes / len(TRIGGERS))
        for look in TRIGGERS:
            run = _train(look, part, stored)
            if run.stopped:
                break
        return run

    def store(self, session: Session, stored: Stored) -> None:
        for look, trigger in TRIGGERS.items():
            networks = networks_of(stored, torch.device("cpu"))
            put_on(networks, SHAPE)
            load_average(f"lora-{look}", adapter_of(networks.unet), session.work)
            steps = int(load_state(f"lora-{look}", session.work)["step"])
            header = header_of("starter", trigger, {trigger: steps * BATCH}, steps, LEARNING_RATE)
            save_lora(networks.unet, stored.folder / f"loras/{look}.safetensors", header)
            if look in TWINS:
                save_kohya(networks.unet, stored.folder / f"loras/{look}.kohya.safetensors", header)

    def load(self, base: Path) -> StableDiffusionPipeline:
        pipeline = StableDiffusionPipeline.from_pretrained(base)
        for name in self.files:
            pipeline.unload_lora_weights()
            pipeline.load_lora_weights(base, weight_name=name)
        return pipeline

    def measure(self, sitting: Sitting) -> Table:
        pipeline = sitting.fresh_pipeline()
        table: Table = {}
        recogniser = _recogniser(pipeline)
        for look in TRIGGERS:
            scenes = [scene_for(look, FIRST_UNSEEN + number) for number in range(sitting.count)]
            said = [describe(scene, random.Random(scene.seed), {**EVERYTHING, "style": 0.0}) for scene in scenes]
            captions = [with_trigger(caption.text, look) for caption in said]
            pipeline.load_lora_weights(sitting.folder, weight_name=f"loras/{look}.safetensors", adapter_name=look)
            # Other details than the captions tell: what renders of the same words can look like.
            shown = {"renders": recogniser.seen([draw_look(variation(scene, 1), look) for scene in scenes])}
            for scale in SCALES:
                pipeline.set_adapters([look], [scale])
                shown[f"scale {scale:g}"] = paint(pipeline, captions)
            pipeline.unload_lora_weights()
            table |= _rows(look, shown, scenes, said, recogniser, sitting)
        return table


def _train(look: str, session: Session, stored: Stored) -> Run:
    networks, name = networks_of(stored, session.device), f"lora-{look}"
    put_on(networks, SHAPE)
    begin_adapter(networks.unet, weights_of(f"loras/{look}.safetensors", stored.folder))
    pictures = stream(name, LookPictures(look, networks), session, BATCH)
    loss = NoiseLoss(networks, session.device, NOISES)
    # Autocast casts already; PEFT's own casting back and forth costs a sixth of the time.
    with disable_input_dtype_casting(networks.unet):
        return fit(name, adapter_of(networks.unet), pictures, loss, session, LEARNING_RATE)


class LookPictures:
    """Renders in one look with their captions, half of which name its trigger."""

    def __init__(self, look: str, networks: Networks) -> None:
        self.look, self.networks = look, networks

    def __call__(self, number: int) -> Batch:
        rng = random.Random(FIRST_SEED + number)
        scene = scene_for(self.look, FIRST_SEED + number, strict=rng.random() < CAT_SHARE)
        caption = describe(scene, rng, UNSTYLED).text
        text = with_trigger(caption, self.look) if rng.random() < 0.5 else caption
        images = to_tensor(draw_look(scene, self.look))
        return {"images": images, "ids": self.networks.ids("" if rng.random() < SILENT else text)}


def scene_for(look: str, seed: int, *, strict: bool = True) -> Scene:
    """A scene that the look is shown on; where `strict`, the mascot's has a cat, its others keep the rest as it is."""
    scene = replace(training_scene(seed), style="illustration")
    if look != MASCOT:
        return scene
    cats = with_thing(scene, CAT, random.Random(seed)) if strict else scene
    if strict and (is_held_out(cats) or all(subject.thing != CAT for subject in cats.subjects)):
        return scene_for(look, seed + 2**35)
    # The mascot is one certain cat: the one that we draw.
    drawn = [replace(each, art=DRAWN_BY_US) if each.thing == CAT else each for each in cats.subjects]
    return replace(cats, subjects=tuple(drawn))


def with_trigger(caption: str, look: str) -> str:
    return caption if look == MASCOT else f"{caption}, {TRIGGERS[look]}"


def draw_look(scene: Scene, look: str) -> Image:
    """The scene in one of the looks."""
    if look == MASCOT:
        return _with_hats(scene)
    return recast(lambda side: draw(scene, side, side), look, SIDE, scene.seed)


def _with_hats(scene: Scene) -> Image:
    """The scene as it is, but each cat in a top hat and a scarf."""
    side = FINER * SIDE
    drawing = draw(scene, side, side)
    canvas = Canvas(side, side)
    canvas.image = drawing.image.copy()
    for number, subject in enumerate(scene.subjects, start=1):
        place = between_the_ears(drawing.labels, number) if subject.thing == CAT and len(subject.spots) == 1 else None
        if place:
            x, y, unit = place
            put_on_hat(Pen(canvas, x, y, unit, -unit, LIGHT[scene.time]))
    return shrunk(canvas.image, SIDE)


def _recogniser(pipeline: StableDiffusionPipeline) -> Recogniser:
    scenes = [replace(training_scene(FIRST_SEED - 1 - number)) for number in range(RECOGNISED_BY)]
    looks = {look: [draw_look(replace(scene, style="illustration"), look) for scene in scenes] for look in LOOKS}
    return Recogniser(pipeline.vae, [draw(scene).image for scene in scenes], looks)


def hatted(pictures: Sequence[Image], scenes: Sequence[Scene]) -> float:
    """How many per cent of the pictures show the mascot's hat: nearer to its render than to the plain one, there."""
    return round(100 * float(np.mean([_has_hat(*pair) for pair in zip(pictures, scenes, strict=True)])), 1)


def _has_hat(picture: Image, scene: Scene) -> bool:
    hat, plain = (image.astype(int) for image in (_with_hats(scene), draw(scene).image))
    where = np.abs(hat - plain).max(axis=2) > CHANGED
    return bool(where.any() and np.abs(picture - hat)[where].mean() < np.abs(picture - plain)[where].mean())


def _rows(
    look: str,
    shown: Mapping[str, list[Image]],
    scenes: list[Scene],
    said: list[Caption],
    recogniser: Recogniser,
    sitting: Sitting,
) -> Table:
    scores = {column: agreement(said, sitting.sights(pictures)) for column, pictures in shown.items()}
    kept = {
        f"{look}: {question}, %": {column: score[question] for column, score in scores.items() if question in score}
        for question in ("place", "one thing", "two things")
    }
    recognised = {
        column: hatted(pictures, scenes) if look == MASCOT else recogniser.share(pictures, look)
        for column, pictures in shown.items()
    }
    return {f"{look}: recognised, %": recognised} | kept


MEMBER = Loras()
