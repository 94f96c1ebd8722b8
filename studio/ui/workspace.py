"""The workspace: tabs above, one form to the left, the gallery to the right."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from studio.studio import Studio
from studio.ui import gallery, import_panel, picture_work, web
from studio.ui.events import LISTENER, QUICK, WATCHER
from studio.ui.fast_gradio import gr
from studio.ui.followers import Followers
from studio.ui.form import Updates, Values
from studio.ui.ids import Id
from studio.ui.island import Island
from studio.ui.job_view import view
from studio.ui.model_picker import ModelPicker
from studio.ui.owner import identify
from studio.ui.page import Page
from studio.ui.picture_acts import PictureActs
from studio.ui.preset_panel import PresetPanel
from studio.ui.submissions import Submissions
from studio.ui.tab_forms import TabForms
from studio.ui.tabs import TABS
from studio.ui.tabs.base import Tab, TabContext


def in_order() -> list[tuple[str, Tab]]:
    """All tabs as they stand in the strip; those in the menu at its end come last."""
    return sorted(TABS.items(), key=lambda member: (bool(member[1].group), member[1].order))


def strip_css() -> str:
    """Leaves the handles that stand in a menu out of the strip, from its first frame on; a chosen one stands in it."""
    names = ", ".join(f"#{Id.TAB}{name}-button" for name, tab in TABS.items() if tab.group)
    return f':is({names}):not([aria-selected="true"]) {{ display: none; }}' if names else ""


class Workspace:
    """One page's form, tabs and gallery: where each stands, and what of it the browser keeps."""

    def __init__(self, studio: Studio, blocks: Any, model: Any, picker: ModelPicker | None = None) -> None:
        self.studio = studio
        self.followers = Followers(blocks)
        self.tabs: dict[str, Tab] = {name: tab for name, tab in in_order() if tab.here(studio)}
        self.forms = forms = TabForms(studio, self.tabs, model)
        self.picker = picker or ModelPicker(studio)
        self.picker.adopt(forms.form)
        self.presets = PresetPanel(studio, forms.form, forms.shared_settings, forms.stack, forms.units)
        self._place(blocks)
        self._wire(blocks)
        if isinstance(blocks, Page):
            blocks.parameters.update(forms.parameters())

    def _place(self, blocks: Any) -> None:
        with gr.Column(elem_classes="bench"):
            behind = self._place_tabs(blocks)
            with gr.Column(elem_classes="ask"):
                self._place_prompt()
            with gr.Column(elem_classes="wall"):
                takers = {name: tab.label for name, tab in self.tabs.items() if tab.takes_picture or tab.offers}
                self.stage = gallery.place(self.studio, takers)
                picture_work.place(self.studio)
            with gr.Column(elem_classes="rest"):
                self._place_rest(behind)

    def _place_tabs(self, blocks: Any) -> list[Any]:
        """Each tab's own widgets; returns what is to stand below the shared ones."""
        forms, behind = self.forms, list[Any]()
        self.handles: dict[str, Any] = {}
        with gr.Tabs(elem_id=Id.TABS, overflow_behavior="wrap") as forms.tablist:
            for name, tab in self.tabs.items():
                look = {"id": name, "elem_id": f"{Id.TAB}{name}", "visible": tab.role == "viewer"}
                with gr.Tab(tab.label, **look) as self.handles[name]:
                    if tab.task:
                        forms.form.add_tab(name, tab.task)
                    forms.panels[name] = tab.build(
                        TabContext(self.studio, blocks, forms.form, name, self.followers, self.picker.consent, behind)
                    )
        grouped = [{"id": name, "group": tab.group, "label": tab.label} for name, tab in self.tabs.items() if tab.group]
        Island(Id.MORE_TABS, module="more_tabs", data=grouped)
        return behind

    def _place_prompt(self) -> None:
        offers = sorted((tab.order, name, tab.offers) for name, tab in self.tabs.items() if tab.offers)
        verbs = {name: tab.verb for name, tab in self.tabs.items()}
        self.forms.shared_settings.place_prompt({name: words for _, name, words in offers}, verbs)

    def _place_rest(self, behind: list[Any]) -> None:
        """What stands below the prompt; `behind` are the tabs' own columns there."""
        with gr.Row(elem_id="ready"):
            self.presets.place()
            self.import_box = import_panel.place()
        self.forms.shared_settings.place_settings()
        self.forms.stack.place()
        self.forms.units.place()
        for column in behind:
            column.render()
        self.forms.shared_settings.place_more()

    def _wire(self, blocks: Any) -> None:
        # What once had a loading status is read back, with all that is in it, at each status of every listener: never
        # the tabs, because a mask editor in them is read back as pictures.
        aside = {**QUICK, "show_progress_on": self.stage}
        self.forms.shared_settings.wire(self.picker)
        for panel in self.forms.panels.values():
            panel.wire()
        self.presets.wire()
        self._wire_buttons()
        submissions = Submissions(self.studio, self.forms, self.stage, self.followers, self.picker.consent)
        for name in self.forms.form.tasks:
            submissions.wire(name, aside)
            self._wire_models(name)
        PictureActs(self.studio, self.forms, self.stage, self.import_box, submissions).wire(aside)
        self.forms.shared_settings.remember(self.forms.kept, self.handles)
        arrived = self._wire_arrival(blocks)
        arrived.then(submissions.watch, None, [self.stage], api_visibility="private", **WATCHER)

    def _wire_buttons(self) -> None:
        """Generate and its neighbours ask the page's script, which knows the tab."""
        shared_settings = self.forms.shared_settings
        shared_settings.generate.click(None, None, None, js=web.call("generate", "go"), api_visibility="private")
        for other, button in shared_settings.offers.items():
            button.click(None, None, None, js=web.call("generate", "go", other), api_visibility="private")

    def _wire_arrival(self, blocks: Any) -> Any:
        """What the browser kept is shown again when the page is opened; returns that event."""
        # Holds nothing by itself: the script fills it with what the browser keeps.
        kept = gr.JSON(visible=False)
        shown = [self.stage, self.forms.tablist, *self._reserved.values()]
        return blocks.load(
            self._restore_with(kept),
            {kept},
            [*shown, *self.forms.shared_settings.moving, *self.forms.extras],
            js=web.call("form", "kept"),
            api_visibility="private",
            show_progress_on=self.stage,
            **LISTENER,
        )

    def _wire_models(self, tab: str) -> None:
        """Where the tab is chosen, the models are offered that can do its task."""
        form = self.forms.form
        model, offer = form.widgets["model"], partial(form.offer_models, tab)
        self.handles[tab].select(lambda values: offer(values[model]), {model}, [model], **QUICK)

    @property
    def _reserved(self) -> dict[str, Any]:
        """The handles of tabs that not everybody is shown."""
        return {name: handle for name, handle in self.handles.items() if self.tabs[name].role != "viewer"}

    def _restore_with(self, kept: Any) -> Any:
        def restore(values: Values, request: gr.Request) -> Updates:
            who, remembered = identify(request), _remembered(values[kept])
            self.presets.refresh(who)
            restored = self.forms.restore(remembered, who)
            last = remembered.get("tab")
            may = last in self.tabs and who.may(self.tabs[last].role)
            chosen = {self.forms.tablist: gr.Tabs(selected=last)} if may else {}
            shown = {handle: gr.Tab(visible=who.may(self.tabs[tab].role)) for tab, handle in self._reserved.items()}
            return {**restored, **chosen, **shown, self.stage: view(self.studio, who)}

        return restore


def _remembered(kept: Any) -> Mapping[str, Any]:
    """What the browser keeps of the form; nothing where it keeps something else."""
    return kept if isinstance(kept, dict) else {}
