"""What the measures of the starter have in common: captions and pictures that no training saw, and their judge.

A probe that knows renders only judges the pictures, by what their captions say.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline
from diffusers.utils.logging import disable_progress_bar
from torch import Tensor

from starter_factory.first.autoencoder import SIDE, to_tensor
from starter_factory.first.canvas import Image
from starter_factory.first.captions import Caption, describe
from starter_factory.first.illustrator import draw
from starter_factory.first.probe import Probe, answers_of
from starter_factory.first.scene import KINDS, POSITIONS, Scene, training_scene
from starter_factory.first.text import SETTING_SIZES, SUBJECT_SIZES, meaning

FIXED_PROMPTS = (
    "a red house in a meadow by day",
    "a blue car on the left and a yellow tree on the right, in the city at night",
    "an orange cat in the snow",
    "a hot air balloon in the mountains at sunset",
    "a white sailboat at the beach at dawn",
    "a person in a green shirt waving, in the desert",
    "a purple castle in the forest, watercolour",
    "a pencil sketch of a tent on the right in the mountains",
    "a pink flower and a black cat, in the meadow at sunset",
    "a green tree on the left and a red house on the right at night, pixel art",
)
STEPS = 20
GUIDANCE = 3.0
NOTHING_FREE = Caption("")
FIRST_SEED = 2**41
SETTING = ("place", "time", "style")

# A question about a picture -> how many per cent of the pictures meet it.
Scores = dict[str, float]


def load(folder: Path) -> StableDiffusionPipeline:
    """The stored model with the scheduler of the measurements."""
    disable_progress_bar()
    pipeline = StableDiffusionPipeline.from_pretrained(folder)
    pipeline.scheduler = DPMSolverMultistepScheduler.from_config(
        pipeline.scheduler.config, algorithm_type="dpmsolver++", use_karras_sigmas=True
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to("cuda" if torch.cuda.is_available() else "cpu")


def generate(
    pipeline: StableDiffusionPipeline,
    prompts: Sequence[str],
    steps: int = STEPS,
    guidance: float = GUIDANCE,
    seed: int = 0,
) -> list[Image]:
    """One picture for each prompt, the k-th from noise of `seed` + k."""
    pictures: list[Image] = []
    for start in range(0, len(prompts), 16):
        part = list(prompts[start : start + 16])
        noise = [torch.Generator().manual_seed(seed + start + number) for number in range(len(part))]
        output = pipeline(part, num_inference_steps=steps, guidance_scale=guidance, generator=noise, output_type="np")
        pictures.extend(np.round(output.images * 255).astype(np.uint8))
    return pictures


def fresh_renders(count: int) -> tuple[list[Scene], list[Image]]:
    """Scenes that neither training nor captions have used, and the illustrator's pictures of them."""
    scenes = [training_scene(2 * FIRST_SEED + number) for number in range(count)]
    return scenes, [draw(scene, SIDE, SIDE).image for scene in scenes]


def judge(probe: Probe, pictures: Sequence[Image]) -> Tensor:
    """The probe's answers (count, 15): class numbers in the order of `meaning`."""
    parts = torch.split(torch.stack([to_tensor(picture) for picture in pictures]), 64)
    return torch.cat([answers_of(probe, part) for part in parts])


def full_captions(scenes: Sequence[Scene]) -> list[str]:
    """Captions that leave nothing to chance."""
    return [_full_caption(scene, random.Random(scene.seed)) for scene in scenes]


def _full_caption(scene: Scene, rng: random.Random) -> str:
    while (caption := describe(scene, rng)).free:
        pass
    return caption.text


def agreement(scenes: Sequence[Scene], answers: Tensor) -> Scores:
    """The share of scenes, for each question, that the probe's answers (count, 15) meet; in per cent."""
    asked: dict[str, list[bool]] = {}

    def note(question: str, right: bool) -> None:
        asked.setdefault(question, []).append(right)

    for scene, answer in zip(scenes, answers, strict=True):
        wanted = meaning(scene, NOTHING_FREE)
        met = answer == wanted
        for number, question in enumerate(SETTING):
            note(question, bool(met[number]))
        slots = {subject.position: _slot(subject.position) for subject in scene.subjects}
        found = [int(answer[_slot(place)]) for place in POSITIONS]
        kinds = [bool(met[slot]) for slot in slots.values()]
        colours = [bool(met[slot + 1]) for slot in slots.values()]
        if len(kinds) == 1:
            note("object, in its place", kinds[0])
            note("object, anywhere", KINDS.index(scene.subjects[0].kind) in found)
            note("colour", colours[0])
        if len(kinds) == 2:
            note("two objects", all(kinds))
            note("two objects and their colours", all(kinds + colours))
        for subject in scene.subjects:
            if subject.pose is not None:
                note("pose", bool(met[_slot(subject.position) + 3]))
        empty = [kind for kind, place in zip(found, POSITIONS, strict=True) if place not in slots]
        note("nothing else", all(kind == len(KINDS) for kind in empty))
    return {question: round(100 * sum(rights) / len(rights), 1) for question, rights in asked.items()}


def _slot(position: str) -> int:
    return len(SETTING_SIZES) + POSITIONS.index(position) * len(SUBJECT_SIZES)


def variation(scene: Scene, number: int) -> Scene:
    """The scene with other details than a caption can say, the same for the same number."""
    rng = random.Random(f"{scene.seed} {number}")
    subjects = [
        replace(
            subject,
            shift=(rng.uniform(-0.02, 0.02), rng.uniform(-0.015, 0.015)),
            mirrored=rng.random() < 0.5,
            look=rng.random(),
        )
        for subject in scene.subjects
    ]
    return replace(scene, subjects=tuple(subjects), seed=rng.randrange(2**31))


def following(scenes: Sequence[Scene], answers: Tensor) -> float:
    """The share of what captions say that the probe's answers (count, 15) meet, in per cent."""
    met, said = followed(scenes, answers)
    return 100 * float(met[said].float().mean())


def followed(scenes: Sequence[Scene], answers: Tensor) -> tuple[Tensor, Tensor]:
    """Which facts of its caption (place, time, style, each object in its place, its colour) each answer meets, and
    which are said at all; both (count, facts).
    """
    asked = [*range(len(SETTING_SIZES))]
    for slot in range(len(SETTING_SIZES), answers.shape[1], len(SUBJECT_SIZES)):
        asked += [slot, slot + 1]
    wanted = torch.stack([meaning(scene, Caption("")) for scene in scenes])[:, asked]
    said = wanted >= 0
    return (answers[:, asked] == wanted) & said, said
