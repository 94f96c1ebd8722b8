"""The settings that all tabs share, and what the page has to know of all settings: standards, and what is hidden."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal, NotRequired, get_args

from pydantic import Field
from typing_extensions import TypedDict

from studio.catalogue.models import Model
from studio.errors import StudioError
from studio.gate.addresses import EVERYBODY
from studio.gate.identity import Identity
from studio.recipe import Panel, Recipe, setting_specs
from studio.resolve.hosted import TAKEN
from studio.studio import Studio
from studio.ui import gallery, prompt_preview, web
from studio.ui.events import QUICK, Event, Name
from studio.ui.fast_gradio import gr
from studio.ui.fields import WORDS
from studio.ui.form import Form, Updates, Values
from studio.ui.hosted_choices import HostedChoice, price
from studio.ui.ids import Id
from studio.ui.island import Island
from studio.ui.model_picker import ModelPicker, Picking
from studio.ui.owner import identify
from studio.ui.schemas.page import PageFacts
from studio.ui.size_picker import SizePicker
from studio.ui.units import Units

COUNTS = (1, 2, 4, 8)
LIVE = (
    '<button type="button" class="live-switch" aria-pressed="false" '
    'title="Draw again, in few steps, with each change">Live</button>'
)


class Facts(TypedDict):
    """The facts of all settings that the page sends back."""

    standards: NotRequired[dict[Name, Any]]


class Resetting(Event):
    """Fields by their keys."""

    fields: Annotated[list[Name], Field(max_length=1000)]


class Choosing(Event):
    """Ready-made words of one kind."""

    field: Literal["styles", "negative_presets"]
    value: list[Name] | None


class SharedSettings:
    """The shared widgets of one page, and `facts`, which carries facts to the page and each tab's Generate to the
    server.
    """

    def __init__(self, studio: Studio, form: Form, units: Units) -> None:
        self.studio = studio
        self.form = form
        self.units = units
        self.shapes = SizePicker(studio)

    def place_prompt(self, offers: Mapping[str, str], verbs: Mapping[str, str]) -> None:
        """What is asked for, the button that asks, and below it what else can be made of it: tabs with their words.

        `verbs` are what the button says in each tab.
        """
        self._verbs = verbs
        self.form.place("prompt", lines=3, max_lines=10, placeholder="Describe the picture")
        prompt_preview.place(self.studio, "prompt")
        self.generate = gr.Button("Generate", variant="primary", elem_id=Id.GENERATE)
        with gr.Row(elem_id="offers"):
            self.offers = {
                tab: gr.Button(words, size="sm", elem_id=f"{Id.OFFER}{tab}") for tab, words in offers.items()
            }
            Island("live", LIVE, module="live", data=list(self.form.tasks))
        Island(Id.PRICE, "<p></p>")
        Island(Id.CANNOT, "<p></p>")

    def place_settings(self) -> None:
        """What is often changed."""
        self.form.place("styles", info=None)
        self.form.place("negative_prompt", lines=1, max_lines=6, placeholder="What the picture should not show")
        prompt_preview.place(self.studio, "negative_prompt")
        self.form.place("negative_presets", info=None)
        Island(Id.WHY_NOT, "<p></p>")
        self.shape, self.quality = self.shapes.place()
        self.form.place("count", choices=[(str(n), n) for n in COUNTS], value=1)
        with gr.Row(elem_id="seed-row"):
            self.form.place("seed", min_width=120)
            self.random = gr.Button("Random", elem_id="seed-random", min_width=0)
            self.reuse = gr.Button("Reuse last", elem_id=Id.SEED_REUSE, min_width=0)

    def place_more(self) -> None:
        """What is seldom changed."""
        with gr.Accordion("More", open=False, elem_id=Id.MORE):
            for panel in get_args(Panel):
                with gr.Group(elem_classes="group"):
                    for name in _in_panel(panel):
                        self.form.place(name, info=setting_specs()[name].help)
        self.facts = Island(
            "facts",
            "",
            module="form",
            holds=Facts,
            data=[name for panel in get_args(Panel) for name in _in_panel(panel)],
            events=["reset", "choose", *self.form.tasks, *map(into, self.form.tasks), *map(live, self.form.tasks)],
        )

    @property
    def all(self) -> dict[str, Any]:
        """Every widget that says something about what is made, by the key that the browser keeps it under."""
        return {**self.form.all, "shape": self.shape, "quality": self.quality}

    @property
    def _leading(self) -> dict[str, Any]:
        """The widgets that others follow when they are chosen."""
        return {"model": self.form.widgets["model"], "quality": self.quality, "shape": self.shape}

    @property
    def moving(self) -> list[Any]:
        """Every widget that another model or recipe may change."""
        return [*self.all.values(), self.facts]

    def wire(self, picker: ModelPicker) -> None:
        """What happens among the settings themselves, and what the picker of models does to them."""
        form, everything = self.form, {*self.all.values(), self.facts}
        model, seed = form.widgets["model"], form.widgets["seed"]
        self.reuse.click(self._last_seed, {seed}, [seed], **QUICK)
        self.random.click(None, None, [seed], js="() => ''", api_visibility="private")
        last: dict[str, Any] = {**QUICK, "trigger_mode": "always_last"}
        words = [form.widgets[name] for name in WORDS]
        self.facts.choose(self._choose, {model, *words}, words, **last)
        gr.on([model.input, self.quality.input], self._suit, everything, self.moving, **last)
        picker.widget.pick(self._pick, everything, self.moving, **last)
        self.shape.input(self._reshape, everything, self.moving, **last)
        gr.on([widget.change for widget in form.deciding], self.tell, everything, [self.facts], **last)
        triggers = [form.widgets["count"].change, form.widgets["prompt"].blur, form.widgets["styles"].change]
        gr.on(
            [*triggers, form.widgets["width"].change, form.widgets["height"].change],
            self._reprice,
            everything,
            [self.facts],
            **last,
        )
        self.facts.reset(self._reset, {self.facts}, list(form.widgets.values()), **QUICK)

    def remember(self, extras: Mapping[str, Any], tabs: Mapping[str, Any]) -> None:
        """Keep all settings, these extras and the chosen tab in the browser as they change.

        The page's script does it. Gradio's own `BrowserState` says that nothing is kept until its own script is there,
        which may be after the page has asked.
        """
        remembered = {**self.all, **extras}
        gr.on(
            [widget.change for widget in remembered.values()],
            None,
            [*remembered.values()],
            None,
            js=web.call("form", "keep", list(remembered)),
            api_visibility="private",
        )
        for tab in tabs.values():
            tab.select(None, None, None, js=web.call("form", "turn"), api_visibility="private")

    def show(
        self,
        recipe: Recipe,
        tab: str,
        values: Values,
        names: Collection[str] | None = None,
        who: Identity = EVERYBODY,
    ) -> Updates:
        """What to set so that the tab says this recipe, or these fields of it; `values` are those before."""
        model = self.form.model(recipe.model)
        shape = self.shapes.which(model, recipe.width, recipe.height)
        updates = {**self.form.show(recipe, tab, who), self.shape: shape, self.quality: "final"}
        if names is not None:
            updates = self._only(names, updates)
        later = self.later(values, updates)
        return self._with_models(updates, tab, later) | self.tell(later)

    def _only(self, names: Collection[str], updates: Updates) -> Updates:
        """These updates without the values of all other fields."""
        covered = {key: {key.rpartition("/")[2]} for key in self.form.widgets}
        covered |= {key: set(switch.names) for key, switch in self.form.switches.items()}
        covered |= {"shape": {"width", "height"}, "quality": {"width", "height", "steps"}}
        meant = {widget for key, widget in self.all.items() if covered[key] & set(names)}
        return {
            widget: update if widget in meant else {name: fact for name, fact in update.items() if name != "value"}
            for widget, update in updates.items()
            if widget in meant or isinstance(update, dict)
        }

    def restore(self, kept: Mapping[str, Any], who: Identity = EVERYBODY) -> Updates:
        """What to set from what the browser kept."""
        model = self.form.model(kept.get("model"))
        shape = self.shapes.which(model, model.default("width"), model.default("height"))
        if "shape" in kept:
            shape = kept.get("shape") if kept.get("shape") in self.shapes.sizes(model)["final"] else None
        quality = "draft" if kept.get("quality") == "draft" else "final"
        updates = {**self.form.restore(kept, who), self.shape: shape, self.quality: quality}
        later = self.later({}, updates)
        return self._with_models(updates, kept.get("tab"), later) | self.tell(later)

    def _with_models(self, updates: Updates, tab: Any, values: Values) -> Updates:
        """These updates, and the models that are offered when they are done: in this tab, else in the first."""
        widget = self.form.widgets["model"]
        offered = self.form.offer_models(tab if tab in self.form.tasks else next(iter(self.form.tasks)), values[widget])
        return {**updates, widget: offered[widget] | updates.get(widget, {})}

    def later(self, values: Values, updates: Updates) -> Values:
        """What all widgets hold after these updates; one of unknown value holds what it was made with."""
        before = {widget: values.get(widget, widget.value) for widget in self.all.values()}
        return before | {widget: _value(update, before.get(widget)) for widget, update in updates.items()}

    def tell(self, values: Values) -> Updates:
        """What the page has to know: marks at changed fields, what each tab hides, what the empty stage says."""
        form = self.form
        model = form.model(values[form.widgets["model"]])
        facts: PageFacts = {
            "of": {name: values[widget] for name, widget in self._leading.items()},
            "standards": self._standards(model, values),
            "model": gallery.about(model, self.studio),
            "sizes": self.shapes.sizes(model)[values[self.quality] or "final"],
            "controls": self.units.facts(model),
            "tabs": {
                tab: {
                    "hidden": self._hidden(values, tab),
                    "cannot": form.cannot(model.id, tab),
                    "why_not": form.why_not(model.id, tab),
                    "price": self._price(values, tab),
                    "verb": self._verbs[tab],
                }
                for tab in form.tasks
            },
        }
        return {self.facts: facts}

    def _price(self, values: Values, tab: str) -> str:
        """What the tab's pictures cost at most; empty where the model is one of this machine."""
        widgets = self.form.widgets
        if isinstance(self.form.model(values[widgets["model"]]), HostedChoice):
            given = {name: values.get(widgets[name]) for name in TAKEN & widgets.keys()}
            with suppress(StudioError):
                recipe = Recipe.make(**{name: value for name, value in given.items() if value not in (None, "", [])})
                return price(self.studio, recipe, self.form.tasks[tab])
        return ""

    def _standards(self, model: Model, values: Values) -> dict[str, Any]:
        shaped = self.shapes.standards(model, values[self.shape], values[self.quality] or "final")
        return {**self.form.standards(model.id), **shaped}

    def _hidden(self, values: Values, tab: str) -> list[str]:
        """Keys of what the tab does not show; a picker goes with what it sets."""
        names = self.form.hidden(values, tab)
        keys = [key for key in self.form.of(tab) if key.rpartition("/")[2] in names]
        pickers = {"shape": "width", "quality": "steps", "loras": "loras", "controls": "controls"}
        return keys + [picker for picker, name in pickers.items() if name in names]

    def _suit(self, values: Values, request: gr.Request) -> Updates:
        """Another model, or draft instead of final: what was left alone takes the new standards."""
        model = self.form.model(values[self.form.widgets["model"]])
        before = (values[self.facts] or {}).get("standards", {})
        updates = self.form.suit(model.id, values, before, self._standards(model, values), identify(request))
        return updates | self.tell(self.later(values, updates))

    def _pick(self, values: Values, event: Picking, request: gr.Request) -> Updates:
        """A model from the picker: as if it had been chosen in its field."""
        model, chosen = self.form.widgets["model"], self.form.model(event.id).id
        return {**self._suit({**values, model: chosen}, request), model: chosen}

    def _reshape(self, values: Values) -> Updates:
        """Another shape: width and height take its size, whatever they were."""
        model = self.form.model(values[self.form.widgets["model"]])
        standards = self._standards(model, values)
        sides = {self.form.widgets[name]: standards[name] for name in ("width", "height")}
        return {**sides, **self.tell(self.later(values, sides))}

    def _reprice(self, values: Values) -> Updates:
        """More pictures, or other words: a hosted model costs more or less; others cost nothing."""
        model = self.form.model(values[self.form.widgets["model"]])
        return self.tell(values) if isinstance(model, HostedChoice) else {self.facts: gr.skip()}

    def _reset(self, values: Values, event: Resetting) -> Updates:
        standards = (values[self.facts] or {}).get("standards", {})
        widgets = self.form.widgets
        return {widgets[key]: standards[key] for key in event.fields if key in standards and key in widgets}

    def _choose(self, values: Values, event: Choosing, request: gr.Request) -> Updates:
        """Ready-made words chosen elsewhere than in their field; the choices are told as they are now."""
        model = values[self.form.widgets["model"]]
        given = {name: values[self.form.widgets[name]] for name in WORDS} | {event.field: event.value}
        who = identify(request)
        return {self.form.widgets[name]: self.form.offered(name, model, given[name], who) for name in WORDS}

    def _last_seed(self, values: Values, request: gr.Request) -> Updates:
        """The seed of the newest picture; the field stays as it is where there is none."""
        jobs = self.studio.jobs_of(identify(request))
        seeds = [job.recipes[0].seed for job in jobs if job.results]
        seed = self.form.widgets["seed"]
        return {seed: str(seeds[0]) if seeds else values[seed]}


def _in_panel(panel: Panel) -> list[str]:
    """The settings that stand together there."""
    return [name for name, setting in setting_specs().items() if setting.panel == panel]


def into(tab: str) -> str:
    """The event that hands what the tab says on to another tab."""
    return f"{tab}_into"


def live(tab: str) -> str:
    """The event by which the tab is drawn live."""
    return f"{tab}_live"


def _value(update: Any, before: Any) -> Any:
    """The value of a widget after this update."""
    return update.get("value", before) if isinstance(update, dict) and update.get("__type__") == "update" else update
