"""What the starter's ControlNets share: their training, and how it is measured that a map wins."""

import random
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import torch
from diffusers import ControlNetModel, UNet2DConditionModel

from starter_factory.base import USES, pooled
from starter_factory.canvas import Image
from starter_factory.captions import SAID, describe
from starter_factory.controlnets import (
    Control,
    ControlledRenders,
    ControlObjective,
    build_controlnet,
    listen,
    make_eager,
    make_plain,
    paint,
    strengthen,
)
from starter_factory.draw import draw
from starter_factory.estimators import round_trip
from starter_factory.family.base import Member, Sitting, Table, begin, store, untrained, weights_of
from starter_factory.samples import in_step
from starter_factory.sampling import FIRST_UNSEEN
from starter_factory.sampling import paint as generate
from starter_factory.scene import Scene, free_scene
from starter_factory.sitting import full_caption
from starter_factory.store import WEIGHTS, Stored, amend
from starter_factory.training import Run, Session, fit, load_average, samples_of

BATCH = 8
# So many pictures with their maps are kept for each step of 16.
KEPT = 2_000
LEARNING_RATE = 5e-4
FIRST_SEED = 2**36
# What a map alone can tell.
OPEN = {**SAID, "position": 0.0, "order": 0.0, "small": 0.0, "large": 0.0, "pose": 0.0, "place": 1.0}
EDGE = (0.16, 0.22)
TALLEST_AT_THE_EDGE = 0.42


class ControlMember(Control, Member):
    """A ControlNet; a subclass says what it learns from, what the map is, and how well a picture keeps to it.

    What is stored adds `strength` times what was learned. The error of single steps is least at 1; whole pictures may
    keep to their maps better beyond it, as guidance has them keep to their prompts.
    """

    name: ClassVar[str]
    measured: ClassVar[str]
    strength: ClassVar[float] = 1.0
    needs = ("vae", "text_encoder", "tokenizer", "unet")

    def __init__(self) -> None:
        self.folder = f"controlnets/{self.name}"
        self.files = (f"{self.folder}/{WEIGHTS}",)

    def scene_of(self, seed: int) -> Scene:
        return free_scene(seed)  # a map may show any layout, not only those on the base's lines

    @abstractmethod
    def adherence(self, sitting: Sitting, scenes: Sequence[Scene], pictures: Sequence[Image]) -> float:
        """How well the pictures keep to the maps of the scenes."""

    def shown_by_map(self, scene: Scene) -> Scene:
        """The scene with those things alone that a map of this kind shows."""
        return scene

    def train(self, session: Session, stored: Stored) -> Run:
        unet, encoder = stored.unet(), stored.text_encoder()
        network = self._begun(stored, unet)
        batch, first = in_step(BATCH, session), samples_of(self.name, session)
        renders = ControlledRenders(self, stored.tokenizer(), FIRST_SEED + first, max(1, batch // USES), session.shrink)
        batches = pooled(stored.vae().to(session.device), renders, session, first, batch, KEPT)
        objective = ControlObjective(unet, encoder, network, session)
        return fit(self.name, network, batches, objective, session, LEARNING_RATE)

    def store(self, session: Session, stored: Stored) -> None:
        network = build_controlnet(stored.unet())
        make_eager(network)
        load_average(self.name, network, session.work)
        make_plain(network)
        strengthen(network, self.strength)
        store(network.state_dict(), stored.folder / self.files[0])
        network.save_config(stored.folder / self.folder)
        amend(stored.folder / self.folder / "config.json", _name_or_path=None)

    def load(self, base: Path) -> ControlNetModel:
        return ControlNetModel.from_pretrained(base / self.folder)

    def measure(self, sitting: Sitting) -> Table:
        """Maps whose layout the prompt names, does not name, and of a lone thing at the edge of the picture."""
        numbers = range(FIRST_UNSEEN, FIRST_UNSEEN + sitting.count)
        scenes = [self.scene_of(number) for number in numbers]
        shown = map(self.shown_by_map, scenes)
        edges = [at_the_edge(scene, number) for scene, number in zip(shown, numbers, strict=True)]
        table = {
            f"{self.measured}; layout not named": self._open_row(sitting, scenes),
            f"{self.measured}; a lone thing at the edge, not named": self._row(sitting, edges, _open_captions(edges)),
            f"{self.measured}; layout named": self._row(
                sitting, scenes, [full_caption(scene).text for scene in scenes]
            ),
        }
        return {row: {what: round(score, 3) for what, score in scores.items()} for row, scores in table.items()}

    def _open_row(self, sitting: Sitting, scenes: Sequence[Scene]) -> dict[str, float]:
        drawings = [draw(scene).image for scene in scenes]
        hints, prompts, pipeline = self._hints(scenes), _open_captions(scenes), sitting.pipeline()
        silent = untrained(lambda: build_controlnet(pipeline.unet))
        network = self.load(sitting.folder)
        more = {
            "controlled, no prompt": paint(pipeline, network, [""] * len(hints), hints),
            "untrained": paint(pipeline, silent, prompts, hints),
            "renders": drawings,
            "renders through the autoencoder": [round_trip(pipeline.vae, picture) for picture in drawings],
        }
        scores = {what: self.adherence(sitting, scenes, made) for what, made in more.items()}
        return self._row(sitting, scenes, prompts) | scores

    def _row(self, sitting: Sitting, scenes: Sequence[Scene], prompts: Sequence[str]) -> dict[str, float]:
        controlled = paint(sitting.pipeline(), self.load(sitting.folder), prompts, self._hints(scenes))
        pictures = {
            "controlled": controlled,
            "uncontrolled": generate(sitting.pipeline(), prompts),
            "controlled by another map": controlled[1:] + controlled[:1],
        }
        return {what: self.adherence(sitting, scenes, made) for what, made in pictures.items()}

    def _hints(self, scenes: Sequence[Scene]) -> list[Image]:
        return [self.hint_of(scene, draw(scene)) for scene in scenes]

    def _begun(self, stored: Stored, unet: UNet2DConditionModel) -> ControlNetModel:
        """With what is stored of it; else it is made to hear its map."""
        network = build_controlnet(unet)
        known = begin(network, weights_of(self.files[0], stored.folder))
        if "controlnet_cond_embedding.conv_in.weight" not in known:
            hints = torch.stack([torch.tensor(hint) for hint in self._hints([self.scene_of(k) for k in range(16)])])
            listen(network, hints.permute(0, 3, 1, 2).float() / 255)
        strengthen(network, 1 / self.strength)
        make_eager(network)
        return network


def at_the_edge(scene: Scene, number: int) -> Scene:
    """The scene's first thing alone, once and not too large, at its left or right edge; an empty scene stays empty."""
    rng = random.Random(number)
    x = rng.uniform(*EDGE)
    subjects = [
        replace(subject, spots=(replace(spot, x=rng.choice((x, 1 - x)), tall=min(spot.tall, TALLEST_AT_THE_EDGE)),))
        for subject in scene.subjects[:1]
        for spot in subject.spots[:1]
    ]
    return replace(scene, subjects=tuple(subjects), relation=None)


def _open_captions(scenes: Sequence[Scene]) -> list[str]:
    return [describe(scene, random.Random(scene.seed), OPEN).text for scene in scenes]
