"""The contract of a member of the starter's family, and the sitting in which members are measured."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file
from torch import Tensor, nn

from starter_factory.first.autoencoder import SIDE, to_tensor
from starter_factory.first.canvas import Image
from starter_factory.first.evaluate import (
    FIRST_SEED,
    Scores,
    followed,
    full_captions,
    generate,
    judge,
    load,
    variation,
)
from starter_factory.first.illustrator import draw
from starter_factory.first.loop import Team
from starter_factory.first.probe import Probe, load_probe
from starter_factory.first.scene import Scene, training_scene
from starter_factory.sitting import Features, Table
from starter_factory.sitting import Sitting as AnySitting

__all__ = ["Member", "Sitting", "Table", "by_question", "store", "untrained"]

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class Sitting(AnySitting):
    """One evaluation by the first generation's world."""

    def fresh_pipeline(self) -> StableDiffusionPipeline:
        return load(self.folder)

    def probe(self) -> Probe:
        """The stored network that names what a picture shows."""
        return self._probe

    def scenes(self) -> Sequence[Scene]:
        """`count` scenes that no training has seen."""
        return self._scenes

    def captions(self) -> Sequence[str]:
        return self._captions

    def pictures(self) -> Sequence[Image]:
        return self._pictures

    def drawn(self, number: int) -> Sequence[Image]:
        return [draw(variation(scene, number), SIDE, SIDE).image for scene in self.scenes()]

    def features(self, pictures: Sequence[Image]) -> Features:
        images = torch.stack([to_tensor(picture) for picture in pictures])
        with torch.no_grad():
            parts = [self.probe().features(part).double().numpy() for part in torch.split(images, 64)]
        return np.concatenate(parts)

    def met(self, pictures: Sequence[Image], numbers: Sequence[int]) -> list[list[bool]]:
        met, said = followed([self.scenes()[number] for number in numbers], judge(self.probe(), pictures))
        return [facts[asked].tolist() for facts, asked in zip(met, said, strict=True)]

    @cached_property
    def _probe(self) -> Probe:
        return load_probe(self.folder)

    @cached_property
    def _scenes(self) -> Sequence[Scene]:
        return [training_scene(FIRST_SEED + number) for number in range(self.count)]

    @cached_property
    def _captions(self) -> Sequence[str]:
        return full_captions(self._scenes)

    @cached_property
    def _pictures(self) -> Sequence[Image]:
        return generate(self._pipeline, self._captions)


class Member(ABC):
    """One member: `minutes` is how long its stored weights were trained, in one process on one processor core.

    `files` are its weights relative to the model's folder. What fails to load is said by the stock class itself.
    """

    title: str
    minutes: float
    files: tuple[str, ...]

    @abstractmethod
    def train(self, seconds: float, team: Team, base: Path) -> None:
        """Train on top of the model in `base`, or go on; checkpoints lie in the team's work folder."""

    @abstractmethod
    def export(self, team: Team, base: Path) -> None:
        """Write what was trained as stock files under `base`, in half precision."""

    @abstractmethod
    def load(self, base: Path) -> Any:
        """What the stored files become by their stock class, with nothing of this package."""

    @abstractmethod
    def measure(self, sitting: Sitting) -> Table:
        """The figures of the stored weights, with a row or column that shows that they can fail."""

    def missing(self, base: Path) -> list[Path]:
        """Its files that are not there."""
        return [base / name for name in self.files if not (base / name).is_file()]


def by_question(columns: Mapping[str, Scores]) -> Table:
    """Scores of several kinds of pictures as a table with a row for each question."""
    questions = dict.fromkeys(question for scores in columns.values() for question in scores)
    return {
        f"{question}, %": {name: scores[question] for name, scores in columns.items() if question in scores}
        for question in questions
    }


def untrained(build: Callable[[], Network]) -> Network:
    """What `build` makes before it has learned anything, the same each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build().eval()


def store(weights: Mapping[str, Tensor], path: Path) -> None:
    """Write a whole .safetensors file in half precision, readable for everybody: `path` may be in use."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".tmp")
    save_file({name: tensor.detach().half().contiguous().cpu() for name, tensor in weights.items()}, fresh)
    fresh.chmod(0o644)
    fresh.replace(path)
