"""What is heard of a picture of another tool, made a recipe of this studio."""

from collections.abc import Iterator

import pytest

from studio.metadata import hearsay as heard
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.hearsay import fitting
from tests.drawer import Drawer


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with Studio(Settings.load(home=tmp_path_factory.mktemp("home")), backend=Drawer()) as studio:
        yield studio


def test_what_this_studio_has_not_is_left_out_with_the_reason_and_the_rest_is_taken(studio: Studio):
    text = (
        "a red house\nSteps: 12, Sampler: DPM++ SDE, CFG scale: 6, Seed: 5, Size: 128x101, Model: dreamshaper_8, "
        "Denoising strength: 0.4, Hires upscale: 2, Hires upscaler: R-ESRGAN 4x+"
    )
    recipe, left = fitting(studio, heard.of_text(text), "starter")
    assert (recipe.model, recipe.steps, recipe.guidance_scale, recipe.seed) == ("starter", 12, 6, 5)
    assert (recipe.hires_scale, recipe.hires_strength, recipe.hires_upscaler) == (2, 0.4, None)
    assert len(studio.settle(recipe)) == 1
    assert left == [
        "Model dreamshaper_8: it is not in this studio, so the chosen one stays",
        "Second upscaler R-ESRGAN 4x+: There is no upscaler “R-ESRGAN 4x+”.",
        "Height 101: 101 is not divisible by 8.",
        "Scheduler DPM++ SDE: There is no scheduler “DPM++ SDE”.",
    ]


def test_a_model_is_found_by_its_name(studio: Studio):
    recipe, left = fitting(studio, heard.of_text("x\nSteps: 5, Model: STARTER"), "starter")
    assert (recipe.model, left) == ("starter", [])


def test_words_that_are_at_fault_are_kept_for_the_form_to_tell(studio: Studio):
    recipe, left = fitting(studio, heard.of_text("a house <lora:ink:1>\nSteps: 5, Seed: 1"), "starter")
    assert (recipe.prompt, left) == ("a house <lora:ink:1>", [])


def test_a_lost_picture_leaves_what_can_be_made_without_it(studio: Studio):
    told = heard.Heard({"prompt": "a house", "init_image": "0" * 64, "strength": 0.5, "steps": 3})
    recipe, left = fitting(studio, told, "starter")
    assert (recipe.task, recipe.steps) == ("text2img", 3)
    assert [line.partition(" ")[0] for line in left] == ["Image", "Strength"]
