"""How far a job is: the steps of each image, and the seconds that are left."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from PIL.Image import Image

from studio.backends.base import Report
from studio.engine.noise import Noise
from studio.events import Step
from studio.recipe import Recipe, Task

Numbered = tuple[int, Recipe]


@dataclass(frozen=True)
class Stage:
    """One call of a pipeline: images of `width` x `height` by `task`, the scheduler set to `steps`.

    `made` is how many of the steps are made; a low strength leaves out the first ones, the lowest all of them. `done`
    is how many a stage before it took, for words that change at a step.
    """

    task: Task
    width: int
    height: int
    steps: int
    made: int
    strength: float | None = None
    done: int = 0

    @property
    def work(self) -> int:
        """What one picture of it costs, in steps times pixels."""
        return self.made * self.width * self.height


@dataclass(frozen=True, eq=False)
class Piece:
    """A picture to be denoised: the job's image it belongs to, its noise, and what it starts from.

    `inputs` are the pipeline's arguments of which each picture of a batch has its own, `maps` what the picture
    follows, one for each control unit.
    """

    image: int
    noise: Noise
    inputs: dict[str, Any] = field(default_factory=dict)
    maps: Sequence[Image] = ()


@dataclass(frozen=True, eq=False)
class Begun:
    """What one model has made of image `index`, for another to go on with: a picture, or latents (on the CPU).

    `recipe`, `notes`, `changes` and `facts` are kept with the image in the end, as are the `seconds` that it took.
    """

    index: int
    start: Image | torch.Tensor
    recipe: Recipe
    seconds: float
    notes: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


class Clock:
    """Guesses the seconds that a job has left, from how fast the work so far went."""

    def __init__(self, recipes: Sequence[Recipe]) -> None:
        self._started = time.perf_counter()
        self._whole = sum(map(cost, recipes))
        self._done = 0.0

    def left(self, recipes: Sequence[Recipe], share: float) -> float:
        """The seconds left where this `share` (0 to 1) of `recipes` is done."""
        done = self._done + share * sum(map(cost, recipes))
        return (time.perf_counter() - self._started) * (self._whole - done) / done

    def finished(self, recipes: Sequence[Recipe], share: float) -> None:
        """So much more (0 to 1) of `recipes` is done."""
        self._done += share * sum(map(cost, recipes))


class Progress:
    """Tells the steps of a run: recipes that differ in their noise only, all made in the same stages."""

    def __init__(self, clock: Clock, numbered: Sequence[Numbered], report: Report) -> None:
        self.report = report
        self._clock = clock
        self._recipes = [recipe for _, recipe in numbered]
        self._steps, self._work, self._tiles = 0, 0, 1
        self._made: Counter[int] = Counter()
        self._done = 0
        # The share of the run that the clock has counted already.
        self._counted = 0.0

    def expect(self, stages: Sequence[Stage]) -> None:
        """Each image of the run takes these stages; where all are the same, they are its tiles."""
        self._tiles = len(stages) if len(set(stages)) == 1 else 1
        self._steps = sum(stage.made for stage in stages)
        self._work = sum(stage.work for stage in stages)

    def step(self, stage: Stage, pieces: Sequence[Piece], share: float) -> None:
        """Tell that `share` (0 to 1) of a stage is done for a batch; each of its images has as many pieces in it."""
        images = tuple(dict.fromkeys(piece.image for piece in pieces))
        # Some schedulers ask the denoiser twice a step; a person counts the steps that were set.
        step = max(1, int(share * stage.made + 1e-6)) * (len(pieces) // len(images))
        done = self._share(share * stage.work * len(pieces))
        left = self._clock.left(self._recipes, done - self._counted)
        self.report(Step(images, self._made[images[0]] + step, self._steps, left, self._tiles))

    def finished(self, stage: Stage, pieces: Sequence[Piece]) -> None:
        """A batch has gone through the stage."""
        self._done += stage.work * len(pieces)
        for piece in pieces:
            self._made[piece.image] += stage.made

    def passed(self, stage: Stage, pieces: Sequence[Piece]) -> None:
        """Another model has made this stage, and its `pause` told the clock."""
        self.finished(stage, pieces)
        self._counted = self._share()

    def pause(self) -> None:
        """What is left of the run comes later."""
        self._clock.finished(self._recipes, self._share() - self._counted)

    def close(self) -> None:
        """The run is over."""
        self._clock.finished(self._recipes, 1 - self._counted)

    def _share(self, more: float = 0) -> float:
        return (self._done + more) / max(1, self._work * len(self._recipes))


def cost(recipe: Recipe) -> float:
    """What an image costs, roughly, in a unit of its own."""
    area = (recipe.width or 1) * (recipe.height or 1)
    once = (recipe.steps or 1) * (1 if recipe.strength is None else max(recipe.strength, 0.01))
    second = (recipe.hires_steps or 0) * (recipe.hires_strength or 0) * (recipe.hires_scale or 0) ** 2
    return float(area * (once * (recipe.upscale or 1) ** 2 + second))
