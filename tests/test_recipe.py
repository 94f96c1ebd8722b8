import json
import math
from typing import Any

import pytest
from pydantic import ValidationError

from studio.errors import RecipeError
from studio.recipe import SEEDS, Recipe, hard_range, settings
from tests.drawer import settled


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 0),
        ("width", -64),
        ("height", 10**9),
        ("height", 64.5),
        ("width", "wide"),
        ("steps", 0),
        ("steps", 10**6),
        ("steps", math.nan),
        ("guidance_scale", math.nan),
        ("guidance_scale", math.inf),
        ("guidance_scale", -1),
        ("guidance_scale", 1e9),
        ("seed", -1),
        ("seed", SEEDS),
        ("count", 0),
        ("count", 10**9),
        ("prompt", "x" * 4001),
        ("prompt", 7),
        ("prompt", "\ud800"),
        ("negative_presets", "photograph"),
        ("version", 2),
        ("promt", "a house"),
    ],
)
def test_a_value_that_cannot_be_names_its_field_and_the_cure(field: str, value: Any):
    with pytest.raises(RecipeError) as error:
        Recipe.make(**{field: value})
    assert error.value.field == field
    assert error.value.message
    assert error.value.hint


def test_a_range_is_said_in_whole_numbers():
    with pytest.raises(RecipeError, match=f"from 0 to {SEEDS - 1}"):
        Recipe.make(seed=-1)


def test_a_recipe_is_a_value():
    assert settled("a house") == settled("a house")
    assert len({settled("a house"), settled("a house"), settled("a tree")}) == 2
    with pytest.raises(ValidationError):
        settled("a house").steps = 3  # type: ignore[misc]


@pytest.mark.parametrize("recipe", [Recipe(), settled("家 \n \x00 🏠"), Recipe(negative_presets=("a", "b"), count=3)])
def test_a_recipe_comes_back_from_json_exactly(recipe: Recipe):
    assert "\n" not in recipe.to_json()
    assert Recipe.from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '"x"', '{"steps": NaN}', '{"no_such": 1}'])
def test_foreign_json_is_a_recipe_error(text: str):
    with pytest.raises(RecipeError):
        Recipe.from_json(text)


def test_what_is_left_open_is_not_stored():
    assert set(json.loads(Recipe(prompt="x").to_json())) == {
        "version",
        "prompt",
        "negative_prompt",
        "negative_presets",
        "count",
    }


def test_a_copy_is_checked_like_a_new_recipe():
    assert settled("a house").replace(steps=9).steps == 9
    with pytest.raises(RecipeError, match="steps"):
        settled("a house").replace(steps=0)


def test_every_field_says_how_it_is_shown():
    assert set(settings()) == set(Recipe.model_fields) - {"version"}
    for name, setting in settings().items():
        assert setting.label, name
        assert setting.help.endswith("."), name


def test_what_a_slider_offers_can_be():
    for name, setting in settings().items():
        low, high = hard_range(name)
        if setting.minimum is not None and setting.maximum is not None:
            assert low is not None, name
            assert high is not None, name
            assert low <= setting.minimum < setting.maximum <= high, name
