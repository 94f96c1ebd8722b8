"""From resolved recipes to images: those that are denoised, and those that are enlarged only."""

import itertools
from collections.abc import Iterator, Sequence

from studio.backends.base import Rendered, Report, Wanted, always
from studio.engine.enlarge import enlarge
from studio.engine.loop import Loop
from studio.engine.manager import PipelineManager
from studio.engine.progress import Numbered
from studio.inputs import InputStore
from studio.resolve.tasks import check_second


def render(
    manager: PipelineManager,
    recipes: Sequence[Numbered],
    report: Report,
    inputs: InputStore,
    wanted: Wanted = always,
) -> Iterator[Rendered]:
    """Yield the image of each numbered recipe; all are resolved.

    Raises InvalidRecipe before the first step for what a model cannot do, NotFound where a picture that a recipe
    starts from is gone, DeviceError where memory does not suffice or the numbers overflow, and whatever `report`
    raises; the device is free afterwards. Where `wanted` says no between two batches, what was not begun is left.
    Where numbers of less than 32 bits overflow, what is left is made in float32, once, and so is all of that model
    from then on.
    """
    catalogue = manager.assets.catalogue
    for names, group in itertools.groupby(recipes, lambda one: one[1].models):
        numbered = list(group)
        if numbered[0] is not recipes[0] and not wanted():
            return
        if not names:
            yield from enlarge(manager, numbered, report, inputs)
            continue
        models = [catalogue[name] for name in names]
        for second in models[1:]:
            check_second(second)
        yield from Loop(manager, models, numbered, report, inputs, wanted).pictures()
