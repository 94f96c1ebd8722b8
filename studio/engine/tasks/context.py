"""What a task knows: the recipe, facts of its model and the stored pictures; nothing of the device."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from PIL.Image import Image

from studio.catalogue.models import Catalogue, Model
from studio.engine import masking
from studio.engine.loading import pipeline_class
from studio.engine.maps import fitted, prompts
from studio.engine.masking import Size
from studio.engine.requests import Decode, Denoise, LatentRow, Pass
from studio.families.base import Family
from studio.inputs import InputStore
from studio.recipe import PaintedRecipe, Task, TwoPassRecipe
from studio.resolve.prompts import ignored, unheard
from studio.resolve.second_pass import Assets, second_pass

# As many steps a distilled model has learned, where it does not say so: diffusers' own number.
LEARNED = 50


@dataclass(frozen=True, eq=False)
class TaskContext:
    """A resolved recipe whose maps are ready, the model that denoises it, and where its pictures are stored.

    `learned` is how many steps a distilled model has learned. `notes` are what the creator should know before the
    first step. `second` is the same for the second pass, where another model denoises that.
    """

    recipe: PaintedRecipe
    model: Model
    inputs: InputStore
    learned: int = LEARNED
    notes: tuple[str, ...] = ()
    second: "TaskContext | None" = None

    @classmethod
    def of(cls, recipe: PaintedRecipe, assets: Assets, inputs: InputStore) -> "TaskContext":
        """The context of a recipe; InvalidRecipe on `hires_model` where the second model cannot go on with it."""
        models = [assets.catalogue[name] for name in recipe.models]
        second = None
        if isinstance(recipe, TwoPassRecipe) and len(models) > 1:
            passed = second_pass(recipe, models[0], models[1], assets)
            second = cls._of(passed.recipe, models[1], assets.catalogue, inputs, passed.notes)
        return cls._of(recipe, models[0], assets.catalogue, inputs, (), second)

    @classmethod
    def _of(
        cls,
        recipe: PaintedRecipe,
        model: Model,
        catalogue: Catalogue,
        inputs: InputStore,
        notes: Sequence[str],
        second: "TaskContext | None" = None,
    ) -> "TaskContext":
        idle = (ignored(recipe, model), unheard(recipe, model))
        learned = catalogue.learned_steps(model) or LEARNED
        return cls(recipe, model, inputs, learned, (*filter(None, idle), *notes), second)

    @property
    def family(self) -> Family:
        """The facts of the model's family."""
        return self.model.family_facts()

    @property
    def native(self) -> Size:
        """The width and height that the model was made for."""
        return int(self.model.default("width")), int(self.model.default("height"))

    @cached_property
    def looks(self) -> Sequence[Image]:
        """The pictures of its image prompts; NotFound where one is gone."""
        return prompts(self.recipe, self.inputs)

    def open(self, name: str) -> Image:
        """A stored picture; NotFound where it is gone."""
        return self.inputs.open(name)

    def maps(self, size: Size) -> list[Image]:
        """The map of each control unit, over a picture of this size."""
        return [fitted(self.open(unit.map), size, unit) for unit in self.recipe.mapped_units]

    def divisible(self, picture: Image) -> Image:
        """The picture with its right and bottom edge repeated until both sides suit the model."""
        return masking.divisible(picture, self.family.multiple, self.family.min_side)

    def pass_of(self, task: Task, size: Size, steps: int, strength: float | None = None) -> Pass:
        """A pass of the model; at full strength nothing of a picture is left, which is text to image where it can."""
        if task == "img2img" and strength is not None and strength >= 1 and "text2img" in self.family.pipelines:
            return Pass("text2img", *size, steps, steps)
        if strength is None:
            return Pass(task, *size, steps, steps)
        if self._learned_a_schedule(task):
            # The strength cuts the schedule that was learned, and all the steps lie in what is left of it.
            steps = min(steps, int(self.learned * strength))
            return Pass(task, *size, steps, steps, strength)
        if self.family.process == "flow":  # its pipelines round the steps that are left out, not those that are made
            return Pass(task, *size, steps, steps - int(steps - steps * strength), strength)
        return Pass(task, *size, steps, int(steps * strength), strength)

    def denoise(self, pass_: Pass, *rows: LatentRow) -> Denoise:
        """The request for the latents of these rows of one picture."""
        return Denoise(self.model, self.recipe, pass_, rows, self.looks)

    def decode(self, pass_: Pass, row: LatentRow, latents: torch.Tensor) -> Decode:
        """The request for the picture of a row's latents."""
        return Decode(self.model, self.recipe, pass_, row, latents)

    def _learned_a_schedule(self, task: Task) -> bool:
        """Whether the model is distilled, and makes its steps on a part of the schedule that it has learned."""
        call = pipeline_class(self.family.pipelines[task]).__call__
        return "original_inference_steps" in inspect.signature(call).parameters
