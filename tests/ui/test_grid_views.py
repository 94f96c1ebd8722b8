"""What the page offers to vary and says of a grid before it is made."""

from collections.abc import Iterator

import pytest

from studio.errors import InvalidRecipe
from studio.grids.axes import Axis, subject
from studio.recipe import ControlUnit, Lora, Recipe, setting_specs
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import axis_fields, grid_views
from tests.ui.painter import Painter

BASE = Recipe(prompt="a red house", model="starter")
PICTURE = "a" * 64


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with Studio(Settings.load(home=tmp_path_factory.mktemp("home")), backend=Painter()) as studio:
        yield studio


def fields(studio: Studio, base: Recipe) -> set[str]:
    return {offer["field"] for offer in axis_fields.offers(studio, base)}


def test_what_is_offered_is_what_the_recipe_uses(studio: Studio) -> None:
    offered = fields(studio, BASE)
    assert {"scheduler", "steps", "size", "prompt:", "hires_scale", "model", "styles"} <= offered
    assert not {"strength", "mask_blur", "hires_steps", "variation_seed", "count", "init_image"} & offered
    assert {"lora:watercolour", "lora:pixel-art"} <= offered
    changed = BASE.replace(
        init_image=PICTURE,
        controls=[ControlUnit(kind="canny", image=PICTURE), ControlUnit(kind="ip_adapter", image=PICTURE)],
        loras=[Lora(name="mine")],
        outpaint={"left": 8},
    )
    offered = fields(studio, changed)
    assert {"strength", "control.1.mode", "control.2.weight", "lora:mine", "outpaint.top"} <= offered
    assert not {"hires_scale", "control.2.mode"} & offered


def test_each_offer_is_an_axis_and_its_choices_are_values_of_it(studio: Studio) -> None:
    for offer in axis_fields.offers(studio, BASE):
        if offer["field"] == axis_fields.WORDS:
            continue
        varied = subject(offer["field"])
        assert varied.numeric == offer["numeric"]
        for choice in offer["choices"]:
            unchanged = offer["field"] in setting_specs() and choice["value"] == BASE.get(offer["field"])
            assert unchanged or varied.put(BASE, choice["value"]) != BASE


def test_a_grid_over_models_offers_those_that_can_do_the_task(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio.catalogue, "present", lambda _: True)

    def offered(base: Recipe) -> set[str]:
        (models,) = (offer["choices"] for offer in axis_fields.offers(studio, base) if offer["field"] == "model")
        return {choice["value"] for choice in models}

    assert {"starter", "sdxl-base"} <= offered(BASE)
    assert "sdxl-refiner" not in offered(BASE)
    assert "sdxl-refiner" in offered(BASE.replace(init_image="a" * 64))


def test_bars_in_the_prompt_are_offered_in_every_combination(studio: Studio) -> None:
    (offer,) = (
        one for one in axis_fields.offers(studio, Recipe(prompt="a street|at night")) if one["field"] == "prompt"
    )
    assert [choice["value"] for choice in offer["choices"]] == ["a street", "a street, at night"]


def test_several_pictures_to_start_from_become_an_axis(studio: Studio) -> None:
    bases = [BASE.replace(init_image=letter * 64, count=4) for letter in "ab"]
    told = grid_views.setup(studio, bases)
    assert told["pictures"] == ["a" * 64, "b" * 64]
    assert Recipe.from_json(told["base"]).count == 1
    assert grid_views.setup(studio, bases[:1])["pictures"] == []


def test_what_would_be_made_is_told_before_it_is(studio: Studio) -> None:
    asked = [{"field": "steps", "text": "2, 4, 9000"}, {"field": "prompt:red", "text": "red, blue"}]
    told = grid_views.considered(studio, BASE.to_json(), asked)
    assert (told["cells"], told["possible"], told["steps"]) == (6, 4, 12)
    (fault,) = told["faults"]
    assert fault["where"] == "Steps 9000"
    assert "1 to 1000" in fault["words"]


@pytest.mark.parametrize(
    ("field", "text", "says"),
    [("steps", "0-5000000000", "larger step"), ("prompt:blue", "a, b", "does not say"), ("", "a", "no such setting")],
)
def test_an_axis_at_fault_is_named_by_its_place(studio: Studio, field: str, text: str, says: str) -> None:
    asked = [{"field": "seed", "text": "1,2"}, {"field": field, "text": text}]
    told = grid_views.considered(studio, BASE.to_json(), asked)
    assert told["axis"] == 1
    assert says in told["fault"]


def test_an_axis_is_written_as_it_is_read() -> None:
    axis = Axis.of("prompt", 'a cat,"a dog, asleep"')
    (again,) = grid_views.axes([{"field": axis.field, "text": grid_views._written(axis)}])
    assert again == axis
    with pytest.raises(InvalidRecipe) as error:
        grid_views.axes([{}])
    assert error.value.part == 0
