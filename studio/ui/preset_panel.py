"""The dialog of presets: recipes, styles and negative prompts under names of one's own.

Its value is what `presets_panel.js` draws: what is saved (`recipes`, `negative`), and what came of the last act
(`act`, `said`, `fault`, `replace`: the name that is taken; `done`). Each act is a listener, because it reads or sets
the form.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from studio.atomic_files import visible
from studio.errors import InvalidPreset, InvalidPrompt, InvalidRequest, NotFound, StudioError
from studio.gate.identity import Identity
from studio.hosted.models import is_hosted
from studio.presets import saving
from studio.presets.importing import check_style, import_styles
from studio.presets.people import SORTS, check_saves
from studio.presets.reading import Presets
from studio.presets.recipes import has_pictures, known_parts, names_of, to_table
from studio.prompts.view import explain
from studio.recipe import Recipe, field_of, setting_specs
from studio.shorthand import normalized
from studio.studio import Studio
from studio.ui.events import QUICK, Event, Name, Words, served
from studio.ui.fast_gradio import gr
from studio.ui.fields import STANDARD, WORDS
from studio.ui.form import Form, Updates, Values
from studio.ui.island import Island
from studio.ui.loras import LoraPanel
from studio.ui.owner import identify
from studio.ui.schemas.presets import PresetNews, PresetRow, PresetShare
from studio.ui.shared_settings import SharedSettings
from studio.ui.source import uploaded
from studio.ui.style_browser import StyleBrowser
from studio.ui.units import Units

# What an act sets on the form, and what it tells in the dialog.
Act = Callable[[Values, Any, Identity], tuple[Updates, PresetNews]]
RECIPES, STYLES, NEGATIVE = "recipes", "styles", "negative"
NAMES = {RECIPES: "saved recipe", STYLES: "style", NEGATIVE: "negative preset"}


class Telling(Event):
    """What the dialog tells of an act: which preset or file, in which folder, and what of it."""

    folder: Literal["recipes", "styles", "negative", "stacks"] = "recipes"
    tab: Name = ""
    id: Name = ""
    name: Name = ""
    parts: Annotated[list[Name], Field(max_length=100)] = []  # noqa: RUF012 - a default that is copied
    prompt: Words = ""
    negative: Words = ""
    replace: bool = False
    path: Name = ""


class PresetPanel:
    """The presets of one page."""

    def __init__(
        self, studio: Studio, form: Form, shared_settings: SharedSettings, stack: LoraPanel, units: Units
    ) -> None:
        self.studio = studio
        self.form = form
        self.shared_settings = shared_settings
        self.stack = stack
        self.units = units
        self.styles = StyleBrowser(studio, form)
        self._serial = count()

    def place(self) -> None:
        """Put the button that opens the dialog at this place of the layout."""
        self.widget = Island(
            "presets",
            '<div class="presets"></div>',
            module="presets_panel",
            value={},
            events=tuple(self.acts),
            acts=served(self.styles.acts, looks=["styles", "words"]),
        )

    def wire(self) -> None:
        """What each act sets."""
        panels = [self.stack.widget, self.units.widget]
        inputs = {*self.shared_settings.moving, *panels}
        outputs = [self.widget, *self.shared_settings.moving, *panels]
        for name, act in self.acts.items():
            getattr(self.widget, name)(act, inputs, outputs, show_progress_on=self.widget, **QUICK)

    @property
    def acts(self) -> dict[str, Callable[..., Updates]]:
        """What can be asked for, by the name of its event: each takes what the form says, and tells what to set."""
        acts = {
            "look": _nothing,
            "use": self._use,
            "save": self._save,
            "remove": self._remove,
            "share": self._share,
            "bring": self._bring,
        }
        return {name: self._acting(name, act) for name, act in acts.items()}

    def refresh(self, who: Identity) -> None:
        """Read again what who asks may use; the dialog tells of files that are left out."""
        self.studio.peoples_presets.refresh(who)

    def _acting(self, name: str, act: Act) -> Callable[..., Updates]:
        def acting(values: Values, event: Telling, request: gr.Request) -> Updates:
            who = identify(request)
            try:
                if name in ("save", "remove", "bring", "share"):
                    check_saves(who)
                self.refresh(who)
                updates, answer = act(values, event, who)
                self.refresh(who)
            except InvalidPrompt as fault:
                updates, answer = {}, PresetNews(fault=f"{fault.fault} {fault.hint}".strip())
            except StudioError as fault:
                updates, answer = {}, PresetNews(fault=fault.sentence)
            return {**self._offered(values, who), **updates, self.widget: self._value({"act": name, **answer}, who)}

        return acting

    def _value(self, answer: PresetNews, who: Identity) -> PresetNews:
        presets = self.studio.of(who).presets
        return {
            "serial": next(self._serial),
            "faults": [str(fault) for fault in presets.faults.values()],
            "recipes": self._rows(RECIPES, presets.recipes.values(), who),
            "negative": self._rows(NEGATIVE, presets.negatives.values(), who),
            "shares": self._shares(presets, who),
            **answer,
        }

    def _rows(self, folder: str, presets: Iterable[Any], who: Identity) -> list[PresetRow]:
        """Those that people saved: who asks, and where there are accounts, whoever gave theirs to all."""
        home = self.studio.settings.home
        shared, own = (_names(one, folder) for one in (home, self.studio.peoples_presets.home(who)))
        return [_row(one, own=one.id in own or who.keeps) for one in presets if one.id in own | shared]

    def _shares(self, presets: Presets, who: Identity) -> list[PresetShare]:
        """What an admin saved for themselves, and can give to everybody."""
        own = self.studio.peoples_presets.home(who)
        if not who.keeps or own == self.studio.settings.home:
            return []
        return [
            {"folder": folder, "id": preset.id, "name": preset.name}
            for folder, name in SORTS.items()
            for preset in getattr(presets, name).values()
            if preset.id in _names(own, folder)
        ]

    def _offered(self, values: Values, who: Identity) -> Updates:
        """The choices of styles and negative presets as they are now."""
        model = values[self.form.widgets["model"]]
        widgets = {name: self.form.widgets[name] for name in WORDS}
        offered = {widget: self.form.offered(name, model, values[widget], who) for name, widget in widgets.items()}
        return offered | self.shared_settings.tell(self.shared_settings.later(values, offered))

    def _use(self, values: Values, event: Telling, who: Identity) -> tuple[Updates, PresetNews]:
        """Put parts of a saved recipe on the form."""
        preset = self.studio.of(who).presets.recipes.get(event.id)
        if preset is None:
            raise NotFound("This preset is no longer there.", "Choose another one.")
        names = names_of(known_parts(event.parts))
        chosen = {name: value for name, value in preset.as_values().items() if name in names}
        for model in filter(None, (chosen.get("model"), chosen.get("hires_model"))):
            if not is_hosted(model):
                self.studio.catalogue[model]  # ModelError where it is gone
        open_now = {name: field_of(name).get_default() for name in names}
        recipe = self.form.read(values, self._tab(event)).replace(**open_now | chosen)
        updates = self.shared_settings.show(recipe, event.tab, values, names, who)
        if "loras" in names:
            updates |= self.stack.show(recipe)
        if "controls" in names:
            updates |= self.units.show(recipe, who)
        return updates, {
            "done": True,
            "said": self._unused(chosen, event.tab, self.shared_settings.later(values, updates)),
        }

    def _unused(self, chosen: Mapping[str, Any], tab: str, values: Values) -> str:
        """What of it has no place in this tab, in words."""
        there = {key.rpartition("/")[2] for key in self.form.of(tab)} | {"controls", "loras"}
        idle = self.form.hidden(values, tab)
        given = [name for name, value in chosen.items() if value not in ("", (), None)]
        names = [name for name in given if name in idle or name not in there]
        return f"Not used here: {', '.join(setting_specs()[name].label for name in names)}." if names else ""

    def _save(self, values: Values, event: Telling, who: Identity) -> tuple[Updates, PresetNews]:
        """Save the form's recipe, a style or a negative prompt; a name that is taken has to be said twice."""
        if event.folder not in NAMES:
            raise InvalidRequest("That cannot be saved here.", "Save a stack in the LoRA panel.")
        name = event.name.strip()
        answer: PresetNews = {"done": True, "said": f"“{name}” is saved."}
        if event.folder == RECIPES:
            recipe = self._recipe(values, self._tab(event))
            table = to_table(recipe)
            if has_pictures(recipe) or self.form.tasks[event.tab] != "text2img":
                answer["said"] = f"{answer['said']} Pictures are left out of it."
        else:
            table = self._words(event)
        if not event.replace and self._is_taken(event.folder, name, who):
            return {}, {"replace": name, "said": f"There is a {NAMES[event.folder]} of this name."}
        saving.write(self.studio.peoples_presets.home(who), event.folder, name, table)
        return {}, answer

    def _tab(self, event: Telling) -> str:
        """The tab that the event comes from; InvalidPreset where no recipe is made there."""
        if event.tab not in self.form.tasks:
            raise InvalidRequest("No recipe is made in this tab.", "Choose a tab that makes pictures.")
        return event.tab

    def _is_taken(self, folder: str, name: str, who: Identity) -> bool:
        presets = self.studio.of(who).presets
        known: dict[str, Collection[str]] = {RECIPES: presets.recipes, STYLES: presets.styles}
        return saving.id_of(name) in known.get(folder, presets.negatives)

    def _recipe(self, values: Values, tab: str) -> Recipe:
        """What the form says, with the model's own values where it leaves them alone."""
        shared = {**self.stack.read(values, tab), **self.units.read(values, tab)}
        recipe = self.form.read(values, tab, **shared)
        standards, hidden = self.form.standards(recipe.model), self.form.hidden(values, tab)
        given = recipe.given()
        left_open = {name: standards[name] for name in STANDARD if name not in given and name not in hidden}
        return recipe.replace(**left_open)

    def _words(self, event: Telling) -> dict[str, Any]:
        """A style or negative prompt, which can be read."""
        prompt, negative = event.prompt.strip(), event.negative.strip()
        wildcards = self.studio.prompt_assets.wildcards
        if event.folder == STYLES:
            if not (prompt or negative):
                raise InvalidPreset(
                    "This style has no words.", "Write what is added to a prompt, or what it keeps out."
                )
            check_style(event.name, prompt, negative, wildcards)
            return {"prompt": prompt, "negative": negative}
        if not negative:
            raise InvalidPreset("There are no words to save.", "Write what to keep out of the picture.")
        explain(negative, wildcards, negative=True)
        return {"text": negative}

    def _remove(self, values: Values, event: Telling, who: Identity) -> tuple[Updates, PresetNews]:
        del values
        self.studio.peoples_presets.remove(who, event.folder, event.id)
        return {}, {}

    def _share(self, values: Values, event: Telling, who: Identity) -> tuple[Updates, PresetNews]:
        """Give a preset of one's own to everybody."""
        del values
        self.studio.peoples_presets.share(who, event.folder, event.id)
        return {}, {"said": "Everybody has it now."}

    def _bring(self, values: Values, event: Telling, who: Identity) -> tuple[Updates, PresetNews]:
        """Take over the styles of an uploaded file."""
        del values
        self.studio.pace.check(who)
        called = Path(event.name).name
        path, home = uploaded(self.studio, event.path), self.studio.peoples_presets.home(who)
        report = import_styles(path, home, self.studio.of(who).presets, self.studio.prompt_assets.wildcards, called)
        return {}, {"said": " ".join(report.lines()[: -len(report.faults) or None]), "fault": "\n".join(report.faults)}


def _nothing(values: Values, event: Any, who: Identity) -> tuple[Updates, PresetNews]:
    del values, event, who
    return {}, {}


def _names(home: Path, folder: str) -> set[str]:
    """The ids of what is saved there."""
    return {normalized(path.stem) for path in visible(home / "presets" / folder, ".toml")}


def _row(preset: Any, *, own: bool) -> PresetRow:
    """What the dialog shows of a preset."""
    parts = list(getattr(preset, "parts", ()))
    words = getattr(preset, "text", None) or preset.prompt
    return {"id": preset.id, "name": preset.name, "parts": parts, "words": words, "own": own}
