"""Grids: one recipe along up to three axes, its cells as they are made, earlier grids, and exports."""

import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Unpack

from typing_extensions import TypedDict

from studio.errors import StudioError
from studio.gate.identity import Identity
from studio.grids.making import GridJob, Grids, plan
from studio.recipe import Recipe
from studio.rights import check_held
from studio.sheets import Kind
from studio.ui import grid_views
from studio.ui.events import FOLLOWER, LISTENER, QUICK, Event, Name, Words, served
from studio.ui.fast_gradio import gr
from studio.ui.form import Updates
from studio.ui.island import Island
from studio.ui.owner import identify
from studio.ui.schemas.grids import AxisText, GridLine, GridNews, GridPlan, GridRefusal, GridSetup
from studio.ui.tabs.base import AxisLines, Panel, Tab, TabContext


class Preparing(TypedDict):
    """The recipe that a grid begins with."""

    base: Words


class Considering(Preparing):
    """A grid before it is made."""

    axes: AxisLines


class Starting(Event):
    """A grid to make."""

    base: Words
    axes: AxisLines


class OfGrid(Event):
    """A grid."""

    id: Name = ""


class Writing(OfGrid):
    """A grid to write, as what."""

    kind: Kind


class GridPanel(Panel):
    """The grids of one page, all in one widget: its value tells a `setup`, `grid`, `grids`, `file` or `fault`."""

    def __init__(self, context: TabContext) -> None:
        self.studio = context.studio
        self.grids = Grids(context.studio)
        self.followers = context.followers
        self.consent = context.consent
        self.widget = Island(
            "grid",
            '<section class="grid-page" aria-label="Grid"></section>',
            module="grid_tab",
            events=("start", "halt", "resume", "look", "forget", "write"),
            acts=served({"consider": self._consider, "prepare": self._prepare}, looks=["consider", "prepare"]),
        )
        self.extras = (self.widget,)
        aside = {"show_progress_on": self.widget, "api_visibility": "private"}
        for act in (self._start, self._resume, self._look):
            self._hear(act, **FOLLOWER | aside)
        for quick in (self._halt, self._forget):
            self._hear(quick, **QUICK | aside)
        self._hear(self._write, **LISTENER | aside)

    def begin(self, recipes: list[Recipe], who: Identity) -> Updates:
        del who
        return {self.widget: _answer(setup=grid_views.setup(self.studio, recipes))}

    def vary(self, recipe: Recipe, axes: AxisLines, who: Identity) -> Updates:
        setup = grid_views.setup(self.studio, [recipe])
        lines: list[AxisText] = [{"field": str(one.get("field", "")), "text": str(one.get("text", ""))} for one in axes]
        try:
            begun = self.grids.begin(plan(self.studio.of(who), recipe, grid_views.axes(axes)), who)
        except StudioError as fault:
            return {self.widget: _answer(setup=setup, axes=lines, fault=str(fault))}
        return {self.widget: _answer(setup=setup, axes=lines, begun=begun.job.id)}

    def _hear(self, act: Callable[..., Any], **how: Any) -> None:
        """Let the widget's event of this method's name call it."""
        getattr(self.widget, act.__name__.lstrip("_"))(act, None, [self.widget], **how)

    def _prepare(self, event: Preparing) -> dict[str, GridSetup]:
        return {"setup": grid_views.setup(self.studio, [Recipe.from_json(event["base"])])}

    def _consider(self, event: Considering, who: Identity) -> GridPlan | GridRefusal:
        self._base(event["base"], who)
        return grid_views.considered(self.studio.of(who), event["base"], event["axes"])

    def _base(self, text: str, who: Identity) -> Recipe:
        """The recipe of a grid as the page says it; StudioError where it is none, or of somebody else's pictures."""
        recipe = Recipe.from_json(text)
        check_held(self.studio.inputs, [recipe], who)
        return recipe

    async def _start(self, event: Starting, request: gr.Request) -> AsyncIterator[Updates]:
        who = identify(request)

        def begin() -> GridJob:
            grid = plan(self.studio.of(who), self._base(event.base, who), grid_views.axes(event.axes))
            return self.grids.begin(grid, who)

        async for answer in self._followed(begin):
            yield answer

    async def _resume(self, event: OfGrid, request: gr.Request) -> AsyncIterator[Updates]:
        def resume() -> GridJob:
            return self.grids.resume(event.id, identify(request))

        async for answer in self._followed(resume):
            yield answer

    async def _look(self, event: OfGrid, request: gr.Request) -> AsyncIterator[Updates]:
        """Follow a grid, the newest where none is named."""

        def find() -> GridJob | None:
            known = self.grids.of(identify(request))
            return next((one for one in known if one.job.id == event.id), next(iter(known), None))

        async for answer in self._followed(find):
            yield answer

    async def _followed(self, find: Callable[[], GridJob | None]) -> AsyncIterator[Updates]:
        """What the page is told of a grid that is begun or found so, until nothing more is made of it."""
        try:
            found = await self.followers.run(find)
        except StudioError as fault:
            yield {self.widget: _answer(fault=str(fault))}
            return
        if found is None:
            yield {self.widget: _answer(grids=[])}
            return

        def listed() -> list[GridLine]:
            return grid_views.listed(self.grids.of(found.job.who))

        known = await self.followers.run(listed)
        async for grid in grid_views.watched(self.studio, found, self.followers):
            if grid["state"] != "running":
                known = await self.followers.run(listed)
            # Together, because the page drops a value that another follows closely.
            yield {self.widget: _answer(grids=known, grid=grid)}

    def _halt(self, event: OfGrid, request: gr.Request) -> Updates:
        try:
            self.grids.stop(event.id, identify(request))
        except StudioError as fault:
            return {self.widget: _answer(fault=str(fault))}
        return {}

    def _forget(self, event: OfGrid, request: gr.Request) -> Updates:
        who = identify(request)
        try:
            self.grids.remove(event.id, who)
        except StudioError as fault:
            return {self.widget: _answer(fault=str(fault))}
        return {self.widget: _answer(grids=grid_views.listed(self.grids.of(who)))}

    def _write(self, event: Writing, request: gr.Request) -> Updates:
        """Write a grid to a file that the browser then fetches."""
        try:
            who = identify(request)
            grid = self.grids.get(event.id, who).grid
            self.studio.pace.check(who)
            path = self.grids.sheets / f"{grid.id}.{event.kind}"
            note = self.grids.export(grid, path, event.kind)
        except StudioError as fault:
            return {self.widget: _answer(fault=str(fault))}
        address = self.studio.addresses.of(path, who)
        return {self.widget: _answer(file={"address": address, "name": f"grid-{path.name}", "note": note})}


def _answer(**answer: Unpack[GridNews]) -> GridNews:
    """A value of the widget; each differs from the one before, so that Gradio sends each."""
    return {**answer, "serial": time.time_ns()}


class GridTab(Tab):
    label = "Grid"
    order = 65
    group = "Choose"
    offers = "Grid"

    def build(self, context: TabContext) -> Panel:
        return GridPanel(context)


TAB = GridTab()
