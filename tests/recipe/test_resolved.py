"""Recipes with nothing left open: each of its kind, valid by its type, made once."""

from pathlib import Path
from typing import Any

import pytest

from studio.errors import InvalidRecipe
from studio.recipe import ImagePrompt, MappedUnit, Recipe, TwoPassRecipe, as_resolved
from studio.settings import Settings
from studio.studio import Studio
from tests import drawer
from tests.drawer import Drawer
from tests.headers import write_home

PICTURE = "0" * 64
PAINTED: dict[str, Any] = {"prompt": "a house", "model": "m", "seed": 1, "scheduler": "Euler", "steps": 2}


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({**PAINTED, "width": 64}, "height"),
        ({**PAINTED, "width": 64, "height": 64, "hires_scale": 2, "hires_upscaler": "lanczos"}, "hires_steps"),
        ({**PAINTED, "init_image": PICTURE}, "width"),
        ({**PAINTED, "init_image": PICTURE, "mask_image": PICTURE, "steps": None}, "steps"),
        ({**PAINTED, "init_image": PICTURE, "upscaler": "lanczos", "strength": 0.3}, "upscale"),
        ({"model": "m", "seed": 1, "init_image": PICTURE, "upscale": 2}, "upscaler"),
        ({**PAINTED, "seed": None, "width": 64, "height": 64}, "seed"),
        ({**PAINTED, "width": 64, "height": 64, "controls": [{"kind": "canny", "image": PICTURE}]}, "controls"),
    ],
)
def test_what_is_left_open_is_named(values: dict[str, Any], missing: str):
    with pytest.raises(InvalidRecipe) as error:
        as_resolved(Recipe.make(**values))
    assert error.value.field == missing


def test_units_are_of_their_kind():
    units = [{"kind": "canny", "map": PICTURE, "model": "a"}, {"kind": "ip_adapter", "image": PICTURE, "model": "b"}]
    whole = as_resolved(Recipe.make(**PAINTED, width=64, height=64, controls=units))
    assert [type(unit) for unit in whole.controls] == [MappedUnit, ImagePrompt]


def test_a_resolved_recipe_equals_the_open_one_that_says_the_same():
    values = {**PAINTED, "width": 64, "height": 64, "hires_scale": 2, "hires_upscaler": "lanczos", "hires_steps": 3}
    asked = Recipe.make(**values)
    whole = as_resolved(asked)
    assert isinstance(whole, TwoPassRecipe)
    assert whole == asked
    assert hash(whole) == hash(asked)
    assert whole != asked.replace(seed=2)


def test_a_changed_resolved_recipe_is_open_again():
    assert type(drawer.resolved("a house").replace(width=None)) is Recipe


def test_an_image_is_checked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    home, make = write_home(tmp_path / "home", "tiny"), Recipe.make.__func__  # type: ignore[attr-defined]
    checked: list[type[Recipe]] = []

    def counted(cls: type[Recipe], **values: Any) -> Recipe:
        checked.append(cls)
        made: Recipe = make(cls, **values)
        return made

    asked = Recipe(prompt="a house", model="tiny", count=3, seed=1)
    with Studio(Settings.load(home=home), backend=Drawer()) as studio:
        monkeypatch.setattr(Recipe, "make", classmethod(counted))
        recipes = studio.resolve(asked)
    assert checked == [type(one) for one in recipes]
