"""One evaluation of a stored model: captions and pictures that no training saw, and their judge.

A probe that knows renders only judges the pictures, by what their captions say.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from diffusers.utils.logging import disable_progress_bar
from numpy.typing import NDArray

from starter_factory.canvas import Image
from starter_factory.captions import EVERYTHING, Caption, describe
from starter_factory.draw import draw
from starter_factory.measures import verdicts
from starter_factory.probe import Probe, Sight, as_seen, look
from starter_factory.sampling import FIRST_UNSEEN, paint, pipeline_of
from starter_factory.scene import Scene, training_scene
from starter_factory.store import Stored
from starter_factory.vae import to_tensor

# What was measured (a row) -> on what (a column) -> a number; the row's name says the unit.
Table = dict[str, dict[str, float]]
Features = NDArray[np.float64]


@dataclass(frozen=True)
class Sitting:
    """What measures share; they must leave the shared networks as they found them.

    `folder` holds the stored model, `count` is how many pictures a figure takes.
    """

    folder: Path
    count: int

    def pipeline(self) -> StableDiffusionPipeline:
        """The shared pipeline with DPM-Solver++ 2M Karras."""
        return self._pipeline

    @cached_property
    def _pipeline(self) -> StableDiffusionPipeline:
        return self.fresh_pipeline()

    def fresh_pipeline(self) -> StableDiffusionPipeline:
        """One of its own for a measure that changes it."""
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
        """A caption for each scene, which leaves nothing to chance."""
        return [caption.text for caption in self._said]

    def pictures(self) -> Sequence[Image]:
        """What the base makes of the captions, the k-th from noise of seed k: the row that others are held against."""
        return self._pictures

    def sights(self, pictures: Sequence[Image]) -> list[Sight]:
        """What the probe sees in pictures."""
        return look(self._probe, pictures)

    def drawn(self, number: int) -> Sequence[Image]:
        """A render of each scene, what no caption can say drawn anew for each number."""
        return [draw(variation(scene, number)).image for scene in self._scenes]

    def features(self, pictures: Sequence[Image]) -> Features:
        """What the probe makes of pictures before it answers, (count, width)."""
        with torch.no_grad():
            rows = [self._probe.features(to_tensor(as_seen(picture))[None]).double().numpy() for picture in pictures]
        return np.concatenate(rows)

    def met(self, pictures: Sequence[Image], numbers: Sequence[int]) -> list[list[bool]]:
        """Which of the facts that captions (by their numbers) say each picture meets, by the probe."""
        pairs = zip(numbers, self.sights(pictures), strict=True)
        return [[right for _, right in verdicts(self._said[number], sight)] for number, sight in pairs]

    def following(self, pictures: Sequence[Image]) -> float:
        """The share of what the captions say that their pictures meet, in per cent."""
        facts = [fact for one in self.met(pictures, range(len(pictures))) for fact in one]
        return 100 * float(np.mean(facts))

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
