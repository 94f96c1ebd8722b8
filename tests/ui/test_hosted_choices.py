"""Hosted models in the page's form: offered where they can do the task, with what they take and what they cost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import fields
from studio.ui.hosted_choices import choice, offered, price
from tests.drawer import Drawer

LOW = "openai:gpt-image-2?quality=low"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    home: Path = tmp_path_factory.mktemp("home")
    with Studio(Settings.load(home=home, day_budget_usd=1), backend=Drawer()) as studio:
        yield studio


@pytest.mark.parametrize("task", ["text2img", "img2img", "inpaint"])
def test_hosted_models_are_offered_by_quality_where_they_can_do_the_task(studio: Studio, task: fields.Task):
    names = [name for _, name in fields.models(studio, task)]
    assert LOW in names
    assert names.index("starter") < names.index(LOW)
    assert not [name for name in names if "dall-e" in name], "those that are shut down are not offered"


def test_no_hosted_model_enlarges(studio: Studio):
    assert offered(studio, "upscale", None) == []


def test_what_is_chosen_is_offered_whatever_it_is(studio: Studio):
    assert "openai:dall-e-3" in [name for _, name in offered(studio, "text2img", "openai:dall-e-3")]


def test_a_choice_says_its_usual_size_and_no_abilities(studio: Studio):
    model = choice(studio, LOW)
    assert (model.default("width"), model.default("height"), model.default("abilities")) == (1024, 1024, frozenset())
    assert model.name == "GPT Image 2, low"


def test_the_price_is_for_all_pictures_and_says_what_is_left(studio: Studio):
    one = price(studio, Recipe(prompt="a house", model=LOW), "text2img")
    four = price(studio, Recipe(prompt="a house", model=LOW, count=4), "text2img")
    assert one.startswith("At most $")
    assert "4 pictures. $1.00 are left for today." in four
    assert price(studio, Recipe(prompt="a house", model="starter"), "text2img") == ""
