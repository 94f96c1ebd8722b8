"""Ready-made words by name: styles and negative presets as part of a recipe's prompts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from studio.errors import InvalidPrompt, InvalidRecipe
from studio.presets import saving
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from tests.drawer import Drawer
from tests.headers import write_home

MODEL = "tiny-starter"
FAMILIES = ["starter", "flux"]


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    home = write_home(tmp_path / "home", MODEL)
    for name, words in {
        "Oil": {"prompt": "oil painting of {prompt}, rich", "negative": "photograph", "families": FAMILIES},
        "Rain": {"prompt": "in the rain"},
        "Broken": {"prompt": "a (cat {prompt}"},
        "Drawn": {"prompt": "{prompt} in {red|blue}"},
        "Long": {"prompt": "x" * 3990},
    }.items():
        saving.write(home, "styles", name, words)
    with Studio(Settings.load(home=home, model=MODEL), backend=Drawer()) as studio:
        yield studio


def resolved(studio: Studio, **values: Any) -> Recipe:
    (recipe,) = studio.resolve(Recipe.make(**values))
    assert studio.resolve(recipe) == (recipe,)
    assert recipe.styles == recipe.negative_presets == ()
    return recipe


def test_styles_become_words_in_their_order(studio: Studio) -> None:
    one = resolved(studio, prompt="a cat", negative_prompt="dog", styles=("oil", "rain"))
    assert one.prompt == "oil painting of a cat, rich, in the rain"
    assert one.negative_prompt == "dog, photograph"
    other = resolved(studio, prompt="a cat", styles=("Rain", "OIL"))
    assert other.prompt == "oil painting of a cat, in the rain, rich"


def test_what_is_kept_out_stands_once_and_in_order(studio: Studio) -> None:
    starter = studio.presets.negatives["starter"].text
    recipe = resolved(
        studio, prompt="a", negative_prompt="rain", styles=("oil",), negative_presets=("starter", "starter")
    )
    assert recipe.negative_prompt == f"rain, photograph, {starter}"


def test_a_model_without_negative_prompts_gets_the_style_s_words_alone(studio: Studio) -> None:
    recipe = resolved(studio, prompt="a cat", styles=("oil",), model="tiny-flux")
    assert (recipe.prompt, recipe.negative_prompt) == ("oil painting of a cat, rich", "")


def test_what_a_style_leaves_to_chance_is_drawn_from_the_seed(studio: Studio) -> None:
    prompts = {studio.resolve(Recipe(prompt="a", styles=("drawn",), seed=seed))[0].prompt for seed in range(16)}
    assert prompts == {"a in red", "a in blue"}


@pytest.mark.parametrize(
    ("values", "field", "says"),
    [
        (
            {"prompt": "a", "styles": ("anime",)},
            "styles",
            "“Anime” is for Stable Diffusion 1.5.*tiny-starter is Starter",
        ),
        ({"prompt": "a", "styles": ("raim",)}, "styles", "no style “raim”.*Did you mean .*rain"),
        ({"prompt": "a", "styles": ("broken",)}, "styles", "“Broken” cannot be read: .* is never closed"),
        ({"prompt": "a", "styles": ("long", "rain")}, "prompt", "4006 characters; the limit is 4000"),
        ({"prompt": " ", "styles": ("rain",)}, "prompt", "empty"),
        ({"styles": ("rain",), "init_image": "0" * 64, "upscale": 2}, "styles", "has no effect"),
    ],
)
def test_a_style_that_cannot_be_is_refused(studio: Studio, values: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(InvalidRecipe, match=f"(?s){says}") as caught:
        studio.resolve(Recipe.make(**values))
    assert caught.value.field == field
    assert caught.value.hint


def test_a_fault_in_one_s_own_words_keeps_its_place(studio: Studio) -> None:
    with pytest.raises(InvalidPrompt) as caught:
        studio.resolve(Recipe(prompt="a (cat", styles=("oil",)))
    assert (caught.value.text, caught.value.position) == ("a (cat", 2)


def test_a_preset_that_is_saved_while_the_studio_runs_is_there_once_it_looks_again(studio: Studio) -> None:
    path = saving.write(studio.settings.home, "styles", "Snow", {"prompt": "in the snow"})
    studio.presets.refresh()
    assert resolved(studio, prompt="a", styles=("snow",)).prompt == "a, in the snow"
    path.write_text('name = "Snow"\nprompt = "x"\npromt = "y"\n')
    studio.presets.refresh()
    with pytest.raises(InvalidRecipe, match=r"snow\.toml, line 3: there is no key `promt`") as caught:
        resolved(studio, prompt="a", styles=("snow",))
    assert caught.value.field == "styles"
    assert resolved(studio, prompt="a", styles=("starter-night",)).prompt
