"""The workspace: tabs above, one form to the left, the gallery to the right; and how pictures are asked for and sent
on.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from studio.errors import StudioError
from studio.gate.identity import Identity
from studio.live import Live
from studio.metadata import own
from studio.recipe import Recipe, setting_specs
from studio.rights import check_held
from studio.studio import Studio
from studio.ui import gallery, import_panel, picture_work, web
from studio.ui.events import FOLLOWER, LISTENER, QUICK, WATCHER, BadInput, Event, Name, Whole, Words
from studio.ui.fast_gradio import gr
from studio.ui.followers import Followers
from studio.ui.form import Form, Updates, Values
from studio.ui.ids import Id
from studio.ui.island import Island
from studio.ui.job_view import finished, stored, view, watch
from studio.ui.loras import LoraPanel
from studio.ui.model_picker import ModelPicker
from studio.ui.owner import identify
from studio.ui.page import Page, Parameter
from studio.ui.preset_panel import PresetPanel
from studio.ui.schemas.jobs import View
from studio.ui.shared_settings import SharedSettings, into, live
from studio.ui.source import Picture
from studio.ui.tabs import TABS
from studio.ui.tabs.base import AxisLines, Panel, PicturePanel, Tab, TabContext
from studio.ui.units import Units

TAKEN_OVER = "The form now has the settings of this picture."
# What programs give where it is no field's value.
PARAMETERS = {
    "init_image": "The picture to start from: an uploaded file.",
    "masks": "What is painted over: an uploaded file, white where something changes.",
    "control_slot": "The page's own; leave it out.",
    "loras": 'LoRAs: {"loras": [{"name": "...", "weight": 1}]}.',
    "controls": 'ControlNets: {"units": [...]}, each as a recipe has it.',
}
# What of the recipe of a picture is taken over where it is painted over anew.
ADOPTED = frozenset(
    {
        *("prompt", "styles", "negative_prompt", "negative_presets", "model", "vae"),
        *("steps", "guidance_scale", "scheduler", "clip_skip"),
    }
)


class Which(Event):
    """A picture: one of a job, or one of the library by what the page was told of it."""

    job: Name = ""
    image: Whole = 0
    stored: Name = ""


class Sent(Which):
    """A picture, and the tab that it goes to."""

    tab: Name


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


class Stopping(Event):
    """A job."""

    job: Name


def in_order() -> list[tuple[str, Tab]]:
    """All tabs as they stand in the strip; those in the menu at its end come last."""
    return sorted(TABS.items(), key=lambda member: (bool(member[1].group), member[1].order))


def strip_css() -> str:
    """Leaves the handles that stand in a menu out of the strip, from its first frame on; a chosen one stands in it."""
    names = ", ".join(f"#{Id.TAB}{name}-button" for name, tab in TABS.items() if tab.group)
    return f':is({names}):not([aria-selected="true"]) {{ display: none; }}' if names else ""


class Workspace:
    """One page's form, tabs and gallery, and how they are wired."""

    def __init__(self, studio: Studio, blocks: Any, model: Any, picker: ModelPicker | None = None) -> None:
        self.studio = studio
        self.followers = Followers(blocks)
        self.live = Live(studio)
        self.tabs: dict[str, Tab] = {name: tab for name, tab in in_order() if tab.here(studio)}
        self.panels: dict[str, Panel] = {}
        self.form = Form(studio)
        self.form.adopt("model", model)
        self.picker = picker or ModelPicker(studio)
        self.picker.adopt(self.form)
        self.units = Units(studio, self.form)
        self.stack = LoraPanel(studio, self.form)
        self.shared_settings = SharedSettings(studio, self.form, self.units)
        self.presets = PresetPanel(studio, self.form, self.shared_settings, self.stack, self.units)
        with gr.Column(elem_classes="bench"):
            behind = self._place_tabs(blocks)
            with gr.Column(elem_classes="ask"):
                offers = sorted((tab.order, name, tab.offers) for name, tab in self.tabs.items() if tab.offers)
                verbs = {name: tab.verb for name, tab in self.tabs.items()}
                self.shared_settings.place_prompt({name: words for _, name, words in offers}, verbs)
            with gr.Column(elem_classes="wall"):
                takers = {name: tab.label for name, tab in self.tabs.items() if tab.takes_picture or tab.offers}
                self.stage = gallery.place(studio, takers)
                picture_work.place(studio)
            with gr.Column(elem_classes="rest"):
                with gr.Row(elem_id="ready"):
                    self.presets.place()
                    self.import_box = import_panel.place()
                self.shared_settings.place_settings()
                self.stack.place()
                self.units.place()
                for column in behind:
                    column.render()
                self.shared_settings.place_more()
        self._wire(blocks)
        if isinstance(blocks, Page):
            blocks.parameters.update(self.parameters())

    def _place_tabs(self, blocks: Any) -> list[Any]:
        """Each tab's own widgets; returns what is to stand below the shared ones."""
        behind: list[Any] = []
        self.handles: dict[str, Any] = {}
        with gr.Tabs(elem_id=Id.TABS, overflow_behavior="wrap") as self.tablist:
            for name, tab in self.tabs.items():
                look = {"id": name, "elem_id": f"{Id.TAB}{name}", "visible": tab.role == "viewer"}
                with gr.Tab(tab.label, **look) as self.handles[name]:
                    if tab.task:
                        self.form.add_tab(name, tab.task)
                    self.panels[name] = tab.build(
                        TabContext(self.studio, blocks, self.form, name, self.followers, self.picker.consent, behind)
                    )
        grouped = [{"id": name, "group": tab.group, "label": tab.label} for name, tab in self.tabs.items() if tab.group]
        Island(Id.MORE_TABS, module="more_tabs", data=grouped)
        return behind

    def _wire(self, blocks: Any) -> None:
        stage, shared_settings = self.stage, self.shared_settings
        # What once had a loading status is read back, with all that is in it, at each status of every listener: never
        # the tabs, because a mask editor in them is read back as pictures.
        aside = {**QUICK, "show_progress_on": stage}
        shared_settings.wire(self.picker)
        for panel in self.panels.values():
            panel.wire()
        self.presets.wire()
        shared_settings.generate.click(None, None, None, js=web.call("generate", "go"), api_visibility="private")
        for other, button in shared_settings.offers.items():
            button.click(None, None, None, js=web.call("generate", "go", other), api_visibility="private")
        for name in self.form.tasks:
            self._wire_generate(name)
            self._wire_live(name)
            self._wire_into(name, aside)
            self._wire_models(name)
        stage.another(self._another, None, [stage], api_visibility="private", **WATCHER)
        stage.again(self._again, None, [stage, *self._extras], api_visibility="private", **FOLLOWER)
        stage.look(self._look, None, [stage], **QUICK)
        stage.stop(self._stop, None, [stage], **QUICK)
        stage.use(
            self._use,
            set(shared_settings.all.values()),
            [stage, self.tablist, *shared_settings.moving, *self._extras],
            **aside,
        )
        self.import_box.bring(
            self._hear,
            set(shared_settings.all.values()),
            [self.import_box, self.tablist, *shared_settings.moving, *self._extras],
            **aside,
        )
        stage.send(self._send, None, [stage, self.tablist, *self._extras], **aside)
        for name, panel in self.panels.items():
            if isinstance(panel, PicturePanel) and panel.adopts:
                self._wire_adopting(name, panel, aside)
        shared_settings.remember(self._kept, self.handles)
        # Holds nothing by itself: the script fills it with what the browser keeps.
        kept = gr.JSON(visible=False)
        arrived = blocks.load(
            self._restore_with(kept),
            {kept},
            [stage, self.tablist, *self._reserved.values(), *shared_settings.moving, *self._extras],
            js=web.call("form", "kept"),
            api_visibility="private",
            show_progress_on=stage,
            **LISTENER,
        )
        arrived.then(self._watch, None, [stage], api_visibility="private", **WATCHER)

    def _wire_generate(self, tab: str) -> None:
        """The tab's own Generate, so that a program is asked for what this tab takes and nothing else."""

        async def generate(values: Values, request: gr.Request) -> AsyncIterator[Updates]:
            who = identify(request)

            def submit() -> Updates:
                recipes = self._recipes(tab, values, who)
                self.picker.consent.check(recipes, who, asks=True)
                self.studio.submit(recipes, who)
                return {}

            async for update in self._begun(who, submit):
                yield update

        getattr(self.shared_settings.facts, tab)(
            generate,
            self._read_by(tab),
            [self.stage],
            api_name=self.tabs[tab].endpoint or tab,
            api_description=self.tabs[tab].about,
            **WATCHER,
        )

    def parameters(self) -> dict[Any, Parameter]:
        """What programs call the widgets that a tab's Generate reads, by the names of the recipe's fields."""
        specs = setting_specs()
        names = {widget: key.rpartition("/")[2] for key, widget in self.form.all.items()}
        panels = self.panels.values()
        names |= {widget: str(widget.elem_id) for panel in panels for widget in panel.extras}
        names |= {widget: name for panel in panels for name, widget in panel.kept.items()}
        names |= {self.stack.widget: "loras", self.units.widget: "controls"}
        given = {widget: name.replace("-", "_") for widget, name in names.items()}
        return {
            widget: Parameter(name, PARAMETERS.get(name) or (specs[name].help if name in specs else ""))
            for widget, name in given.items()
        }

    def _wire_live(self, tab: str) -> None:
        """What the tab says is drawn at once, instead of what it said before."""

        async def draw(values: Values, event: Wish, request: gr.Request) -> AsyncIterator[Updates]:
            who = identify(request)

            def submit() -> Updates:
                self.live.draw(self._recipes(tab, values, who)[0], who, event.serial)
                return {}

            async for update in self._begun(who, submit):
                yield update
            await self.followers.run(self.live.tidy, who)
            yield {self.stage: await self.followers.run(view, self.studio, who)}

        drawn = getattr(self.shared_settings.facts, live(tab))
        drawn(draw, self._read_by(tab), [self.stage], api_visibility="private", **WATCHER)

    def _wire_into(self, tab: str, aside: dict[str, Any]) -> None:
        """What the tab says becomes another tab's work."""

        def begin(values: Values, event: Into, request: gr.Request) -> Updates:
            who = identify(request)
            try:
                instead = {name: value for name in ("prompt", "count") if (value := getattr(event, name))}
                recipes = [recipe.replace(**instead) for recipe in self._recipes(tab, values, who)]
                self.picker.consent.check(recipes, who, asks=True)
                begun = self._made_into(self._panel(event.to), recipes, event, who)
            except StudioError as fault:
                composed = self._panel(event.to).refused(fault, event.prompt, event.count, who) if event.count else {}
                return composed or {self.stage: view(self.studio, who, fault)}
            return {**begun, self.tablist: gr.Tabs(selected=event.to)}

        begun = getattr(self.shared_settings.facts, into(tab))(
            begin, self._read_by(tab), [self.stage, self.tablist, *self._extras], **aside
        )
        begun.then(self._watch, None, [self.stage], api_visibility="private", **WATCHER)

    @staticmethod
    def _made_into(panel: Panel, recipes: list[Recipe], event: Into, who: Identity) -> Updates:
        """Begin a tab's work with these recipes."""
        if event.axes:
            return panel.vary(recipes[0], event.axes, who)
        return panel.compose(recipes, who, race=event.race) if event.count else panel.begin(recipes, who)

    def _wire_models(self, tab: str) -> None:
        """Where the tab is chosen, the models are offered that can do its task."""
        model = self.form.widgets["model"]
        offer = partial(self.form.offer_models, tab)
        self.handles[tab].select(lambda values: offer(values[model]), {model}, [model], **QUICK)

    def _wire_adopting(self, tab: str, panel: PicturePanel, aside: dict[str, Any]) -> None:
        """The words and settings of a picture that is given become the form's, where the library knows them."""
        well = panel.source.widget

        def adopt(values: Values, request: gr.Request) -> Updates:
            recipe = self._adopted(values[well] or {}, identify(request))
            if recipe is None:
                return {self.stack.widget: gr.skip()}
            return {**self.shared_settings.show(recipe, tab, values, ADOPTED), **self.stack.show(recipe)}

        shared = self.shared_settings
        well.change(adopt, {well, *shared.all.values()}, [*shared.moving, self.stack.widget], **aside)

    def _adopted(self, held: Mapping[str, Any], who: Identity) -> Recipe | None:
        """The recipe of the one picture in a well; None where its settings are not to count, or nobody knows them."""
        pictures = held.get("pictures", ())
        entry = self.studio.index.of_pixels(str(pictures[0]["id"]), who) if len(pictures) == 1 else None
        if held.get("restored") or entry is None or entry.path is None:
            return None
        try:
            recipe = own.read(entry.path)
        except StudioError:  # another tool's, or damaged
            return None
        return recipe if recipe.denoises and recipe.models else None

    def _read_by(self, tab: str) -> set[Any]:
        """The widgets that the tab's recipes are read from."""
        return {*self.form.of(tab).values(), *self.panels[tab].extras, *self._shared}

    def _recipes(self, tab: str, values: Values, who: Identity) -> list[Recipe]:
        """What the tab says, nothing of it resolved; InvalidRecipe names the field that cannot be."""
        sources = self.panels[tab].read(values, who)
        shared = {**self.stack.read(values, tab), **self.units.read(values, tab)}
        recipes = [self.form.read(values, tab, **source, **shared) for source in sources]
        check_held(self.studio.inputs, recipes, who)
        return recipes

    @property
    def _shared(self) -> list[Any]:
        """The panels that all tabs share."""
        return [self.stack.widget, self.units.widget]

    @property
    def _reserved(self) -> dict[str, Any]:
        """The handles of tabs that not everybody is shown."""
        return {name: handle for name, handle in self.handles.items() if self.tabs[name].role != "viewer"}

    @property
    def _extras(self) -> list[Any]:
        return [*self._shared, *(widget for panel in self.panels.values() for widget in panel.extras)]

    @property
    def _kept(self) -> dict[str, Any]:
        kept = {f"{tab}/{name}": widget for tab, panel in self.panels.items() for name, widget in panel.kept.items()}
        return {**kept, "loras": self.stack.widget, "controls": self.units.widget}

    async def _another(self, event: Which, request: gr.Request) -> AsyncIterator[Updates]:
        """The same once more, with another seed."""
        who = identify(request)

        def submit() -> Updates:
            _, recipe = self._pictured(who, event)
            self.picker.consent.check([recipe], who)
            self.studio.submit(recipe.replace(seed=None), who)
            return {}

        async for update in self._begun(who, submit):
            yield update

    async def _again(self, event: Which, request: gr.Request) -> AsyncIterator[Updates]:
        """The same once more from what came out, which becomes the source."""
        who = identify(request)

        def submit() -> Updates:
            path, recipe = self._pictured(who, event)
            self.picker.consent.check([recipe], who)
            picture = Picture.of(self.studio.inputs.add(path, who=who), path.name)
            self.studio.submit(recipe.replace(init_image=picture.id, seed=None), who)
            return {self.stage: view(self.studio, who), **self.panels[self._tab_of(recipe)].take(picture, who)}

        async for update in self._begun(who, submit):
            yield update

    async def _begun(self, who: Identity, submit: Callable[[], Updates]) -> AsyncIterator[Updates]:
        """What a submission sets, if anything, then the owner's jobs until all are done; or why nothing was queued."""
        try:
            first = await self.followers.run(submit)
        except StudioError as fault:
            yield {self.stage: await self.followers.run(view, self.studio, who, fault)}
            return
        if first:
            yield first
        async for seen in watch(self.studio, who, self.followers):
            yield {self.stage: seen}

    async def _watch(self, request: gr.Request) -> AsyncIterator[Updates]:
        async for seen in watch(self.studio, identify(request), self.followers):
            yield {self.stage: seen}

    def _look(self, request: gr.Request) -> Updates:
        return {self.stage: view(self.studio, identify(request))}

    def _stop(self, event: Stopping, request: gr.Request) -> Updates:
        who = identify(request)
        try:
            self.studio.stop(event.job, who)
        except StudioError as fault:
            return {self.stage: view(self.studio, who, fault)}
        return {self.stage: view(self.studio, who)}

    def _use(self, values: Values, event: Which, request: gr.Request) -> Updates:
        """Fill the form of the picture's own task with its recipe."""
        who = identify(request)
        try:
            _, recipe = self._pictured(who, event)
        except StudioError as fault:
            return {self.stage: view(self.studio, who, fault)}
        seen: View = {**view(self.studio, who), "said": TAKEN_OVER}
        return {**self._shown(recipe, values, who), self.stage: seen}

    def _hear(self, values: Values, event: import_panel.Brought, request: gr.Request) -> Updates:
        """Fill the form with what a picture's file, or a text, tells."""
        try:
            self.studio.pace.check(identify(request))
            imported, model = (
                import_panel.read_settings(self.studio, event),
                self.form.model(values[self.form.widgets["model"]]),
            )
        except StudioError as fault:
            return {self.import_box: import_panel.answer(event, fault=fault.sentence)}
        fitted = import_panel.fitting(self.studio.of(identify(request)), imported, model.id)
        shown = self._shown(fitted.recipe, values, identify(request), import_panel.named(imported, fitted))
        origin = import_panel.origin(self.studio, event)
        return {**shown, self.import_box: import_panel.answer(event, left=fitted.left, origin=origin)}

    def _shown(self, recipe: Recipe, values: Values, who: Identity, names: set[str] | None = None) -> Updates:
        """What sets the form of the recipe's own task to it, or to these fields of it; `values` are those before."""
        tab = self._tab_of(recipe)
        panel = self.panels[tab]
        return {
            **self.shared_settings.show(panel.opened(recipe), tab, values, names, who),
            **(self.stack.show(recipe) if names is None or "loras" in names else {}),
            **(self.units.show(recipe, who) if names is None or "controls" in names else {}),
            **panel.show(recipe, who),
            self.tablist: gr.Tabs(selected=tab),
        }

    def _send(self, event: Sent, request: gr.Request) -> Updates:
        """Start from a picture in another tab, or make more of its recipe there."""
        who = identify(request)
        try:
            self.studio.pace.check(who)
            path, recipe = self._pictured(who, event)
            if event.tab in self.tabs and self.tabs[event.tab].offers:
                check_held(self.studio.inputs, [recipe], who)
                return {**self._panel(event.tab).draft(recipe, who), self.tablist: gr.Tabs(selected=event.tab)}
            picture = Picture.of(self.studio.inputs.add(path, who=who), path.name)
        except StudioError as fault:
            return {self.stage: view(self.studio, who, fault)}
        return {**self._panel(event.tab).take(picture, who), self.tablist: gr.Tabs(selected=event.tab)}

    def _pictured(self, who: Identity, event: Which) -> tuple[Path, Recipe]:
        """The picture that an act was asked for, as its `which` tells it; StudioError where it is not there."""
        if name := event.stored:
            return stored(self.studio, name, who)
        done = finished(self.studio, who, event.job, event.image)
        return done.path, done.recipe

    def _panel(self, tab: str) -> Panel:
        """A tab's panel; BadInput where the page has none of this name."""
        if tab not in self.panels:
            raise BadInput("There is no such tab.")
        return self.panels[tab]

    def _tab_of(self, recipe: Recipe) -> str:
        """The tab that says the recipe."""
        return [tab for tab in self.form.tasks if self.tabs[tab].says(recipe)][-1]

    def _restore_with(self, kept: Any) -> Any:
        def restore(values: Values, request: gr.Request) -> Updates:
            who, remembered = identify(request), _remembered(values[kept])
            self.presets.refresh(who)
            panels: Updates = {}
            for tab, panel in self.panels.items():
                own = {name: remembered[f"{tab}/{name}"] for name in panel.kept if f"{tab}/{name}" in remembered}
                panels |= panel.restore(own, who) if own else {}
            last = remembered.get("tab")
            may = last in self.tabs and who.may(self.tabs[last].role)
            chosen = {self.tablist: gr.Tabs(selected=last)} if may else {}
            seen = view(self.studio, who)
            units = self.units.restore(remembered.get("controls"), who)
            stack = self.stack.restore(remembered.get("loras"))
            settings = self.shared_settings.restore(remembered, who)
            shown = {handle: gr.Tab(visible=who.may(self.tabs[tab].role)) for tab, handle in self._reserved.items()}
            return {**settings, **stack, **units, **panels, **chosen, **shown, self.stage: seen}

        return restore


def _remembered(kept: Any) -> Mapping[str, Any]:
    """What the browser keeps of the form; nothing where it keeps something else."""
    return kept if isinstance(kept, dict) else {}
