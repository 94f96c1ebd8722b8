"""What the measures of the starter have in common: captions and pictures that no training saw, and their judge.

A probe that knows renders only judges the pictures, by what their captions say.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from diffusers.utils.logging import disable_progress_bar

from starter_factory.canvas import Image
from starter_factory.captions import EVERYTHING, Caption, describe
from starter_factory.draw import draw
from starter_factory.measures import verdicts
from starter_factory.probe import Probe, Sight, as_seen, look
from starter_factory.sampling import FIRST_UNSEEN, GUIDANCE, STEPS, paint, pipeline_of
from starter_factory.scene import Scene, training_scene
from starter_factory.sitting import Features
from starter_factory.sitting import Sitting as AnySitting
from starter_factory.store import Stored
from starter_factory.vae import to_tensor
from studio.errors import InvalidSetting, NotWritable

__all__ = ["FIXED_PROMPTS", "GUIDANCE", "STEPS", "Sitting", "full_caption", "generate", "variation", "write_sheet"]

generate = paint
WEBP_QUALITY = 88
UNSEEN = Path(__file__).with_name("unseen.txt")
# 64 captions of unseen scenes, from the first seed on, not chosen.
FIXED_PROMPTS: tuple[str, ...] = tuple(UNSEEN.read_text("utf-8").splitlines())


@dataclass(frozen=True)
class Sitting(AnySitting):
    """One evaluation by this world."""

    def fresh_pipeline(self) -> StableDiffusionPipeline:
        disable_progress_bar()
        return pipeline_of(Stored(self.folder)).to("cuda" if torch.cuda.is_available() else "cpu")

    def probe(self) -> Probe:
        """The stored network that names what a picture shows."""
        return self._probe

    def scenes(self) -> Sequence[Scene]:
        """`count` scenes that no training has seen."""
        return self._scenes

    def said(self) -> Sequence[Caption]:
        """What the captions say."""
        return self._said

    def captions(self) -> Sequence[str]:
        return [caption.text for caption in self._said]

    def pictures(self) -> Sequence[Image]:
        return self._pictures

    def sights(self, pictures: Sequence[Image]) -> list[Sight]:
        """What the probe sees in pictures."""
        return look(self._probe, pictures)

    def drawn(self, number: int) -> Sequence[Image]:
        return [draw(variation(scene, number)).image for scene in self._scenes]

    def features(self, pictures: Sequence[Image]) -> Features:
        with torch.no_grad():
            rows = [self._probe.features(to_tensor(as_seen(picture))[None]).double().numpy() for picture in pictures]
        return np.concatenate(rows)

    def met(self, pictures: Sequence[Image], numbers: Sequence[int]) -> list[list[bool]]:
        pairs = zip(numbers, self.sights(pictures), strict=True)
        return [[right for _, right in verdicts(self._said[number], sight)] for number, sight in pairs]

    @cached_property
    def _probe(self) -> Probe:
        return Stored(self.folder).fill_probe(Probe())

    @cached_property
    def _scenes(self) -> Sequence[Scene]:
        return [training_scene(FIRST_UNSEEN + number) for number in range(self.count)]

    @cached_property
    def _said(self) -> Sequence[Caption]:
        return [full_caption(scene) for scene in self._scenes]

    @cached_property
    def _pictures(self) -> Sequence[Image]:
        return paint(self.pipeline(), self.captions())


def full_caption(scene: Scene) -> Caption:
    """A caption that says all there is to say, the same for the same scene."""
    return describe(scene, random.Random(scene.seed), EVERYTHING)


def variation(scene: Scene, number: int) -> Scene:
    """The scene with other details than a caption can say, the same for the same number."""
    rng = random.Random(f"{scene.seed} {number}")
    subjects = []
    for subject in scene.subjects:
        # Whether a person's hair is long, a caption can say.
        look = subject.look if subject.pose else rng.random()
        subjects.append(replace(subject, look=look))
    return replace(scene, subjects=tuple(subjects), seed=rng.randrange(2**31))


def write_sheet(pictures: Sequence[Image], path: Path, columns: int = 8) -> None:
    """The pictures side by side, in rows; StorageError where the file cannot be written."""
    blank = np.full_like(pictures[0], 255)
    filled = [*pictures, *[blank] * (-len(pictures) % columns)]
    rows = [np.hstack(filled[start : start + columns]) for start in range(0, len(filled), columns)]
    quality = [cv2.IMWRITE_WEBP_QUALITY, WEBP_QUALITY] if path.suffix == ".webp" else []
    try:
        written = cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR), quality)
    except cv2.error as error:
        raise InvalidSetting(
            f"{path} is of no kind of picture that can be written.", "Name a .webp or .png."
        ) from error
    if not written:
        raise NotWritable(f"{path} cannot be written.", "Name a file in a folder that is there and yours.")
