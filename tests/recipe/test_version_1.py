"""What was stored by version 1 of the recipe: pictures, which it made, and jobs."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio.metadata import own, readers
from studio.metadata.infotext import to_infotext
from studio.recipe import (
    ImageToImageRecipe,
    InpaintRecipe,
    Recipe,
    ResolvedRecipe,
    TwoPassRecipe,
    UpscaleRecipe,
    as_resolved,
    setting_specs,
)

MADE = Path(__file__).parent / "version_1"
KINDS: dict[str, type[ResolvedRecipe]] = {
    "second-pass": TwoPassRecipe,
    "inpaint": InpaintRecipe,
    "outpaint": InpaintRecipe,
    "upscale": UpscaleRecipe,
    "img2img": ImageToImageRecipe,
}


def written(name: str) -> dict[str, Any]:
    """The recipe in the picture's file as it stands there."""
    with Image.open(MADE / f"{name}.png") as picture:
        recipe: dict[str, Any] = json.loads(picture.info["image-studio"])["recipe"]
    return recipe


@pytest.mark.parametrize("name", KINDS)
def test_a_picture_of_version_1_says_all_that_it_said(name: str):
    recipe, said = own.read(MADE / f"{name}.png"), written(name)
    assert said.pop("version") == 1
    assert said.keys() <= setting_specs().keys()
    assert recipe.version == 2
    for field, value in said.items():
        assert recipe.get(field) == Recipe.make(**{field: value}).get(field), field


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_a_recipe_of_version_1_is_resolved_as_its_kind(name: str, kind: type[ResolvedRecipe]):
    recipe = as_resolved(Recipe.from_json(json.dumps(written(name))))
    assert type(recipe) is kind
    assert recipe == own.read(MADE / f"{name}.png")
    assert Recipe.from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize("name", KINDS)
def test_other_tools_are_told_the_same_as_by_version_1(name: str):
    path = MADE / f"{name}.png"
    with Image.open(path) as picture:
        before, size = picture.info["parameters"], picture.size
    # The noise of the CPU is what there is anyway.
    expected = set(before.splitlines()[-1].split(", ")) - {"RNG: CPU"}
    assert set(to_infotext(own.read(path), size).splitlines()[-1].split(", ")) == expected


def test_a_picture_of_version_1_fills_the_form_as_before():
    values = readers.of_file(MADE / "second-pass.png").values
    assert (values["hires_scale"], values["hires_steps"], values["variation_strength"]) == (1.25, 2, 0.2)
    assert Recipe.make(**values).hires.scale == 1.25


def test_both_ways_to_name_a_setting_are_one_recipe():
    flat = Recipe.make(hires_scale=2, mask_blur=9, upscale=3, variation_seed=4)
    parts = Recipe.make(hires={"scale": 2}, mask={"blur": 9}, upscale={"scale": 3}, variation={"seed": 4})
    assert flat == parts
    assert flat.given() == {"hires_scale": 2, "mask_blur": 9, "upscale": 3, "variation_seed": 4}
    assert json.loads(flat.to_json())["hires"]["scale"] == 2
