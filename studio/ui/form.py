"""The recipe's fields as widgets, and the widgets' values as a recipe.

Labels, help and ranges are those of the recipe; what a model can do, and what it takes when a field is left alone
(its standards), come from the catalogue. A tab places the fields it wants; nothing here knows which.
"""

from collections.abc import Mapping
from typing import Any

from studio.models import Model
from studio.recipe import Recipe, Setting, settings
from studio.studio import Studio
from studio.ui.fast_gradio import gr

# Fields that are open in a recipe and shown with the model's own value until they are changed.
STANDARD = ("width", "height", "steps", "guidance_scale", "scheduler")
LACKING = {"negative_prompt": "no negative prompt", "guidance": "no guidance scale"}

Values = Mapping[Any, Any]
Updates = dict[Any, Any]


class Form:
    """The widgets of one tab, by recipe field."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.widgets: dict[str, Any] = {}

    def place(self, name: str, **look: Any) -> Any:
        """Put the field's widget at this place of the layout; `look` overrides what Gradio is told."""
        model = self.studio.catalogue[self.studio.settings.model]
        setting = settings()[name]
        kind = _kind(name, setting, look)
        told = {"label": setting.label, "elem_id": f"field-{name}", "interactive": True, **self._facts(name, model)}
        if name in STANDARD:
            told["value"] = model.default(name)
        self.widgets[name] = kind(**{**told, **look})
        return self.widgets[name]

    def adopt(self, name: str, widget: Any) -> None:
        """Take a widget that stands elsewhere on the page, such as the model picker, as the field's."""
        self.widgets[name] = widget

    def read(self, values: Values) -> Recipe:
        """The recipe that the widgets say; what equals the model's standard, or is hidden, is left open.

        RecipeError names the field that cannot be.
        """
        given = {name: values[widget] for name, widget in self.widgets.items() if widget in values}
        model = self.model(given.get("model"))
        hidden = self._hidden(model)
        return Recipe.make(
            **{
                name: value.strip() if name == "seed" else value
                for name, value in given.items()
                if value not in (None, "", []) and name not in hidden and not _is_standard(name, value, model)
            }
        )

    def show(self, recipe: Recipe) -> Updates:
        """What to set the widgets to, so that they say this recipe."""
        model = self.model(recipe.model)
        values = {name: _shown(name, getattr(recipe, name), model) for name in self.widgets}
        return self._updates(model, values)

    def restore(self, kept: Mapping[str, Any]) -> Updates:
        """What to set the widgets to from values kept in the browser; a value that cannot be any more is dropped."""
        model = self.model(kept.get("model"))
        possible = {name: value for name, value in kept.items() if self._is_possible(name, value, model)}
        return self._updates(model, {**self.standards(model.id), **possible, "model": model.id})

    def suit(self, model_id: str, values: Values, before: Mapping[str, Any], after: Mapping[str, Any]) -> Updates:
        """Choices, ranges and visibility for this model; fields that had the standard `before` take the one `after`."""
        model = self.model(model_id)
        moved = {
            name: after[name]
            for name, widget in self.widgets.items()
            if name in after
            and (values[widget] == before.get(name) or not self._is_possible(name, values[widget], model))
        }
        return self._updates(model, moved)

    def standards(self, model_id: str | None) -> dict[str, Any]:
        """What the model takes for each field that is left open."""
        model = self.model(model_id)
        return {name: model.default(name) for name in STANDARD if name in self.widgets}

    def why_not(self, model_id: str | None) -> str:
        """One line about what the model cannot do; empty where it can do all."""
        model = self.model(model_id)
        missing = sorted({settings()[name].ability for name in self._hidden(model)} - {None}, key=str)
        lacking = " and ".join(LACKING[ability] for ability in missing if ability)
        return f"{model.name} takes {lacking}: it was trained to draw without." if lacking else ""

    def model(self, model_id: str | None) -> Model:
        """The model of this id; the studio's own first choice where there is none."""
        catalogue = self.studio.catalogue
        return catalogue[model_id if model_id is not None and model_id in catalogue else self.studio.settings.model]

    def _hidden(self, model: Model) -> set[str]:
        """Fields that mean nothing for this model."""
        abilities = model.default("abilities")
        hidden = {name for name in self.widgets if settings()[name].ability not in (None, *abilities)}
        return hidden | {name for name in ("negative_presets",) if not self._choices(name, model)}

    def _choices(self, name: str, model: Model) -> list[tuple[str, str]] | None:
        if name == "scheduler":
            return [(scheduler, scheduler) for scheduler in model.family_facts().schedulers()]
        if name == "negative_presets":
            presets = self.studio.presets.negatives.values()
            return [(preset.name, preset.id) for preset in presets if preset.suits(model.family)]
        return None

    def _updates(self, model: Model, values: Mapping[str, Any]) -> Updates:
        hidden = self._hidden(model)
        updates = {}
        for name, widget in self.widgets.items():
            told = {"value": values[name], **_stretched(name, values[name])} if name in values else {}
            shown = {} if name == "model" else {"visible": name not in hidden}
            updates[widget] = gr.update(**self._facts(name, model), **shown) | told
        return updates

    def _is_possible(self, name: str, value: Any, model: Model) -> bool:
        choices = self._choices(name, model)
        known = [choice for _, choice in choices or []]
        return choices is None or all(one in known for one in (value if isinstance(value, list) else [value]))

    def _facts(self, name: str, model: Model) -> dict[str, Any]:
        """What the widget of a field is told about this model: its choices or range."""
        facts: dict[str, Any] = {}
        if choices := self._choices(name, model):
            facts["choices"] = choices
        if name in ("width", "height"):
            family = model.family_facts()
            facts |= {"minimum": family.min_side, "maximum": family.max_side, "step": family.multiple}
        return facts


def _kind(name: str, setting: Setting, look: dict[str, Any]) -> Any:
    """The Gradio component for a field, with the fixed part of its look filled in."""
    if name == "seed":
        # A number field of Gradio shows 0 where it is empty, and 0 is a seed.
        return gr.Textbox
    if "choices" in look:
        return gr.Radio
    if setting.maximum is not None:
        look["buttons"] = []
        for side in ("minimum", "maximum", "step"):
            look.setdefault(side, getattr(setting, side))
        return gr.Slider
    if name in ("scheduler", "model", "negative_presets"):
        look["multiselect"] = name == "negative_presets"
        return gr.Dropdown
    return gr.Textbox


def _is_standard(name: str, value: Any, model: Model) -> bool:
    return name in STANDARD and bool(value == model.default(name))


def _shown(name: str, value: Any, model: Model) -> Any:
    if value is None:
        return model.default(name) if name in STANDARD else model.id if name == "model" else ""
    if name == "seed":
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _stretched(name: str, value: Any) -> dict[str, Any]:
    """A slider that reaches a value beyond its usual range."""
    setting = settings()[name]
    if setting.maximum is None or name in ("width", "height", "count") or not isinstance(value, int | float):
        return {}
    return {"minimum": min(setting.minimum or 0, value), "maximum": max(setting.maximum, value)}
