"""What is done with a picture of the gallery: again, another, its settings used, sent to a tab; and what is brought."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from studio.errors import StudioError
from studio.gate.identity import Identity
from studio.metadata import own
from studio.recipe import Recipe
from studio.rights import check_held
from studio.studio import Studio
from studio.ui import import_panel
from studio.ui.events import FOLLOWER, QUICK, WATCHER, Event, Name, Whole
from studio.ui.fast_gradio import gr
from studio.ui.form import Updates, Values
from studio.ui.job_view import finished, stored, view
from studio.ui.owner import identify
from studio.ui.schemas.jobs import View
from studio.ui.source import Picture
from studio.ui.submissions import Submissions
from studio.ui.tab_forms import TabForms
from studio.ui.tabs.base import PicturePanel

TAKEN_OVER = "The form now has this picture's settings."
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


class Stopping(Event):
    """A job."""

    job: Name


class PictureActs:
    """Answers the gallery, and the box where pictures and texts with settings are brought."""

    def __init__(self, studio: Studio, forms: TabForms, stage: Any, import_box: Any, submissions: Submissions) -> None:
        self._studio = studio
        self._forms = forms
        self._stage = stage
        self._import_box = import_box
        self._submissions = submissions

    def wire(self, aside: dict[str, Any]) -> None:
        """Listen to both; what fills other widgets has its options `aside`."""
        stage, forms = self._stage, self._forms
        moving = [forms.tablist, *forms.shared_settings.moving, *forms.extras]
        fields = set(forms.shared_settings.all.values())
        stage.another(self._another, None, [stage], api_visibility="private", **WATCHER)
        stage.again(self._again, None, [stage, *forms.extras], api_visibility="private", **FOLLOWER)
        stage.look(self._look, None, [stage], **QUICK)
        stage.stop(self._stop, None, [stage], **QUICK)
        stage.use(self._use, fields, [stage, *moving], **aside)
        self._import_box.bring(self._hear, fields, [self._import_box, *moving], **aside)
        stage.send(self._send, None, [stage, forms.tablist, *forms.extras], **aside)
        for name, panel in forms.panels.items():
            if isinstance(panel, PicturePanel) and panel.adopts:
                self._wire_adopting(name, panel, aside)

    def _wire_adopting(self, tab: str, panel: PicturePanel, aside: dict[str, Any]) -> None:
        """The words and settings of a picture that is given become the form's, where the library knows them."""
        well = panel.source.widget

        def adopt(values: Values, request: gr.Request) -> Updates:
            recipe = self._adopted(values[well] or {}, identify(request))
            if recipe is None:
                return {self._forms.stack.widget: gr.skip()}
            return {**self._forms.shared_settings.show(recipe, tab, values, ADOPTED), **self._forms.stack.show(recipe)}

        shared = self._forms.shared_settings
        well.change(adopt, {well, *shared.all.values()}, [*shared.moving, self._forms.stack.widget], **aside)

    def _adopted(self, held: Mapping[str, Any], who: Identity) -> Recipe | None:
        """The recipe of the one picture in a well; None where its settings are not to count, or nobody knows them."""
        pictures = held.get("pictures", ())
        entry = self._studio.index.of_pixels(str(pictures[0]["id"]), who) if len(pictures) == 1 else None
        if held.get("restored") or entry is None or entry.path is None:
            return None
        try:
            recipe = own.read(entry.path)
        except StudioError:  # another tool's, or damaged
            return None
        return recipe if recipe.denoises and recipe.models else None

    async def _another(self, event: Which, request: gr.Request) -> AsyncIterator[Updates]:
        """The same once more, with another seed."""
        who = identify(request)

        def submit() -> Updates:
            _, recipe = self._pictured(who, event)
            self._submissions.consent.check([recipe], who)
            self._studio.submit(recipe.replace(seed=None), who)
            return {}

        async for update in self._submissions.begun(who, submit):
            yield update

    async def _again(self, event: Which, request: gr.Request) -> AsyncIterator[Updates]:
        """The same once more from what came out, which becomes the source."""
        who = identify(request)

        def submit() -> Updates:
            path, recipe = self._pictured(who, event)
            self._submissions.consent.check([recipe], who)
            picture = Picture.of(self._studio.inputs.add(path, who=who), path.name)
            self._studio.submit(recipe.replace(init_image=picture.id, seed=None), who)
            return {
                self._stage: view(self._studio, who),
                **self._forms.panels[self._forms.tab_of(recipe)].take(picture, who),
            }

        async for update in self._submissions.begun(who, submit):
            yield update

    def _look(self, request: gr.Request) -> Updates:
        return {self._stage: view(self._studio, identify(request))}

    def _stop(self, event: Stopping, request: gr.Request) -> Updates:
        who = identify(request)
        try:
            self._studio.stop(event.job, who)
        except StudioError as fault:
            return {self._stage: view(self._studio, who, fault)}
        return {self._stage: view(self._studio, who)}

    def _use(self, values: Values, event: Which, request: gr.Request) -> Updates:
        """Fill the form of the picture's own task with its recipe."""
        who = identify(request)
        try:
            _, recipe = self._pictured(who, event)
        except StudioError as fault:
            return {self._stage: view(self._studio, who, fault)}
        seen: View = {**view(self._studio, who), "said": TAKEN_OVER}
        return {**self._forms.shown(recipe, values, who), self._stage: seen}

    def _hear(self, values: Values, event: import_panel.Brought, request: gr.Request) -> Updates:
        """Fill the form with what a picture's file, or a text, tells."""
        try:
            self._studio.pace.check(identify(request))
            imported, model = (
                import_panel.read_settings(self._studio, event),
                self._forms.form.model(values[self._forms.form.widgets["model"]]),
            )
        except StudioError as fault:
            return {self._import_box: import_panel.answer(event, fault=fault.sentence)}
        fitted = import_panel.fitting(self._studio.of(identify(request)), imported, model.id)
        shown = self._forms.shown(fitted.recipe, values, identify(request), import_panel.named(imported, fitted))
        origin = import_panel.origin(self._studio, event)
        return {**shown, self._import_box: import_panel.answer(event, left=fitted.left, origin=origin)}

    def _send(self, event: Sent, request: gr.Request) -> Updates:
        """Start from a picture in another tab, or make more of its recipe there."""
        who, forms = identify(request), self._forms
        try:
            self._studio.pace.check(who)
            path, recipe = self._pictured(who, event)
            if event.tab in forms.tabs and forms.tabs[event.tab].offers:
                check_held(self._studio.inputs, [recipe], who)
                return {**forms.panel(event.tab).draft(recipe, who), forms.tablist: gr.Tabs(selected=event.tab)}
            picture = Picture.of(self._studio.inputs.add(path, who=who), path.name)
        except StudioError as fault:
            return {self._stage: view(self._studio, who, fault)}
        return {**forms.panel(event.tab).take(picture, who), forms.tablist: gr.Tabs(selected=event.tab)}

    def _pictured(self, who: Identity, event: Which) -> tuple[Path, Recipe]:
        """The picture that an act was asked for, as its `which` tells it; StudioError where it is not there."""
        if name := event.stored:
            return stored(self._studio, name, who)
        done = finished(self._studio, who, event.job, event.image)
        return done.path, done.recipe
