"""What a tab's form asks for: pictures by Generate, one at once while somebody still chooses, another tab's work."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from pydantic import Field

from studio.errors import StudioError
from studio.gate.identity import Identity
from studio.live import Live
from studio.recipe import Recipe
from studio.studio import Studio
from studio.ui.consent import Consent
from studio.ui.events import WATCHER, Event, Name, Whole, Words
from studio.ui.fast_gradio import gr
from studio.ui.followers import Followers
from studio.ui.form import Updates, Values
from studio.ui.job_view import view, watch
from studio.ui.owner import identify
from studio.ui.shared_settings import into, live
from studio.ui.tab_forms import TabForms
from studio.ui.tabs.base import AxisLines, Panel


class Into(Event):
    """The tab whose work begins, and at once where it is told what varies.

    Where it was composed in that tab, `prompt` and `count` stand in for the form's, and `race` was chosen there.
    """

    to: Name
    axes: AxisLines = []  # noqa: RUF012 - a default of its schema
    prompt: Words = ""
    count: Annotated[int, Field(ge=0, le=100_000)] = 0
    race: bool | None = None


class Wish(Event):
    """A picture that is drawn live; `serial` grows from wish to wish."""

    serial: Whole


class Submissions:
    """Puts what the forms say in line, and shows in the gallery what becomes of it."""

    def __init__(self, studio: Studio, forms: TabForms, stage: Any, followers: Followers, consent: Consent) -> None:
        self._studio = studio
        self._forms = forms
        self._stage = stage
        self._followers = followers
        self.consent = consent
        self._live = Live(studio)

    def wire(self, tab: str, aside: dict[str, Any]) -> None:
        """Listen to what a tab's form asks for; what fills other widgets has its options `aside`."""
        self._wire_generate(tab)
        self._wire_live(tab)
        self._wire_into(tab, aside)

    async def begun(self, who: Identity, submit: Callable[[], Updates]) -> AsyncIterator[Updates]:
        """What a submission sets, if anything, then the owner's jobs until all are done; or why nothing was queued."""
        try:
            first = await self._followers.run(submit)
        except StudioError as fault:
            yield {self._stage: await self._followers.run(view, self._studio, who, fault)}
            return
        if first:
            yield first
        async for seen in watch(self._studio, who, self._followers):
            yield {self._stage: seen}

    async def watch(self, request: gr.Request) -> AsyncIterator[Updates]:
        """The owner's jobs until all are done."""
        async for seen in watch(self._studio, identify(request), self._followers):
            yield {self._stage: seen}

    def _wire_generate(self, tab: str) -> None:
        """The tab's own Generate, so that a program is asked for what this tab takes and nothing else."""

        async def generate(values: Values, request: gr.Request) -> AsyncIterator[Updates]:
            who = identify(request)

            def submit() -> Updates:
                recipes = self._forms.recipes(tab, values, who)
                self.consent.check(recipes, who, asks=True)
                self._studio.submit(recipes, who)
                return {}

            async for update in self.begun(who, submit):
                yield update

        getattr(self._forms.shared_settings.facts, tab)(
            generate,
            self._forms.read_by(tab),
            [self._stage],
            api_name=self._forms.tabs[tab].endpoint or tab,
            api_description=self._forms.tabs[tab].about,
            **WATCHER,
        )

    def _wire_live(self, tab: str) -> None:
        """What the tab says is drawn at once, instead of what it said before."""

        async def draw(values: Values, event: Wish, request: gr.Request) -> AsyncIterator[Updates]:
            who = identify(request)

            def submit() -> Updates:
                self._live.draw(self._forms.recipes(tab, values, who)[0], who, event.serial)
                return {}

            async for update in self.begun(who, submit):
                yield update
            await self._followers.run(self._live.tidy, who)
            yield {self._stage: await self._followers.run(view, self._studio, who)}

        drawn = getattr(self._forms.shared_settings.facts, live(tab))
        drawn(draw, self._forms.read_by(tab), [self._stage], api_visibility="private", **WATCHER)

    def _wire_into(self, tab: str, aside: dict[str, Any]) -> None:
        """What the tab says becomes another tab's work."""
        forms = self._forms

        def begin(values: Values, event: Into, request: gr.Request) -> Updates:
            who = identify(request)
            try:
                instead = {name: value for name in ("prompt", "count") if (value := getattr(event, name))}
                recipes = [recipe.replace(**instead) for recipe in forms.recipes(tab, values, who)]
                self.consent.check(recipes, who, asks=True)
                begun = self._made_into(forms.panel(event.to), recipes, event, who)
            except StudioError as fault:
                composed = forms.panel(event.to).refused(fault, event.prompt, event.count, who) if event.count else {}
                return composed or {self._stage: view(self._studio, who, fault)}
            return {**begun, forms.tablist: gr.Tabs(selected=event.to)}

        begun = getattr(forms.shared_settings.facts, into(tab))(
            begin, forms.read_by(tab), [self._stage, forms.tablist, *forms.extras], **aside
        )
        begun.then(self.watch, None, [self._stage], api_visibility="private", **WATCHER)

    @staticmethod
    def _made_into(panel: Panel, recipes: list[Recipe], event: Into, who: Identity) -> Updates:
        """Begin a tab's work with these recipes."""
        if event.axes:
            return panel.vary(recipes[0], event.axes, who)
        return panel.compose(recipes, who, race=event.race) if event.count else panel.begin(recipes, who)
