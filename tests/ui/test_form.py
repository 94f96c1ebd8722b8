"""The form: what the recipe's fields become on the page, and what comes back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from studio.errors import RecipeError
from studio.recipe import Recipe, settings
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.fast_gradio import gr
from studio.ui.form import Form
from tests.ui.painter import Painter

# What text to image places; the rest belongs to forms that take a picture.
PLACED = [name for name, setting in settings().items() if setting.group in ("prompt", "size", "sampling", "seed")]


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with Studio(Settings.load(home=tmp_path), backend=Painter()) as studio:
        yield studio


@pytest.fixture
def form(studio: Studio) -> Form:
    form = Form(studio)
    with gr.Blocks(analytics_enabled=False):
        form.adopt("model", gr.Dropdown(list(studio.catalogue), value="starter"))
        for name in PLACED:
            form.place(name)
    return form


def shown(form: Form, updates: dict[Any, Any]) -> dict[Any, Any]:
    """What the page's widgets hold after these updates."""
    return {widget: updates.get(widget, {}).get("value", widget.value) for widget in form.widgets.values()}


def test_every_field_of_a_recipe_survives_the_form(form: Form) -> None:
    recipe = Recipe(
        prompt="a red house",
        negative_prompt="blur",
        negative_presets=("starter",),
        model="starter",
        width=96,
        height=160,
        scheduler="Euler a",
        steps=7,
        guidance_scale=2.5,
        seed=4294967295,
        count=4,
    )
    assert form.read(shown(form, form.show(recipe))) == recipe


def test_every_setting_has_a_widget_with_the_recipe_s_own_words(form: Form) -> None:
    for name in PLACED:
        assert form.widgets[name].label == settings()[name].label


def test_what_is_left_alone_stays_open_in_the_recipe(form: Form) -> None:
    values = shown(form, {}) | {form.widgets["prompt"]: "a boat"}
    assert form.read(values) == Recipe(prompt="a boat", model="starter")


def test_a_field_that_cannot_be_is_named(form: Form) -> None:
    values = shown(form, {}) | {form.widgets["seed"]: "twelve"}
    with pytest.raises(RecipeError) as caught:
        form.read(values)
    assert caught.value.field == "seed"
    assert "4.29497e+09" not in caught.value.hint


def test_another_model_moves_only_what_was_left_alone(form: Form) -> None:
    before = form.standards("starter")
    after = form.standards("sdxl-base")
    values = shown(form, {}) | {form.widgets["steps"]: 33}
    updates = form.suit("sdxl-base", values, before, after)
    assert updates[form.widgets["width"]]["value"] == 1024
    assert "value" not in updates[form.widgets["steps"]]


def test_what_a_model_cannot_do_is_hidden_and_said(form: Form) -> None:
    updates = form.suit("flux1-schnell", shown(form, {}), {}, {})
    assert updates[form.widgets["negative_prompt"]]["visible"] is False
    assert form.why_not("flux1-schnell").startswith("FLUX.1 schnell takes no guidance scale and no negative prompt")
    assert form.why_not("starter") == ""


def test_hidden_fields_do_not_reach_the_recipe(form: Form) -> None:
    values = shown(form, {}) | {
        form.widgets["model"]: "flux1-schnell",
        form.widgets["negative_prompt"]: "typed before the model was changed",
    }
    assert form.read(values).negative_prompt == ""


def test_a_scheduler_that_the_new_model_cannot_use_is_replaced(form: Form) -> None:
    standards = form.standards("flux1-schnell")
    values = shown(form, {}) | {form.widgets["scheduler"]: "Euler a"}
    updates = form.suit("flux1-schnell", values, form.standards("starter"), standards)
    assert updates[form.widgets["scheduler"]]["value"] == "Flow Euler"


def test_kept_values_that_cannot_be_any_more_are_dropped(form: Form) -> None:
    kept = {"prompt": "a castle", "scheduler": "Gone", "negative_presets": ["gone"], "model": "gone", "steps": 9}
    recipe = form.read(shown(form, form.restore(kept)))
    assert recipe == Recipe(prompt="a castle", model="starter", steps=9)
