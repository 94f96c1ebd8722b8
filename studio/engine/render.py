"""From settled recipes to images: the model is lent once, and each run of recipes is made by its task's own file."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

import torch

from studio.backends.base import Rendered, Report, Wanted, always
from studio.catalogue.models import Model, sampled_by
from studio.catalogue.noise_schedules import of_config
from studio.engine import schedulers, tasks
from studio.engine.loan import Loan
from studio.engine.manager import PipelineManager
from studio.engine.maps import prompts, with_maps
from studio.engine.painter import Painter
from studio.engine.progress import Clock, Numbered, Progress
from studio.engine.text import check_length
from studio.errors import InvalidRecipe, NumericOverflow
from studio.events import Loading
from studio.inputs import Inputs
from studio.recipe import Recipe
from studio.settling.steering import check_followed
from studio.settling.tasks import check_task
from studio.settling.wording import ignored, unheard

# A recipe without what says its noise: recipes that are equal so are painted together.
SILENT = {"seed": None, "variation_seed": None, "variation_strength": None}


class Made(Protocol):
    """Whatever is made of the recipe with this number."""

    @property
    def index(self) -> int: ...


M = TypeVar("M", bound=Made)


def render(
    manager: PipelineManager,
    model: Model,
    recipes: Sequence[Numbered],
    report: Report,
    inputs: Inputs,
    wanted: Wanted = always,
) -> Iterator[Rendered]:
    """Yield the image of each numbered recipe; all are settled and of `model`.

    Raises InvalidRecipe before the first step for what the model cannot do, NotFound where a picture that a recipe
    starts from is gone, DeviceError where memory does not suffice or the numbers overflow, and whatever `report`
    raises; the device is free afterwards. Where `wanted` says no between two batches, the rest is left. Where
    numbers of less than 32 bits overflow, what is left is made in float32,
    once, and so is all of this model from then on.
    """
    return exact_at_last(
        manager, model, recipes, report, lambda left: _rendered(manager, model, left, report, inputs, wanted)
    )


def exact_at_last(
    manager: PipelineManager,
    model: Model,
    recipes: Sequence[Numbered],
    report: Report,
    make: Callable[[Sequence[Numbered]], Iterator[M]],
) -> Iterator[M]:
    """What `make` makes of the recipes; where numbers overflow, of those that are left once more, in float32."""
    left = list(recipes)
    try:
        for made in make(left):
            left = [numbered for numbered in left if numbered[0] != made.index]
            yield made
    except NumericOverflow as error:
        before = manager.dtype(model)
        if before == torch.float32:
            raise
        report(Loading(f"{error.message} Trying again in float32 instead of {str(before).removeprefix('torch.')} ..."))
    else:
        return
    manager.make_exact(model)
    yield from make(left)


def _rendered(
    manager: PipelineManager,
    model: Model,
    recipes: Sequence[Numbered],
    report: Report,
    inputs: Inputs,
    wanted: Wanted,
) -> Iterator[Rendered]:
    with manager.lend(model, None, report) as loan:
        check(manager, loan, recipes)
        clock = Clock([recipe for _, recipe in recipes])
        for number, run in enumerate(runs(recipes)):
            if number and not wanted():
                return
            painter = painter_of(manager, loan, run, clock, report, inputs, wanted)
            for index, image in tasks.of(painter.recipe)(painter):
                yield painter.rendered(index, image)
            painter.progress.close()


def check(manager: PipelineManager, loan: Loan, recipes: Sequence[Numbered]) -> None:
    """InvalidRecipe for the first thing that the model, now that it is loaded, cannot do."""
    model = loan.resident.model
    for _, recipe in recipes:
        check_task(recipe, model)
        check_followed(recipe, model)
        check_loaded(manager, loan, recipe, ("steps",) if recipe.hires_model else ("steps", "hires_steps"))


def check_loaded(manager: PipelineManager, loan: Loan, recipe: Recipe, steps: Sequence[str]) -> None:
    """InvalidRecipe where the words are too long, or the scheduler cannot take as many steps as these fields say."""
    check_length(loan.pipe, loan.resident.model, recipe, manager.book)
    _check_scheduler(loan, recipe, steps)


def runs(recipes: Sequence[Numbered]) -> Iterator[list[Numbered]]:
    """Recipes that follow one another and differ in their noise only."""
    for _, run in itertools.groupby(recipes, lambda numbered: numbered[1].model_copy(update=SILENT)):
        yield list(run)


def painter_of(
    manager: PipelineManager,
    loan: Loan,
    run: list[Numbered],
    clock: Clock,
    report: Report,
    inputs: Inputs,
    wanted: Wanted = always,
) -> Painter:
    """What paints a run, with all that stands beside its model."""
    model = loan.resident.model
    numbered = _with_maps(manager, model, run, inputs)
    recipe = numbered[0][1]
    manager.steer(loan, recipe, report, prompts(recipe, inputs))
    manager.dress(loan, recipe, report)
    manager.decode_by(loan, recipe, report)
    painter = Painter(manager, loan, inputs, Progress(clock, numbered, report), numbered, wanted)
    for words in (ignored(recipe, model), unheard(recipe, model)):
        if words:
            painter.note(words)
    return painter


def _with_maps(manager: PipelineManager, model: Model, numbered: list[Numbered], inputs: Inputs) -> list[Numbered]:
    """Recipes that differ in their noise only, all with the same maps."""
    workshop = manager.workshop(model)
    controls = manager.within("the maps", lambda: with_maps(numbered[0][1], inputs, workshop)).controls
    return [(index, recipe.model_copy(update={"controls": controls})) for index, recipe in numbered]


def _check_scheduler(loan: Loan, recipe: Recipe, fields: Sequence[str]) -> None:
    resident = loan.resident
    family, own = resident.model.family_facts(), resident.pipe.scheduler
    # What is loaded counts: of a model on the hub the catalogue knows what its TOML file says.
    usable = sampled_by(family, of_config(own.config, type(own).__name__))
    if recipe.scheduler not in usable:
        raise InvalidRecipe(
            "scheduler", f"{recipe.scheduler} cannot sample {resident.model.name}.", f"Choose {' or '.join(usable)}."
        )
    for field in fields:
        steps = getattr(recipe, field)
        sampling = (str(recipe.scheduler), int(steps or 0))
        if steps is not None and sampling not in resident.rehearsed:
            schedulers.check(own.config, *sampling, field, family)
            resident.rehearsed.add(sampling)
