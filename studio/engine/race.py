"""Races candidates: each is made by a loop of its own, all in the same steps, and the score decides who goes on."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from studio.backends.base import Rendered, Report, Turn, Wanted, always
from studio.catalogue.models import Model
from studio.controls.base import EstimatorContext
from studio.engine.heat import Arrival, Behind, Heat, Runner
from studio.engine.loop import Loop, runs
from studio.engine.manager import PipelineManager, Together
from studio.engine.maps import with_maps
from studio.engine.progress import Numbered
from studio.errors import Cancelled, ModelError, NumericOverflow, OutOfMemory
from studio.events import Event, Loading, Step
from studio.inputs import InputStore
from studio.metrics import METRICS
from studio.metrics.base import Metric, Sample
from studio.placing import totals
from studio.racing import Race, draft
from studio.recipe import PaintedRecipe

# So many are raced at a time; of more, each so many are a race, and other jobs have their turn in between.
MOST = 16
UNRACED = "Making the rest without a race."


class Racing:
    """The races of one call, for pictures of `model`; it is their owner's `turn`. `report` is told who is dropped."""

    def __init__(
        self, manager: PipelineManager, model: Model, report: Report, inputs: InputStore, turn: Turn, race: Race
    ) -> None:
        self._manager = manager
        self._model = model
        self._report = report
        self._inputs = inputs
        self._turn = turn
        self._race = race

    def pictures(self, recipes: Sequence[Numbered], wanted: Wanted = always) -> Iterator[Rendered]:
        """Yield the pictures that win, of each so many recipes.

        Where memory does not suffice for several at a time, or numbers overflow, the rest is made without a race.
        Raises ModelError where what they are scored by cannot be had, and all that a `Loop` does.
        """
        names = _measurable(self._manager.estimator_context(self._model), self._race)
        for start in range(0, len(recipes), MOST):
            if start and not wanted():
                return
            yield from self._pictures(recipes[start : start + MOST], names, wanted)

    def _pictures(self, recipes: Sequence[Numbered], names: Sequence[str], wanted: Wanted) -> Iterator[Rendered]:
        images, wait = [image for image, _ in recipes], self._manager.sharing.outcome
        rounds = self._race.rounds([recipe for _, recipe in recipes])
        heat = Heat(rounds, images, partial(self._scores, names), self._report, wait)
        made = set[int]()
        try:
            with self._manager.borrow_together(self._model, self._report) as together:
                for rendered in self._raced(self._with_maps(recipes), heat, together):
                    made.add(rendered.index)
                    yield rendered
        except (OutOfMemory, NumericOverflow) as error:
            words = f"{error.message} {UNRACED}"
        else:
            return
        # Behind the handler, where the error no longer holds the frames that hold the tensors.
        self._report(Loading(words))
        left = [one for one in recipes if one[0] not in made | heat.dropped]
        yield from Loop(
            self._manager, [self._model], left, self._report, self._inputs, wanted, changed=[words]
        ).pictures()

    def _with_maps(self, recipes: Sequence[Numbered]) -> Iterator[Numbered]:
        """The recipes with the maps that those which differ in their noise only have in common."""
        context = self._manager.estimator_context(self._model)
        for run in runs(recipes):
            make = partial(with_maps, run[0][1], self._inputs, context)
            controls = self._manager.within("the maps", make).controls
            yield from ((image, recipe.changed(controls=controls)) for image, recipe in run)

    def _raced(self, recipes: Iterable[Numbered], heat: Heat, together: Together) -> Iterator[Rendered]:
        sharing = self._manager.sharing
        turn = replace(self._turn, over=lambda: heat.is_over or self._turn.over())
        making = [sharing.submit(partial(self._made, one, heat, together, turn)) for one in recipes]
        stopped = 0
        try:
            for one in making:
                try:
                    yield from sharing.outcome(one)
                except Behind:
                    continue
                except Cancelled:  # this one alone, or all of them
                    stopped += 1
                    if stopped + len(heat.dropped) == len(making) or self._turn.over():
                        raise
        finally:
            # However it ended, nothing of it goes on beside what comes next.
            heat.end()
            for one in making:
                with suppress(BaseException):
                    sharing.outcome(one)

    def _made(self, numbered: Numbered, heat: Heat, together: Together, turn: Turn) -> list[Rendered]:
        image, recipe = numbered
        runner = Runner(heat, image, recipe)
        participant = self._manager.sharing.racer(recipe, turn)

        def render(single: PaintedRecipe, report: Report) -> list[Rendered]:
            given = (self._manager, [self._model], [(image, single)], report, self._inputs, always)
            loop = Loop(*given, participant=participant, together=together, racer=runner, each_step=turn.each_step)
            return list(loop.pictures())

        try:
            early = draft(recipe) if heat.drafts else None
            if not early:
                return render(recipe, self._report)
            (drafted,) = render(early, _counted(self._report, 0, recipe.steps))
            heat.arrive(image, Arrival(Sample(drafted.image, recipe), early.steps, recipe.steps, draft=True))
            return render(recipe, _counted(self._report, early.steps, 0))
        finally:
            heat.leave(image)

    def _scores(self, names: Sequence[str], samples: Sequence[Sample]) -> list[float]:
        """How pictures stand against one another by these metrics, from 0 to 1."""
        context = self._manager.estimator_context(self._model)
        scores: list[dict[str, float]] = [{} for _ in samples]
        for name in names:
            found = self._manager.within("the race", partial(METRICS[name].measure, samples, context))
            for mine, score in zip(scores, found, strict=True):
                if score is not None:
                    mine[name] = score
        return [total or 0.0 for total in totals(scores, lambda name: self._race.weights.get(name, 0.0))]


def _counted(report: Report, before: int, after: int) -> Report:
    """Reports steps as those of a picture that has so many others before and after."""

    def counted(event: Event) -> None:
        if isinstance(event, Step):
            event = replace(event, step=before + event.step, steps=before + event.steps + after)
        report(event)

    return counted


def _measurable(context: EstimatorContext, race: Race) -> list[str]:
    """What pictures can be scored by while they are made; ModelError where that knows nothing of what they show.

    A metric that holds pictures against each other waits for those that are finished.
    """
    wanted = [name for name, weight in race.weights.items() if weight and not METRICS[name].among]
    fault: ModelError | None = None
    found = []
    for name in wanted:
        try:
            _check_weights(METRICS[name], context)
        except ModelError as error:
            fault = fault or error
        else:
            found.append(name)
    if fault and not any(METRICS[name].networked for name in found):
        raise fault
    return found


def _check_weights(metric: Metric, context: EstimatorContext) -> None:
    if metric.networked and not (context.starter and metric.embedded):
        for weights in metric.needs:
            weights.here(context.settings)
