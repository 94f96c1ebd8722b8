"""One name for each setting: page, command line, axes and programs say it alike, by its name or by its label."""

import argparse

import pytest

from studio.cli import generate
from studio.errors import InvalidRecipe
from studio.grids.axes import UNVARIED, subject
from studio.recipe import Recipe, setting_specs
from studio.recipe.flat import names, plain

SETTINGS = setting_specs()


@pytest.fixture(scope="module")
def options() -> dict[str, str]:
    """What each option sets."""
    parser = argparse.ArgumentParser()
    generate.arguments(parser)
    return {option: action.dest for action in parser._actions for option in action.option_strings}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_meant_by_its_name_and_by_its_label_everywhere(name: str, options: dict[str, str]) -> None:
    label = SETTINGS[name].label
    # A label that is another setting's name would mean that one.
    assert [names(Recipe)[plain(one)] for one in (name, label)] == [name, name]
    if name != UNVARIED:
        assert {subject(one).field for one in (name, label, label.upper())} == {name}
    if name != "prompt":
        wanted = {"loras": "lora", "controls": "control"}.get(name, name)
        spelled = [f"--{plain(one).replace('_', '-')}" for one in (name, label)]
        assert [options.get(one) for one in spelled] == [wanted, wanted]


def test_a_program_may_say_either_but_not_both() -> None:
    assert Recipe.make(prompt="a", guidance=5) == Recipe.make(prompt="a", guidance_scale=5)
    assert Recipe.make(prompt="a", **{"Mask growth": 4}).mask.grow == 4
    with pytest.raises(InvalidRecipe) as caught:
        Recipe.make(prompt="a", guidance=5, guidance_scale=7)
    assert caught.value.field == "guidance"
