"""Recipes under a name: what a file of one says, what it may not, and how it is taken up in part."""

import re
from itertools import chain
from pathlib import Path
from typing import get_args

import pytest

from studio.errors import InvalidRecipe
from studio.presets import saving
from studio.presets.reading import Presets
from studio.presets.recipes import PARTS, PICTURES, RecipePreset, has_pictures, known_parts, names_of, to_table
from studio.recipe import ControlUnit, Group, Lora, Recipe, setting_specs

PICTURE = "a" * 64
WHOLE = Recipe(
    prompt='a "red" house\nby the sea',
    styles=("oil",),
    model="starter",
    width=128,
    height=96,
    scheduler="Euler",
    steps=9,
    guidance_scale=2.5,
    seed=7,
    init_image=PICTURE,
    strength=0.5,
    outpaint={"left": 8},
    controls=(ControlUnit(kind="canny", image=PICTURE, weight=0.5, options=(("low", 5),)),),
    loras=(Lora(name="ink", weight=-0.5), Lora(name="old style", end=0.5)),
)


def saved(home: Path, recipe: Recipe) -> RecipePreset:
    saving.write(home, "recipes", "My look", to_table(recipe))
    return Presets(home / "presets").recipes["my-look"]


def test_a_saved_recipe_comes_back_without_its_pictures(tmp_path: Path) -> None:
    preset = saved(tmp_path, WHOLE)
    unit = WHOLE.controls[0].model_copy(update={"image": None})
    bare = WHOLE.replace(init_image=None, controls=(unit,))
    assert Recipe.make(**preset.as_values()) == bare
    assert (preset.name, preset.parts) == ("My look", tuple(PARTS))
    assert has_pictures(WHOLE)
    assert not has_pictures(bare)


def test_parts_are_all_settings_once() -> None:
    groups = list(chain.from_iterable(PARTS.values()))
    assert sorted(groups) == sorted(get_args(Group))
    assert names_of(PARTS) == setting_specs().keys()


def test_a_part_says_its_own_fields_alone(tmp_path: Path) -> None:
    preset = saved(tmp_path, WHOLE)
    assert preset.as_values(["sampling"]) == {"scheduler": "Euler", "steps": 9, "guidance_scale": 2.5}
    assert preset.as_values(["loras"]) == {"loras": WHOLE.loras}
    assert preset.as_values(["seed", "model"]) == {"model": "starter", "seed": 7, "count": 1}


def test_what_a_file_does_not_say_is_no_part_of_it(tmp_path: Path) -> None:
    preset = written(tmp_path, 'name = "Quick"\nsteps = 8\n').recipes["my-look"]
    assert preset.parts == ("sampling",)
    assert preset.as_values() == {"steps": 8}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('name = "N"\nsteps = 8\nstepps = 9\n', r"my-look\.toml, line 3: there is no key `stepps`"),
        ('name = "N"\nsteps = 0\n', r"my-look\.toml, line 2: `steps`: .*1 or more"),
        (
            'name = "N"\nloras = [\n    { name = "x", wieght = 1 },\n]\n',
            r"my-look\.toml, line 3: there is no key `wieght`",
        ),
        (
            f'name = "N"\n\ninit_image = "{PICTURE}"\n',
            r"my-look\.toml, line 3: `init_image`: a preset keeps no pictures",
        ),
        (
            f'name = "N"\ncontrols = [{{ kind = "canny", map = "{PICTURE}" }}]\n',
            r"my-look\.toml, line 2: `controls`: a preset keeps no pictures",
        ),
        ("steps = 8\n", r"my-look\.toml: the key `name` is missing"),
        ('name = "N"\nversion = 3\n', r"my-look\.toml, line 2: `version`"),
        ('name = "N"\nsteps 8\n', r"my-look\.toml is not valid TOML.*line 2"),
    ],
)
def test_a_fault_is_told_with_file_line_and_key(tmp_path: Path, text: str, says: str) -> None:
    presets = written(tmp_path, text)
    ((path, fault),) = presets.faults.items()
    assert path.name == "my-look.toml"
    assert re.search(says, fault.message)
    assert fault.hint
    assert "my-look" not in presets.recipes


def test_an_unknown_part_is_refused() -> None:
    assert known_parts(["loras", "words"]) == ("words", "loras")
    with pytest.raises(InvalidRecipe, match=r"no part 'lora' .*Known are: words, model"):
        known_parts(["lora"])


def test_pictures_are_never_written() -> None:
    table = to_table(WHOLE)
    assert not PICTURES & table.keys()
    assert PICTURE not in str(table)


def written(home: Path, text: str) -> Presets:
    path = home / "presets" / "recipes" / "my-look.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return Presets(home / "presets")
