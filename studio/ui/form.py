"""The recipe's fields as widgets, and the widgets' values as a recipe.

Labels, help and ranges are those of the recipe; what a model can do, what it takes where a field is left alone (its
standard), and what applies to a task come from the catalogue and `resolve.applicability`. A tab places the fields it
wants; nothing here knows which. A field that all tabs share has its name as key, one of a tab's own has `tab/name`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from studio.catalogue.models import Model
from studio.catalogue.upscalers import Upscalers
from studio.errors import InvalidRecipe, StudioError
from studio.gate.addresses import EVERYBODY
from studio.gate.identity import Identity
from studio.hosted.models import is_hosted
from studio.recipe import Recipe, Task, setting_specs
from studio.resolve.applicability import lacked, unused
from studio.resolve.tasks import check_task
from studio.studio import Studio
from studio.ui import fields, hosted_choices
from studio.ui.fast_gradio import gr
from studio.ui.fields import OFTEN_EMPTY, STANDARD
from studio.ui.ids import Id

# What creators expect of a model, and are told where it is lacking.
LACKING = {"guidance": "no guidance scale", "negative_prompt": "no negative prompt", "strength": "no strength"}
# It makes a recipe one of its task's, so it is said even where it equals the standard.
TELLING = frozenset({"upscale"})

Values = Mapping[Any, Any]
Updates = dict[Any, Any]


@dataclass(frozen=True, eq=False)
class Switch:
    """A checkbox of a tab: while it is off, the fields `names` are left open; while it is on, they are said."""

    names: tuple[str, ...]
    widget: Any


class Form:
    """The widgets of all tabs; `widgets` holds them by key."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.widgets: dict[str, Any] = {}
        self.switches: dict[str, Switch] = {}
        self.tasks: dict[str, Task] = {}
        self._first: dict[str, Any] = {}

    def add_tab(self, tab: str, task: Task) -> None:
        """A tab whose recipes are of `task`; before its fields are placed."""
        self.tasks[tab] = task

    def place(self, name: str, tab: str | None = None, **look: Any) -> Any:
        """Put the field's widget at this place of the layout; `look` overrides the widget's options."""
        model = self.model(None)
        setting, key = setting_specs()[name], f"{tab}/{name}" if tab else name
        task = self.tasks[tab] if tab else None
        kind = fields.kind(name, look)
        value = "" if kind is gr.Textbox else self._own_standard(name, model, task)
        options = {"label": setting.label, "elem_id": element(key), "interactive": True, **self._facts(name, model)}
        if value is not None:
            options["value"] = value
        self.widgets[key] = kind(**{**options, **look})
        self._first[key] = look.get("value", value)
        return self.widgets[key]

    def switch(self, tab: str, names: tuple[str, ...], **look: Any) -> Any:
        """Put a checkbox here without which these fields of the tab are left open."""
        key = f"{tab}/{names[0]}-on"
        widget = gr.Checkbox(**{"value": False, "elem_id": element(key), "elem_classes": "switch", **look})
        self.switches[key] = Switch(names, widget)
        return widget

    def adopt(self, name: str, widget: Any) -> None:
        """Take a widget that stands elsewhere on the page, such as the model picker, as the field's."""
        self.widgets[name] = widget

    @property
    def all(self) -> dict[str, Any]:
        """Every widget, switches too, by key."""
        return self.widgets | {key: switch.widget for key, switch in self.switches.items()}

    @property
    def deciding(self) -> list[Any]:
        """Widgets that decide which others mean something."""
        radios = [widget for key, widget in self.widgets.items() if "/" in key and isinstance(widget, gr.Radio)]
        shared = [widget for key, widget in self.widgets.items() if self._is_seldom(key) and key not in OFTEN_EMPTY]
        return [switch.widget for switch in self.switches.values()] + radios + shared

    def of(self, tab: str) -> dict[str, Any]:
        """Every widget that a recipe of the tab is read from, by key."""
        return {key: widget for key, widget in self.all.items() if key.startswith(f"{tab}/") or "/" not in key}

    def read(self, values: Values, tab: str, **source: Any) -> Recipe:
        """The recipe that the widgets of a tab say, with what is not said by a field from `source`.

        What equals the standard, is hidden or switched off is left open. InvalidRecipe names the field that is not
        valid.
        """
        standards = self.standards(values.get(self.widgets["model"]))
        hidden = self.hidden(values, tab, **source)
        open_names = TELLING | {name for switch in self._switched(tab, values, on=True) for name in switch.names}
        given = {
            name: value
            for name, key, value in self._given(values, tab)
            if name not in hidden and (name in open_names or value != standards.get(key))
        }
        return Recipe.make(**given, **source)

    def hidden(self, values: Values, tab: str, **source: Any) -> set[str]:
        """Names of the fields that mean nothing in the tab, with this model and these values."""
        task = self.tasks[tab]
        model = self.model(values.get(self.widgets["model"]))
        off = {name for switch in self._switched(tab, values, on=False) for name in switch.names}
        given = {name: value for name, _, value in self._given(values, tab) if name not in off}
        recipe = Recipe.unchecked(**{**fields.STAND_INS[task], **given, **source})
        # Enlarging alone draws no noise: the pictures of all seeds are one.
        seedless = set() if recipe.denoises else {"seed", "count"}
        local = model.untaken if isinstance(model, hosted_choices.HostedChoice) else frozenset[str]()
        return off | seedless | unused(recipe).keys() | self._impossible(tab, model) | local

    def show(self, recipe: Recipe, tab: str, who: Identity = EVERYBODY) -> Updates:
        """What to set the widgets to, so that the tab says this recipe."""
        model = self.model(recipe.model)
        values = {key: recipe.get(name) for name, key in self._names(tab)}
        standards = self._first | self.standards(model.id)
        shown = {key: fields.shown(key, value, standards, model) for key, value in values.items()}
        on = {key: recipe.get(switch.names[0]) is not None for key, switch in self._switches(tab)}
        return self._updates(model, shown | on, who)

    def offer_models(self, tab: str, chosen: str | None) -> Updates:
        """What to tell the model picker in this tab: what can do its task, and what is chosen, as in another tab."""
        choices = fields.models(self.studio, self.tasks.get(tab), self.model(chosen).id)
        return {self.widgets["model"]: gr.update(choices=choices)}

    def restore(self, kept: Mapping[str, Any], who: Identity = EVERYBODY) -> Updates:
        """What to set the widgets to from values kept in the browser; a value that is not valid any more is dropped."""
        model = self.model(kept.get("model"))
        possible = {key: value for key, value in kept.items() if self._is_possible(key, value, model, who)}
        return self._updates(model, {**self.standards(model.id), **possible, "model": model.id}, who)

    def suit(
        self,
        model_id: str,
        values: Values,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        who: Identity = EVERYBODY,
    ) -> Updates:
        """Choices and ranges for this model; fields that had the standard `before` take the one `after`."""
        model = self.model(model_id)
        moved = {
            key: after[key]
            for key, widget in self.widgets.items()
            if key in after
            and (values[widget] == before.get(key) or not self._is_possible(key, values[widget], model, who))
        }
        return self._updates(model, moved, who)

    def offered(self, name: str, model_id: str | None, chosen: Sequence[str] | None, who: Identity = EVERYBODY) -> Any:
        """What to tell a field of several choices when these may be others; what there is no more is not chosen."""
        choices = self._choices(name, self.model(model_id), who) or []
        known = {value for _, value in choices}
        return gr.update(choices=choices, value=[value for value in chosen or () if value in known])

    def standards(self, model_id: str | None) -> dict[str, Any]:
        """What the model and the task take for each field that is left open, by key."""
        model = self.model(model_id)
        return {
            key: standard
            for key, first in self._first.items()
            if (standard := self._standard(key, model, first)) is not None
        }

    def why_not(self, model_id: str | None, tab: str) -> str:
        """One line about what of the tab's fields the model does not take; empty where it takes all."""
        model = self.model(model_id)
        if isinstance(model, hosted_choices.HostedChoice):
            name, place = model.endpoint.model.name, model.endpoint.place
            return f"{name} is hosted by {place}. Your prompts and pictures are sent there."
        unable = {lacked(model.default("abilities"))[name].ability for name in self._unable(tab, model)}
        words = " and ".join(words for ability, words in LACKING.items() if ability in unable)
        return f"{model.name} takes {words}: it was trained to draw without." if words else ""

    def cannot(self, model_id: str | None, tab: str) -> str:
        """One line where the model cannot do the tab's task; empty where it can, or is not asked."""
        try:
            check_task(Recipe.make(**fields.STAND_INS[self.tasks[tab]]), self.model(model_id))
        except InvalidRecipe as fault:
            return fault.message
        return ""

    def model(self, model_id: str | None) -> Model:
        """The model of this id; the studio's own first choice where there is none."""
        catalogue = self.studio.catalogue
        known = isinstance(model_id, str) and model_id in catalogue
        if isinstance(model_id, str) and not known and is_hosted(model_id):
            with suppress(StudioError):
                return hosted_choices.choice(self.studio, model_id)
        return catalogue[str(model_id) if known else self.studio.settings.model]

    def _is_seldom(self, key: str) -> bool:
        """Whether a widget is of what all tabs share and is seldom changed, beside what each model has its own of."""
        return key in setting_specs() and setting_specs()[key].panel is not None and key not in STANDARD

    def _names(self, tab: str) -> list[tuple[str, str]]:
        """Name and key of each field that the tab has."""
        return [(key.rpartition("/")[2], key) for key in self.of(tab) if key in self.widgets]

    def _given(self, values: Values, tab: str) -> Iterator[tuple[str, str, Any]]:
        """Name, key and value of each field of the tab that is not empty."""
        for name, key in self._names(tab):
            value = fields.cleaned(name, values.get(self.widgets[key]))
            if value not in (None, "", []):
                yield name, key, value

    def _switches(self, tab: str) -> list[tuple[str, Switch]]:
        return [(key, switch) for key, switch in self.switches.items() if key.startswith(f"{tab}/")]

    def _switched(self, tab: str, values: Values, *, on: bool) -> list[Switch]:
        return [switch for _, switch in self._switches(tab) if bool(values.get(switch.widget)) is on]

    def _impossible(self, tab: str, model: Model) -> set[str]:
        """Fields of the tab that this model does not take, or has nothing to choose from for."""
        bare = {name for name in fields.WORDS if not self._choices(name, model)}
        return self._unable(tab, model) | bare

    def _unable(self, tab: str, model: Model) -> set[str]:
        return {name for name, _ in self._names(tab)} & lacked(model.default("abilities")).keys()

    def _standard(self, key: str, model: Model, first: Any) -> Any:
        tab, _, name = key.rpartition("/")
        if not tab and name not in STANDARD and not self._is_seldom(name):
            return None
        standard = self._own_standard(name, model, self.tasks.get(tab))
        return first if standard is None else standard

    def _own_standard(self, name: str, model: Model, task: Task | None) -> Any:
        """As `fields.standard`, and what hangs on the files that are here."""
        if name == "upscaler":
            return Upscalers(self.studio.settings).best(starter=model.family_facts().embedded)
        return fields.standard(name, model, task)

    def _choices(self, name: str, model: Model, who: Identity = EVERYBODY) -> list[tuple[str, str]] | None:
        return fields.choices(name, model, self.studio.of(who))

    def _updates(self, model: Model, values: Mapping[str, Any], who: Identity) -> Updates:
        updates = {}
        for key, widget in self.all.items():
            name = key.rpartition("/")[2]
            update = {"value": values[key], **fields.stretched(name, values[key])} if key in values else {}
            facts = self._facts(name, model, who) if key in self.widgets else {}
            if facts or update:
                updates[widget] = gr.update(**facts) | update
        return updates

    def _is_possible(self, key: str, value: Any, model: Model, who: Identity) -> bool:
        choices = self._choices(key.rpartition("/")[2], model, who)
        known = [choice for _, choice in choices or []]
        return choices is None or all(one in known for one in (value if isinstance(value, list) else [value]))

    def _facts(self, name: str, model: Model, who: Identity = EVERYBODY) -> dict[str, Any]:
        """What the widget of a field is told about this model: its choices or range."""
        facts: dict[str, Any] = {}
        if name == "model":  # by the tab, not by the model
            return facts
        if choices := self._choices(name, model, who):
            facts["choices"] = choices
        if name in ("width", "height"):
            family = model.family_facts()
            facts |= {"minimum": family.min_side, "maximum": family.max_side, "step": family.multiple}
        return facts


def element(key: str) -> str:
    """The id that a widget has in the page."""
    return f"{Id.FIELD}{key.replace('/', '-')}"
