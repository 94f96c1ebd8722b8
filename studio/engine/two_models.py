"""Two passes by two models: all the first ones, one change of models, then all the second ones."""

from collections.abc import Iterator, Mapping, Sequence

from studio.backends.base import Rendered, Report, Wanted, always
from studio.catalogue.models import Model
from studio.engine.manager import PipelineManager
from studio.engine.painter import Painter
from studio.engine.progress import Begun, Clock, Numbered
from studio.engine.render import check, check_loaded, exact_at_last, painter_of, runs
from studio.engine.tasks import hires
from studio.errors import InvalidRecipe
from studio.inputs import Inputs
from studio.settling.second_pass import second_pass
from studio.settling.tasks import check_second


def render_by_two(
    manager: PipelineManager,
    models: tuple[Model, Model],
    recipes: Sequence[Numbered],
    report: Report,
    inputs: Inputs,
    wanted: Wanted = always,
) -> Iterator[Rendered]:
    """Yield the image of each numbered recipe; all are settled, with first passes and second passes by these `models`.

    What was begun waits in the computer's memory. Where `wanted` says no between two batches of first passes, no more
    are begun, and those that are get their second passes. Errors as of `render`, on `hires_model` for what the second
    model cannot do.
    """
    first, second = models
    check_second(second)
    clock = Clock([recipe for _, recipe in recipes])

    def begin(left: Sequence[Numbered]) -> Iterator[Begun]:
        return _begun(manager, models, left, report, inputs, clock, wanted)

    def end(left: Sequence[Numbered]) -> Iterator[Rendered]:
        return _ended(manager, models, left, report, inputs, clock, begun)

    begun = {one.index: one for one in exact_at_last(manager, first, recipes, report, begin)}
    yield from exact_at_last(manager, second, [(one.index, one.recipe) for one in begun.values()], report, end)


def _begun(
    manager: PipelineManager,
    models: tuple[Model, Model],
    recipes: Sequence[Numbered],
    report: Report,
    inputs: Inputs,
    clock: Clock,
    wanted: Wanted,
) -> Iterator[Begun]:
    first, second = models
    with manager.lend(first, None, report) as loan:
        check(manager, loan, recipes)
        for number, run in enumerate(runs(recipes)):
            if number and not wanted():
                return
            painter = painter_of(manager, loan, run, clock, report, inputs, wanted)
            for index, start in hires.begin(painter, second):
                yield painter.begun(index, start)
            painter.progress.pause()


def _ended(
    manager: PipelineManager,
    models: tuple[Model, Model],
    recipes: Sequence[Numbered],
    report: Report,
    inputs: Inputs,
    clock: Clock,
    begun: Mapping[int, Begun],
) -> Iterator[Rendered]:
    passes = [(index, second_pass(recipe, *models, manager.shelves)) for index, recipe in recipes]
    notes = {index: one.notes for index, one in passes}
    with manager.lend(models[1], None, report) as loan:
        whole = [(index, one.recipe) for index, one in passes]
        try:
            for _, recipe in whole:
                check_loaded(manager, loan, recipe, ("hires_steps",))
        except InvalidRecipe as error:
            field = "hires_steps" if error.field == "hires_steps" else "hires_model"
            raise InvalidRecipe(field, f"In the second pass: {error.message}", error.hint) from error
        for run in runs(whole):
            painter = painter_of(manager, loan, run, clock, report, inputs)
            _go_on(painter, [begun[index] for index, _ in run], notes[run[0][0]])
            for index, image in hires.end(painter, {index: begun[index].start for index, _ in run}):
                yield painter.rendered(index, image)
            painter.progress.close()


def _go_on(painter: Painter, begun: Sequence[Begun], notes: Sequence[str]) -> None:
    for one in begun:
        painter.go_on(one)
    for words in notes:
        painter.note(words)
