"""From recipes to images: those that are denoised, and those that are enlarged only."""

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TypeVar

from studio.backends.base import NOBODYS, Rendered, Report, Turn, Wanted, always
from studio.engine.enlarge import enlarge
from studio.engine.loop import Loop
from studio.engine.manager import PipelineManager
from studio.engine.race import Racing
from studio.errors import OutOfMemory
from studio.events import Loading
from studio.inputs import InputStore
from studio.recipe import PaintedRecipe, ResolvedRecipe, UpscaleRecipe
from studio.resolve.tasks import check_second, shares_steps

BY_ITSELF = "Memory ran out; making this picture without others beside it."

R = TypeVar("R", bound=ResolvedRecipe)


def render(
    manager: PipelineManager,
    recipes: Sequence[tuple[int, ResolvedRecipe]],
    report: Report,
    inputs: InputStore,
    wanted: Wanted = always,
    turn: Turn = NOBODYS,
) -> Iterator[Rendered]:
    """Yield the image of each numbered recipe; none is of a hosted model, and it is their owner's `turn`.

    Raises InvalidRecipe before the first step for what a model cannot do, NotFound where a picture that a recipe
    starts from is gone, DeviceError where memory does not suffice or the numbers overflow, and whatever `report`
    raises; the device is free afterwards. Where `wanted` says no between two batches, what was not begun is left.
    Where numbers of less than 32 bits overflow, what is left is made in float32, once, and so is all of that model
    from then on. Where pictures share steps, one for which memory does not suffice beside others is made alone.
    """
    catalogue = manager.assets.catalogue
    for names, group in itertools.groupby(recipes, lambda one: one[1].models):
        numbered = list(group)
        if numbered[0] is not recipes[0] and not wanted():
            return
        if not names:
            yield from enlarge(manager, _of_kind(numbered, UpscaleRecipe), report, inputs)
            continue
        models = [catalogue[name] for name in names]
        for second in models[1:]:
            check_second(second)
        painted = _of_kind(numbered, PaintedRecipe)
        if turn.race and len(painted) > 1:
            yield from Racing(manager, models[0], report, inputs, turn, turn.race).pictures(painted, wanted)
            continue
        make = partial(Loop, manager, models, painted, report, inputs, wanted, each_step=turn.each_step)
        participant = None
        if len(painted) == 1 and shares_steps(painted[0][1], models):
            participant = manager.participant(painted[0][1], turn)
        try:
            yield from make(participant=participant).pictures()
        except OutOfMemory:
            if participant is None:
                raise
        else:
            continue
        # Behind the handler, where the error no longer holds the frames that hold the tensors.
        report(Loading(BY_ITSELF))
        yield from make(changed=[BY_ITSELF]).pictures()


def _of_kind(numbered: Sequence[tuple[int, ResolvedRecipe]], kind: type[R]) -> list[tuple[int, R]]:
    return [(number, recipe) for number, recipe in numbered if isinstance(recipe, kind)]
