"""What holds for any text at all as a recipe's prompt."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import settings as how

from studio.catalogue.models import Model
from studio.errors import InvalidPrompt, InvalidRecipe
from studio.recipe import PROMPT_CHARACTERS, PaintedRecipe, Recipe
from studio.resolve.prompts import worded
from studio.settings import Settings
from studio.studio import Studio
from tests.drawer import Drawer
from tests.headers import write_home
from tests.prompts.test_prompt_properties import ANY

MODELS = ("starter", "tiny-flux")


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    home = write_home(tmp_path_factory.mktemp("home"), "tiny-starter")
    with Studio(Settings.load(home=home), backend=Drawer()) as studio:
        yield studio


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest, studio: Studio) -> Model:
    return studio.catalogue[request.param]


def _painted(asked: Recipe, model: Model) -> PaintedRecipe:
    known = {"model": model.id, "scheduler": "Euler", "steps": 1, "seed": 0}
    return PaintedRecipe(**known | asked.given())


def fault(asked: Recipe, model: Model, studio: Studio) -> InvalidRecipe | None:
    """What is wrong with it; nothing where it resolves, and resolves to itself."""
    try:
        whole = worded(_painted(asked, model), model, studio.catalogue, studio.prompt_assets)
    except InvalidRecipe as error:
        return error
    assert worded(whole, model, studio.catalogue, studio.prompt_assets) == whole
    return None


@how(max_examples=100, deadline=None, derandomize=True, database=None)
@given(text=ANY)
def test_any_text_is_resolved_or_its_fault_is_told(studio: Studio, model: Model, text: str) -> None:
    negative = text if "negative_prompt" in model.default("abilities") else ""
    error = fault(Recipe.make(prompt=text, negative_prompt=negative, steps=12, guidance_scale=3), model, studio)
    if error is not None:
        assert error.field in ("prompt", "negative_prompt", "loras")
        assert error.hint
    if isinstance(error, InvalidPrompt):
        assert 0 <= error.position <= len(error.text)


@pytest.mark.parametrize("piece", ["(a", "[a|b]", "[a:b:3]", "{a|b}", "a AND ", "<lora:x:1>", "__starter/*__ "])
def test_a_text_as_long_as_may_be_ends_soon(studio: Studio, piece: str) -> None:
    text = piece * (PROMPT_CHARACTERS // len(piece))
    error = fault(Recipe(prompt=text, steps=30, guidance_scale=3), studio.catalogue["starter"], studio)
    assert error is None or error.hint
