"""Drives tasks: answers what they ask by diffusers' own pipelines, one model after the other, batch by batch."""

import itertools
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from functools import partial
from typing import Any

import torch

from studio.backends.base import Rendered, Report, Wanted
from studio.catalogue.models import Model
from studio.engine import tasks
from studio.engine.checks import check, check_second
from studio.engine.lease import PipelineLease
from studio.engine.manager import PipelineManager, Together
from studio.engine.maps import with_maps
from studio.engine.pools import Participant
from studio.engine.progress import Clock, Numbered, Progress
from studio.engine.renderer import Renderer
from studio.engine.requests import Decode, Denoise, Enlarge, Expect, Note, Racer, RenderRow, Request
from studio.engine.run import Picture, Run
from studio.engine.running import Running
from studio.engine.tasks.context import TaskContext
from studio.errors import NumericOverflow
from studio.events import Loading
from studio.inputs import InputStore
from studio.recipe import PaintedRecipe, Variation

# A recipe without what says its noise: recipes that are equal so are denoised together.
SILENT = {"seed": 0, "variation": Variation()}


class Loop:
    """One call for pictures of recipes that are all denoised by the same `models`, one or two, in this order.

    All first passes come first, then one change of models, then all second passes. What was begun waits in the
    computer's memory. As a `participant`, it shares the model's steps with other calls, where that can be. With
    `each_step`, what each step predicts comes with each picture; `changed` is what is done otherwise than asked so far.
    In a race, one picture is its `racer`'s, and the participant has the model `together` with the others.
    """

    def __init__(
        self,
        manager: PipelineManager,
        models: Sequence[Model],
        recipes: Sequence[Numbered],
        report: Report,
        inputs: InputStore,
        wanted: Wanted,
        *,
        participant: Participant | None = None,
        together: Together | None = None,
        racer: Racer | None = None,
        each_step: bool = False,
        changed: Sequence[str] = (),
    ) -> None:
        self._manager = manager
        self._assets = manager.assets
        self._participant = participant
        self._together = together
        self._report = report
        self._inputs = inputs
        self._wanted = wanted
        self._models = models
        self._begun = False
        clock = Clock()
        self._runs = [
            Run(run, models[0], Progress(clock, run, report, each_step=each_step, racer=racer)) for run in runs(recipes)
        ]
        for run in self._runs:
            run.changes += changed

    def pictures(self) -> Iterator[Rendered]:
        """Each picture as it is done; ended early, the tasks are closed and the device is free."""
        try:
            while model := self._next_model():
                yield from self._exact_at_last(model)
        finally:
            for run in self._runs:
                run.close()

    def _next_model(self) -> Model | None:
        """The first of the models that a picture still waits for."""
        return next((model for model in self._models if any(run.waits_for(model) for run in self._runs)), None)

    def _exact_at_last(self, model: Model) -> Iterator[Rendered]:
        """What goes on by the model; where numbers overflow, what is not done is made again in float32, once."""
        try:
            yield from self._by(model)
        except NumericOverflow as error:
            before = self._manager.dtype(model)
            if before == torch.float32 or self._together:
                raise
            name = str(before).removeprefix("torch.")
            self._report(Loading(f"{error.message} Trying again in float32 instead of {name} ..."))
        else:
            return
        # Behind the handler, where the error no longer holds the frames that hold the tensors, and nothing is borrowed.
        self._manager.make_exact(model)
        for run in self._runs:
            run.take_back(model)

    def _by(self, model: Model) -> Iterator[Rendered]:
        with self._borrowed(model) as lease, closing(self._made(lease)) as made:
            # All that pictures take is done where the device is, the end of the lease of a shared one included: each
            # errand of its own would wait for another step.
            if lease.seat:
                yield from lease.aside(lambda: list(made))
                return
            while picture := lease.aside(lambda: next(made, None)):
                yield picture

    def _borrowed(self, model: Model) -> AbstractContextManager[PipelineLease]:
        if self._together and self._participant:
            return self._together(self._participant)
        return self._manager.borrow(model, None, self._report, participant=self._participant)

    def _made(self, lease: PipelineLease) -> Generator[Rendered, None, None]:
        self._check(lease)
        for run in self._runs:
            yield from self._run(run, lease)
        lease.end()

    def _check(self, lease: PipelineLease) -> None:
        """InvalidRecipe before the first step for what the model, now that it is loaded, cannot do."""
        model, prompt_assets = lease.loaded.model, self._manager.prompt_assets
        for run in self._runs:
            second = run.context.second if run.context else None
            if run.context is None and run.waits_for(model):
                check(lease, run.recipe, prompt_assets)
            elif second and second.model == model:
                check_second(lease, second.recipe, prompt_assets)

    def _run(self, run: Run, lease: PipelineLease) -> Iterator[Rendered]:
        """What goes on of a run while this model is borrowed."""
        renderer = self._prepare(run, lease) if run.context is None and self._may_begin() else None
        while group := run.group(lease.loaded.model):
            if not group[0].batch and not self._may_begin():
                continue
            if not group[0].batch:
                lease.begin()
            context = group[0].context
            if renderer is None or renderer.recipe is not context.recipe:
                renderer = self._apply(run, lease, context)
            for picture in _denoised(group, renderer):
                yield from self._gone_on(run, picture, renderer)
            self._begun = True
        run.rest()

    def _gone_on(self, run: Run, picture: Picture, renderer: Renderer) -> Iterator[Rendered]:
        """The picture, where it is done without latents of another pass."""
        started = renderer.clock()
        _go_on(run, picture, renderer)
        if picture.done:
            verdict = renderer.checked(picture.result)
            facts = renderer.facts(picture.batch, run.loras) | run.remarks | verdict
            run.finish(picture)
            picture.seconds += renderer.clock() - started
            frames = run.progress.frames(picture.index)
            yield Rendered(picture.index, picture.result, picture.seconds, facts, picture.recipe, frames)
            return
        picture.seconds += renderer.clock() - started
        if picture.model != renderer.model:
            run.keep(picture)

    def _may_begin(self) -> bool:
        """Whether more pictures may be begun; where not, none are any more."""
        if self._begun and not self._wanted():
            for run in self._runs:
                run.leave()
            return False
        return True

    def _prepare(self, run: Run, lease: PipelineLease) -> Renderer:
        """Make the maps and whatever else all pictures of a run share."""
        context = TaskContext.of(self._with_maps(run.recipe, lease), self._assets, self._inputs)
        renderer = self._apply(run, lease, context)
        shared: Running[RenderRow] = Running(partial(tasks.of, context))
        with closing(shared):
            _go_on(run, shared, renderer)
        run.begin(context, shared.result)
        return renderer

    def _with_maps(self, recipe: PaintedRecipe, lease: PipelineLease) -> PaintedRecipe:
        context = self._manager.estimator_context(lease.loaded.model)
        make = partial(with_maps, recipe, self._inputs, context)
        return lease.aside(lambda: self._manager.within("the maps", make))

    def _apply(self, run: Run, lease: PipelineLease, context: TaskContext) -> Renderer:
        """The borrowed model with the networks, LoRAs and VAE of a recipe."""
        recipe = context.recipe
        lease.aside(lambda: self._put_on(lease, context))
        if lease.loras and not run.loras:
            run.loras = lease.loras.facts
        for words in context.notes:
            run.note(words)
        return Renderer(self._manager, lease, recipe, run.progress, run.changes.append)

    def _put_on(self, lease: PipelineLease, context: TaskContext) -> None:
        self._manager.attach_controls(lease, context.recipe, self._report, context.looks)
        self._manager.apply_loras(lease, context.recipe, self._report)
        self._manager.decode_by(lease, context.recipe, self._report)


def runs(recipes: Sequence[Numbered]) -> Iterator[list[Numbered]]:
    """Recipes that follow one another and differ in their noise only."""
    for _, run in itertools.groupby(recipes, lambda numbered: numbered[1].changed(**SILENT)):
        yield list(run)


def _denoised(group: Sequence[Picture], renderer: Renderer) -> Iterator[Picture]:
    """Those pictures of a group that can go on: all whose latents were made at once, or the one that asks for less."""
    requests = [picture.request for picture in group if isinstance(picture.request, Denoise)]
    if not requests:
        yield group[0]
        return
    started = renderer.clock()
    answers = renderer.denoise(requests)
    seconds = (renderer.clock() - started) / len(answers)
    for picture, latents in zip(group, answers, strict=False):  # the others come with the next batch
        picture.seconds += seconds
        picture.batch = max(picture.batch, renderer.batch)
        picture.answer(latents)
        yield picture


def _go_on(run: Run, task: Running[Any], renderer: Renderer) -> None:
    """Answer what a task asks until it asks for latents, or for another model."""
    while task.request is not None and not isinstance(task.request, Denoise) and task.model in (None, renderer.model):
        task.answer(_answer(task.request, run, renderer))


def _answer(request: Request, run: Run, renderer: Renderer) -> object:
    match request:
        case Decode():
            return renderer.decode(request)
        case Enlarge():
            return renderer.enlarge(request)
        case Expect():
            run.progress.expect(request.passes)
        case Note():
            run.note(request.words)
    return None
