import json
import math
import re
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from studio.errors import InvalidRecipe
from studio.recipe import SEEDS, ControlUnit, Lora, OutpaintPadding, Recipe, all_fields, hard_range, setting_specs
from tests.drawer import resolved

UNIT = ControlUnit(kind="canny", image="0" * 64, weight=0.3, end=0.5, options={"low": 7, "high": 0.5, "by": "hand"})


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ("abc", "'abc' is not a number. Give a number from 1 to 1000."),
        ("2.5", "'2.5' is not a valid number of steps. Give a number from 1 to 1000."),
        (10**400, "is not a valid number of steps. Give a number from 1 to 1000."),
    ],
)
def test_what_is_no_number_is_told_from_one_that_cannot_be(steps: Any, says: str) -> None:
    with pytest.raises(InvalidRecipe, match=re.escape(says)):
        Recipe.make(prompt="a", steps=steps)


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
        ("init_image", "picture.png"),
        ("init_image", "../" * 21 + "a"),
        ("mask_image", "F" * 64),
        ("strength", 1.01),
        ("strength", math.nan),
        ("resize", "squash"),
        ("mask_blur", -1),
        ("mask_grow", 257),
        ("mask_fill", "red"),
        ("mask_padding", 513),
        ("outpaint", {}),
        ("outpaint", {"left": -8}),
        ("outpaint", {"left": 2049}),
        ("outpaint", {"lefft": 8}),
        ("outpaint", "left"),
        ("hires_scale", 0.9),
        ("upscale", 9),
        ("controls", [{"kind": "canny", "weight": 2.1}]),
        ("controls", [{"kind": "canny", "start": 0.6, "end": 0.5}]),
        ("controls", [{"kind": "canny", "image": "picture.png"}]),
        ("controls", [{"kind": "canny", "resize": "squash"}]),
        ("controls", [{"kind": "canny", "wieght": 1}]),
        ("controls", [{}]),
        ("controls", "canny"),
        ("loras", [{"name": "ink", "weight": 10.1}]),
        ("loras", [{"name": "ink", "text_weight": -11}]),
        ("loras", [{"name": "ink", "start": 0.6, "end": 0.5}]),
        ("loras", [{"name": "ink", "wieght": 1}]),
        ("loras", [{"name": ""}]),
        ("loras", "ink"),
        ("version", 3),
        ("mask", "left"),
        ("hires", {"scael": 2}),
        ("promt", "a house"),
    ],
)
def test_a_value_that_cannot_be_names_its_field_and_the_cure(field: str, value: Any):
    with pytest.raises(InvalidRecipe) as error:
        Recipe.make(**{field: value})
    assert error.value.field == field
    assert error.value.message
    assert error.value.hint


def test_a_range_is_said_in_whole_numbers():
    with pytest.raises(InvalidRecipe, match=f"from 0 to {SEEDS - 1}"):
        Recipe.make(seed=-1)


def test_a_recipe_is_a_value():
    assert resolved("a house") == resolved("a house")
    assert len({resolved("a house"), resolved("a house"), resolved("a tree")}) == 2
    with pytest.raises(ValidationError):
        resolved("a house").steps = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        resolved("家 \n \x00 🏠"),
        Recipe(negative_presets=("a", "b"), count=3),
        Recipe(init_image="0" * 64, strength=0.1 + 0.2, outpaint=OutpaintPadding(left=8, top=1)),
        Recipe(controls=(UNIT, UNIT.model_copy(update={"options": ()}))),
        Recipe.make(mask_blur=9, hires_scale=2, upscale=3.5, upscaler="lanczos", variation_strength=0),
        Recipe(loras=(Lora(name="ink", weight=-0.5, text_weight=0, end=0.5), Lora(name="pixel-art.kohya"))),
    ],
)
def test_a_recipe_comes_back_from_json_exactly(recipe: Recipe):
    assert "\n" not in recipe.to_json()
    assert Recipe.from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '"x"', '{"steps": NaN}', '{"no_such": 1}'])
def test_foreign_json_is_a_recipe_error(text: str):
    with pytest.raises(InvalidRecipe):
        Recipe.from_json(text)


def test_what_is_left_open_is_not_stored():
    assert set(json.loads(Recipe(prompt="x").to_json())) == {
        "version",
        "prompt",
        "negative_prompt",
        "count",
    }


def test_a_copy_is_checked_like_a_new_recipe():
    assert resolved("a house").replace(steps=9).steps == 9
    with pytest.raises(InvalidRecipe, match="steps"):
        resolved("a house").replace(steps=0)


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ({}, "text2img"),
        ({"hires_scale": 2}, "text2img"),
        ({"mask_image": "1" * 64}, "text2img"),
        ({"init_image": "0" * 64}, "img2img"),
        ({"init_image": "0" * 64, "mask_image": "1" * 64}, "inpaint"),
        ({"init_image": "0" * 64, "outpaint": {"left": 8}}, "inpaint"),
        ({"init_image": "0" * 64, "upscale": 2}, "upscale"),
        ({"init_image": "0" * 64, "upscaler": "lanczos", "strength": 0.3}, "upscale"),
    ],
)
def test_what_is_present_tells_the_task(values: dict[str, Any], task: str):
    assert Recipe.make(**values).task == task


def test_a_fault_in_a_part_names_the_part():
    with pytest.raises(InvalidRecipe, match="outpaint: left"):
        Recipe.make(outpaint={"left": -8})
    with pytest.raises(InvalidRecipe, match="controls: 1 weight"):
        Recipe.make(controls=[{"kind": "canny"}, {"kind": "canny", "weight": 3}])


@pytest.mark.parametrize("part", [OutpaintPadding, ControlUnit])
def test_every_field_of_a_part_says_how_it_is_shown(part: type[BaseModel]):
    shown = setting_specs(part)
    assert set(shown) == set(part.model_fields)
    assert all(setting.help.endswith(".") for setting in shown.values())


def test_a_recipe_with_controls_is_a_value():
    assert len({Recipe(controls=(UNIT,)), Recipe(controls=(UNIT,)), Recipe()}) == 2
    assert Recipe(controls=(UNIT,)).replace(seed=3).controls == (UNIT,)


def test_every_field_says_how_it_is_shown():
    assert set(setting_specs()) == set(all_fields(Recipe)) - {"version", "buckets"}
    for name, setting in setting_specs().items():
        assert setting.label, name
        assert setting.help.endswith("."), name


def test_what_a_slider_offers_can_be():
    for name, setting in setting_specs().items():
        low, high = hard_range(name)
        if setting.minimum is not None and setting.maximum is not None:
            assert low is not None, name
            assert high is not None, name
            assert low <= setting.minimum < setting.maximum <= high, name
