"""What the tabs of one page say: recipes are read from their widgets, and shown in them."""

from collections.abc import Mapping
from typing import Any

from studio.gate.identity import Identity
from studio.recipe import Recipe, setting_specs
from studio.rights import check_held
from studio.studio import Studio
from studio.ui.events import BadInput
from studio.ui.fast_gradio import gr
from studio.ui.form import Form, Updates, Values
from studio.ui.loras import LoraPanel
from studio.ui.page import Parameter
from studio.ui.shared_settings import SharedSettings
from studio.ui.tabs.base import Panel, Tab
from studio.ui.units import Units

# What programs give where it is no field's value.
PARAMETERS = {
    "init_image": "The picture to start from: an uploaded file.",
    "masks": "What is painted over: an uploaded file, white where something changes.",
    "control_slot": "The page's own; leave it out.",
    "loras": 'LoRAs: {"loras": [{"name": "...", "weight": 1}]}.',
    "controls": 'ControlNets: {"units": [...]}, each as a recipe has it.',
}


class TabForms:
    """The form of each tab: its own fields and panel, and what all tabs share."""

    def __init__(self, studio: Studio, tabs: dict[str, Tab], model: Any) -> None:
        self.studio = studio
        self.tabs = tabs
        self.panels: dict[str, Panel] = {}
        self.form = Form(studio)
        self.form.adopt("model", model)
        self.units = Units(studio, self.form)
        self.stack = LoraPanel(studio, self.form)
        self.shared_settings = SharedSettings(studio, self.form, self.units)
        self.tablist: Any = None

    @property
    def extras(self) -> list[Any]:
        """The widgets beside the fields whose values are read and set: those of all tabs, and each tab's own."""
        return [*self._shared, *(widget for panel in self.panels.values() for widget in panel.extras)]

    @property
    def kept(self) -> dict[str, Any]:
        """What more than fields the browser remembers, by key."""
        kept = {f"{tab}/{name}": widget for tab, panel in self.panels.items() for name, widget in panel.kept.items()}
        return {**kept, "loras": self.stack.widget, "controls": self.units.widget}

    def read_by(self, tab: str) -> set[Any]:
        """The widgets that the tab's recipes are read from."""
        return {*self.form.of(tab).values(), *self.panels[tab].extras, *self._shared}

    def recipes(self, tab: str, values: Values, who: Identity) -> list[Recipe]:
        """What the tab says, nothing of it resolved; InvalidRecipe names the field that cannot be."""
        sources = self.panels[tab].read(values, who)
        shared = {**self.stack.read(values, tab), **self.units.read(values, tab)}
        recipes = [self.form.read(values, tab, **source, **shared) for source in sources]
        check_held(self.studio.inputs, recipes, who)
        return recipes

    def restore(self, remembered: Mapping[str, Any], who: Identity) -> Updates:
        """What sets all forms to what the owner's browser remembered, as far as it is still valid."""
        panels: Updates = {}
        for tab, panel in self.panels.items():
            own = {name: remembered[f"{tab}/{name}"] for name in panel.kept if f"{tab}/{name}" in remembered}
            panels |= panel.restore(own, who) if own else {}
        units = self.units.restore(remembered.get("controls"), who)
        stack = self.stack.restore(remembered.get("loras"))
        return {**self.shared_settings.restore(remembered, who), **stack, **units, **panels}

    def shown(self, recipe: Recipe, values: Values, who: Identity, names: set[str] | None = None) -> Updates:
        """What sets the form of the recipe's own task to it, or to these fields of it; `values` are those before."""
        tab = self.tab_of(recipe)
        panel = self.panels[tab]
        return {
            **self.shared_settings.show(panel.opened(recipe), tab, values, names, who),
            **(self.stack.show(recipe) if names is None or "loras" in names else {}),
            **(self.units.show(recipe, who) if names is None or "controls" in names else {}),
            **panel.show(recipe, who),
            self.tablist: gr.Tabs(selected=tab),
        }

    def panel(self, tab: str) -> Panel:
        """A tab's panel; BadInput where the page has none of this name."""
        if tab not in self.panels:
            raise BadInput("There is no such tab.")
        return self.panels[tab]

    def tab_of(self, recipe: Recipe) -> str:
        """The tab that says the recipe."""
        return [tab for tab in self.form.tasks if self.tabs[tab].says(recipe)][-1]

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

    @property
    def _shared(self) -> list[Any]:
        """The panels that all tabs share."""
        return [self.stack.widget, self.units.widget]
