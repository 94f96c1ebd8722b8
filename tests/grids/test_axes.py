"""Axes: from a few words to the values of a setting, and from those to recipes."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from studio.errors import InvalidRecipe
from studio.grids.axes import Axis, applied, names, subject
from studio.recipe import ChangeCost, ControlUnit, Lora, OutpaintPadding, Recipe, setting_specs

PICTURE = "0" * 64
BASE = Recipe(
    prompt="a red house, red sky",
    negative_prompt="red fog",
    init_image=PICTURE,
    outpaint=OutpaintPadding(left=8),
    loras=(Lora(name="ink"),),
    controls=(ControlUnit(kind="canny", image=PICTURE), ControlUnit(kind="depth", map="1" * 64)),
)


STREET = ("a street", "a street, at night", "a street, in the rain", "a street, at night, in the rain")


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("steps=10,20, 30", ["10", "20", "30"]),
        ("steps=1-10:3", ["1", "4", "7", "10"]),
        ("steps=1-10 (+3)", ["1", "4", "7", "10"]),
        ("steps=1-10[4]", ["1", "4", "7", "10"]),
        ("steps=10-1(-3)", ["10", "7", "4", "1"]),
        ("steps=3-1", ["3", "2", "1"]),
        ("steps=1-3[5]", ["1", "2", "3"]),
        ("steps=1, 5-7", ["1", "5", "6", "7"]),
        ("guidance_scale=0.1-0.5:0.1", ["0.1", "0.2", "0.3", "0.4", "0.5"]),
        ("guidance_scale=1-2[3]", ["1", "1.5", "2"]),
        ("lora:ink=0-1[3]", ["0", "0.5", "1"]),
        ("outpaint.left=8-64[3]", ["8", "36", "64"]),
        ("lora:ink=-1-1:0.5", ["-1", "-0.5", "0", "0.5", "1"]),
        ('prompt=a cat,"a dog, asleep"', ["a cat", "a dog, asleep"]),
        ("prompt=a street|at night|in the rain", [*STREET]),
        ('negative_prompt="a|b"', ["a", "a, b"]),
        ("prompt:red=red,,1-3", ["red", "", "1-3"]),
        ("scheduler=Euler,Euler,DDIM", ["Euler", "DDIM"]),
        ("size=512x512, 768x512", ["512x512", "768x512"]),
    ],
)
def test_values_are_listed_or_counted_out(words: str, values: list[str]):
    axis = Axis.parse(words)
    assert list(axis.values) == values
    assert len(axis.labels) == len(values)


CHOICES: dict[str, tuple[str, dict[str, Any]]] = {
    "scheduler": ("DDIM", {"scheduler": "DDIM"}),
    "Guidance": ("7.5", {"guidance_scale": 7.5}),
    "sampler": ("", {"scheduler": None}),
    "negative-prompt": ("rain", {"negative_prompt": "rain"}),
    "styles": ("ink+night", {"styles": ("ink", "night")}),
    "negative_presets": ("", {"negative_presets": ()}),
    "loras": ("ink:0.5+clay", {"loras": (Lora(name="ink", weight=0.5), Lora(name="clay"))}),
    "lora:ink": ("0.25", {"loras": (Lora(name="ink", weight=0.25),)}),
    "lora:v1.5 ink": ("2", {"loras": (Lora(name="ink"), Lora(name="v1.5 ink", weight=2))}),
    "lora:ink.start": ("0.3", {"loras": (Lora(name="ink", start=0.3),)}),
    "size": ("768x512", {"width": 768, "height": 512}),
    "outpaint": ("top=16+left=8", {"outpaint": OutpaintPadding(top=16, left=8)}),
    "outpaint.top": ("16", {"outpaint": OutpaintPadding(top=16, left=8)}),
    "prompt:red": ("blue", {"prompt": "a blue house, blue sky", "negative_prompt": "blue fog"}),
    "controls": ("2", {"controls": BASE.controls[1:]}),
    "control.2.weight": ("0.5", {"controls": (BASE.controls[0], BASE.controls[1].model_copy(update={"weight": 0.5}))}),
    "control[1].end": ("0.5", {"controls": (BASE.controls[0].model_copy(update={"end": 0.5}), BASE.controls[1])}),
    "control.1.options.low": (
        "20",
        {"controls": (BASE.controls[0].model_copy(update={"options": (("low", 20),)}), BASE.controls[1])},
    ),
}


@pytest.mark.parametrize("field", CHOICES)
def test_a_value_becomes_part_of_the_recipe(field: str):
    text, changed = CHOICES[field]
    axis = Axis(subject(field).field, (text,), (text,))
    assert applied(BASE, [(axis, 0)]) == BASE.replace(**changed)


def test_the_weight_that_the_prompt_gives_a_lora_is_the_one_that_varies():
    base = Recipe(prompt="a house <lora:ink:0.8>")
    assert applied(base, [(Axis.parse("lora:ink=0.3"), 0)]).prompt == "a house <lora:ink:0.3>"


def test_words_are_replaced_in_a_prompt_that_varies_itself():
    axes = [(Axis.parse("prompt:red=blue"), 0), (Axis.parse("prompt=a red cat,a red dog"), 1)]
    assert applied(Recipe(prompt="x"), axes).prompt == "a blue dog"


def test_a_cell_is_one_picture():
    assert applied(Recipe(prompt="a", count=4), []).count == 1
    with pytest.raises(InvalidRecipe, match="vary the seed"):
        Axis.parse("count=1,2")


def test_every_setting_of_a_recipe_can_be_an_axis():
    for name, setting in setting_specs().items():
        if name != "count":
            assert (subject(name).field, subject(name).change_cost) == (name, setting.change_cost)
    for name in names():
        assert (subject(name).field, bool(subject(name).title)) == (name, True)
    assert subject("lora:ink").change_cost is ChangeCost.TEXT
    assert subject("control.1.weight").change_cost is ChangeCost.SAMPLING


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("stepz=1,2", "Did you mean .*steps"),
        ("control.1.wait=1", "control.1.weight"),
        ("lora=1", "lora:NAME"),
        ("outpaint.middle=8", "left, right"),
        ("steps", "field=a,b,c"),
        ("steps=", "no value"),
        ("seed=0-4000000000", "larger step"),
        ("seed=0-9:0", "larger step"),
    ],
)
def test_an_axis_that_cannot_be_says_so(words: str, says: str):
    with pytest.raises(InvalidRecipe, match=says):
        Axis.parse(words)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("steps=many", "'many' is not a number. Give a number from 1 to 1000"),
        ("size=big", "768x512"),
        ("prompt:blue=a", "does not say"),
        ("control.3.weight=1", "no control unit 3: the recipe has 2"),
        ("controls=0", "no control unit 0"),
        ("mask_fill=glue", "mask_fill"),
    ],
)
def test_a_value_that_cannot_be_says_so(words: str, says: str):
    with pytest.raises(InvalidRecipe, match=says):
        applied(BASE, [(Axis.parse(words), 0)])


FIELDS = st.sampled_from([*names(), "control.", "control[]", "lora:", "lora:.", "prompt:", "outpaint.", "", "."])
TEXTS = st.text('0123456789-+.:()[]ab, "=|x\n', max_size=24)


@hypothesis_settings(max_examples=300, deadline=None)
@given(FIELDS | st.text(max_size=12), TEXTS)
@example("control.1.options.low", "1-2:0.0000001")
@example("seed", "1-9[999999999999]")
def test_whatever_is_written_is_an_axis_or_says_why_not(field: str, text: str):
    with suppress(InvalidRecipe):
        axis = Axis.of(field, text)
        for number in range(min(len(axis.values), 4)):
            applied(BASE, [(axis, number)])
