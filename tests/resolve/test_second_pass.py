"""A second pass by another model: what it is resolved to, what is refused, and what counts in the first pass only."""

from collections.abc import Iterator
from typing import Any

import pytest

from studio.catalogue.vaes import Vaes
from studio.errors import InvalidRecipe
from studio.families.starter import FAMILY
from studio.recipe import Recipe
from studio.resolve.second_pass import Assets, SecondPass, second_pass
from studio.settings import Settings
from studio.studio import Studio
from tests.drawer import Drawer
from tests.headers import write_home, write_model, write_safetensors
from tests.people import who

STARTER = "tiny-starter"
FAMILIES = ("sd15", "sd15_instruct", "sd15_inpaint", "sdxl", "sdxl_refiner", "sd3")


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    home = write_home(tmp_path_factory.mktemp("second") / "home", STARTER)
    for family in FAMILIES:
        write_model(home / "models" / family, family)
    (home / "models" / "turbo.toml").write_text(
        'name = "Turbo"\nfamily = "sdxl"\nfolder = "sdxl"\nabilities = []\nsteps = 4\n', encoding="utf-8"
    )
    write_safetensors(home / "embeddings" / "moody.safetensors", {"emb_params": (2, 768)})
    with Studio(Settings.load(home=home, model=STARTER), backend=Drawer()) as studio:
        yield studio


def resolved(studio: Studio, model: str, second: str | None, **values: Any) -> Recipe:
    asked = {"prompt": "a red house", "model": model, "hires_model": second, "hires_scale": 1, **values}
    (recipe,) = studio.resolve(Recipe.make(**asked))
    assert studio.resolve(recipe) == (recipe,)
    return recipe


def of_second(studio: Studio, recipe: Recipe) -> SecondPass:
    first, second = (studio.catalogue[name] for name in recipe.models)
    assets = Assets(studio.catalogue, studio.controlnets, studio.prompt_assets, Vaes(studio.settings))
    return second_pass(recipe, first, second, assets)


def test_a_second_model_is_resolved_with_steps_of_its_own(studio: Studio):
    recipe = resolved(studio, "sd15", "turbo", steps=25)
    assert recipe.models == ("sd15", "turbo")
    assert (recipe.steps, recipe.hires.steps) == (25, 4)
    assert recipe.passes == ("text2img",)


def test_the_same_model_twice_is_no_other(studio: Studio):
    recipe = resolved(studio, "sdxl", "sdxl", steps=12)
    assert recipe.hires.model is None
    assert recipe.hires.steps == 12
    assert recipe.passes == ("text2img", "img2img")


@pytest.mark.parametrize(
    ("first", "second", "upscaler"),
    [("sdxl", "sdxl_refiner", "latent"), ("sdxl", None, "latent"), ("sd15", "sdxl", "lanczos")],
)
def test_at_its_own_size_latents_go_over_where_both_models_read_them(
    studio: Studio, first: str, second: str | None, upscaler: str
):
    assert resolved(studio, first, second).hires.upscaler == upscaler
    assert resolved(studio, first, second, hires_scale=1.5).hires.upscaler == "lanczos"


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("hires_model", {"hires_model": "sd15_instruct"}, "cannot paint a second pass"),
    ("hires_model", {"hires_model": "sd15_inpaint"}, "made to paint into a picture"),
    ("hires_model", {"hires_model": "nobody"}, "nobody"),
    ("hires_model", {"hires_model": "sdxl", "hires_scale": None}, "without a second pass"),
    ("hires_upscaler", {"hires_model": "sdxl", "hires_upscaler": "latent"}, "mean nothing to"),
    (
        "hires_scale",
        {"hires_model": STARTER, "width": 1024, "height": 1024},
        f"paints up to {FAMILY.max_side} a side",
    ),
    ("hires_model", {"hires_model": "sd3", "prompt": "a [red:blue:0.5] house"}, "In the second pass: .* words that"),
    ("model", {"model": "sdxl_refiner", "hires_model": "sdxl"}, "cannot make a picture from text alone"),
]


@pytest.mark.parametrize(("field", "values", "words"), REFUSED)
def test_what_two_models_cannot_do_is_refused_at_its_field(
    studio: Studio, field: str, values: dict[str, Any], words: str
):
    with pytest.raises(InvalidRecipe, match=words) as caught:
        studio.resolve(Recipe.make(**{"prompt": "a", "model": "sd15", "hires_scale": 1, **values}))
    assert caught.value.field == field
    assert caught.value.hint


def test_what_was_the_first_models_own_is_the_seconds_own_and_the_rest_is_taken_over(studio: Studio):
    own = of_second(studio, resolved(studio, "sd15", "sd3"))
    facts = studio.catalogue["sd3"].family_facts()
    assert (own.recipe.scheduler, own.recipe.guidance_scale) == (facts.scheduler, facts.guidance_scale)
    assert f"The scheduler of the second pass is {facts.scheduler}." in own.notes
    asked = of_second(studio, resolved(studio, "sd15", "sdxl", scheduler="DDIM", eta=0.5, guidance_scale=3))
    assert (asked.recipe.scheduler, asked.recipe.eta, asked.recipe.guidance_scale) == ("DDIM", 0.5, 3)
    assert asked.notes == ()


def test_what_the_second_model_cannot_take_is_left_out_and_said(studio: Studio):
    more = {"negative_prompt": "rain", "clip_skip": 2, "guidance_rescale": 0.5}
    turbo = of_second(studio, resolved(studio, "sd15", "turbo", **more))
    assert (turbo.recipe.negative_prompt, turbo.recipe.guidance_scale, turbo.recipe.clip_skip) == ("", None, 2)
    assert turbo.notes == (
        "Turbo takes no Negative prompt and no Guidance rescale: they apply to the first pass only.",
    )
    flow = of_second(studio, resolved(studio, "sd15", "sd3", scheduler="DDIM", eta=0.5))
    assert flow.recipe.eta == 0
    assert any("no Eta: it applies" in note for note in flow.notes)


def test_embeddings_of_the_first_model_are_no_words_of_the_second(studio: Studio):
    written = of_second(studio, resolved(studio, "sd15", "sdxl", prompt="a house, (embedding:moody:1.2) by the sea"))
    assert "moody" not in written.recipe.prompt
    assert written.recipe.prompt.endswith(" by the sea")
    assert any("moody: they apply to the first pass only" in note for note in written.notes)
    bare = of_second(studio, resolved(studio, "sd15", "sdxl", prompt="a moody house"))
    assert bare.recipe.prompt == "a moody house"
    assert any("moody: it reads their names as words" in note for note in bare.notes)
    assert not of_second(studio, resolved(studio, "sd15", "sdxl")).notes[2:]


def test_both_models_are_needed_fetched_and_counted_as_used(studio: Studio):
    recipe = resolved(studio, "sdxl", "sdxl_refiner")
    needed = [item.id for item in studio.needs.of([recipe, recipe.replace(hires_model=None)])]
    assert needed == ["sdxl", "sdxl_refiner"]
    job = studio.submit(recipe, who("me"))
    list(job.follow())
    assert {"model/sdxl", "model/sdxl_refiner"} <= {*studio.used.times()}
