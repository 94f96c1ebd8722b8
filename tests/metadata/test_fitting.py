"""What files of other tools say, made a recipe of this studio: the one way for page and command line."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.errors import InvalidRecipe, Unreadable
from studio.families import FAMILIES
from studio.metadata import readers
from studio.metadata.fitting import Here, fit
from studio.metadata.imported import ImportedSettings
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import import_panel
from tests.drawer import Drawer

MOST = FAMILIES["starter"].max_side


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Here:
    return Here.of(Settings.load(home=tmp_path_factory.mktemp("home")))


def fitted(here: Here, text: str, **over: object) -> tuple[dict[str, object], list[str]]:
    """The values and what was left out; every recipe can be made."""
    found = fit(here, readers.of_text(text), "starter", over)
    if found.values.get("prompt"):
        here.resolve(found.recipe)
    return found.values, found.left


def test_what_this_studio_has_not_is_left_out_with_the_reason_and_the_rest_is_taken(here: Here):
    values, left = fitted(
        here,
        "a red house\nSteps: 12, Sampler: DPM++ SDE, CFG scale: 6, Seed: 5, Size: 128x101, Model: dreamshaper_8, "
        "Model hash: 879db523c3, Denoising strength: 0.4, Hires upscale: 2, Hires upscaler: R-ESRGAN 4x+",
    )
    assert values == {
        "prompt": "a red house",
        "negative_prompt": "",
        "model": "starter",
        "steps": 12,
        "guidance_scale": 6,
        "seed": 5,
        "width": 128,
        "height": 104,
        "hires_scale": 2,
        "hires_strength": 0.4,
    }
    assert left == [
        "Model dreamshaper_8 (hash 879db523c3): it is not in this studio, so the chosen one stays",
        "Hires upscaler R-ESRGAN 4x+: There is no upscaler “R-ESRGAN 4x+”.",
        "Size 128x101: 101 is not divisible by 8. 128x104 is taken instead",
        "Scheduler DPM++ SDE: There is no scheduler “DPM++ SDE”.",
    ]


@pytest.mark.parametrize("name", ["STARTER", "starter", "sub/folder/starter.safetensors", r"sd\starter.ckpt"])
def test_a_model_is_found_by_its_name_or_file(here: Here, name: str):
    values, left = fitted(here, f"x\nSteps: 5, Sampler: Euler, Model: {name}")
    assert (values["model"], left) == ("starter", [])


def test_the_usual_name_of_a_model_that_would_have_to_be_downloaded_is_said(here: Here):
    values, left = fitted(here, "x\nSteps: 5, Sampler: Euler, Model: sd_xl_base_1.0")
    assert values["model"] == "starter"
    assert left == ["Model sd_xl_base_1.0: it is sdxl-base, which is not downloaded yet, so the chosen one stays"]


def test_the_usual_name_of_a_model_that_is_here_is_known(tmp_path: Path, tiny_model: Callable[[str], Path]):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "sd15").symlink_to(tiny_model("sd15"))
    here = Here.of(Settings.load(home=tmp_path))
    values, left = fitted(here, "x\nSteps: 5, Sampler: Euler, Model: v1-5-pruned-emaonly", width=64, height=64)
    assert (values["model"], left) == ("sd15", [])


@pytest.mark.parametrize("name", ["4x_Ultra-Sharp", "4x-UltraSharp.pth", "4XULTRASHARP", "R-ESRGAN 4x+"])
def test_an_upscaler_is_found_by_its_file_however_it_is_written(tmp_path: Path, name: str):
    (tmp_path / "upscalers").mkdir()
    for file in ("4x-UltraSharp", "RealESRGAN_x4plus"):
        (tmp_path / "upscalers" / f"{file}.safetensors").write_bytes(b"")
    text = f"x\nSteps: 5, Sampler: Euler, Size: 64x64, Hires upscale: 2, Hires upscaler: {name}"
    found = fit(Here.of(Settings.load(home=tmp_path)), readers.of_text(text), "starter")
    assert found.values["hires_upscaler"] in ("4x-UltraSharp", "RealESRGAN_x4plus")
    assert found.left == []


@pytest.mark.parametrize(
    ("size", "taken"),
    [
        (f"{MOST}x{2 * MOST}", (MOST // 2, MOST)),
        ("1024x1024", (MOST, MOST)),
        ("16x16", (64, 64)),
        ("128x101", (128, 104)),
    ],
)
def test_both_sides_of_a_size_are_fitted_together(here: Here, size: str, taken: tuple[int, int]):
    values, left = fitted(here, f"a fox\nSteps: 20, Sampler: Euler, CFG scale: 3, Seed: 1, Size: {size}")
    assert (values["width"], values["height"]) == taken
    assert [line.partition(":")[0] for line in left] == [f"Size {size}"]


def test_a_size_beside_one_that_is_asked_for_is_left_out_whole(here: Here):
    high = 2 * FAMILIES["starter"].max_side
    values, left = fitted(here, f"a fox\nSteps: 20, Sampler: Euler, Size: 256x{high}", width=128)
    assert "height" not in values
    assert left[0].startswith(f"Size {high}: {high} pixels are too many")


def test_a_lora_that_is_not_here_is_taken_out_of_the_prompt_and_said_with_its_hash(here: Here):
    text = 'a house <lora:ink:0.8> at night\nSteps: 5, Sampler: Euler, Seed: 1, Lora hashes: "ink: a1b2c3"'
    values, left = fitted(here, text)
    assert values["prompt"] == "a house  at night"
    assert len(left) == 1
    assert left[0].startswith("Prompt (hash a1b2c3): <lora:ink:0.8> was taken out: There is no LoRA")


def test_of_several_loras_those_that_are_here_stay(here: Here):
    told = ImportedSettings(
        {"prompt": "a house", "loras": ({"name": "gone"}, {"name": "lost"})}, hashes={"gone": "f00"}
    )
    found = fit(here, told.checked(), "starter")
    assert found.values["loras"] == ()
    assert [line.partition(":")[0] for line in found.left] == ["LoRA gone (hash f00)", "LoRA lost"]


def test_styles_that_are_not_here_are_left_out_one_by_one(here: Here):
    known = next(style.name for style in here.presets.styles.values() if style.suits("starter"))
    found = fit(here, ImportedSettings({"prompt": "a fox", "styles": ("Fooocus V2", known)}).checked(), "starter")
    assert found.values["styles"] == (known,)
    assert found.left == ["Style Fooocus V2: There is no style “Fooocus V2”."]


def test_a_negative_prompt_that_puts_on_a_lora_is_read_without(here: Here):
    values, left = fitted(here, "a\nNegative prompt: <lora:x:1>, blurry\nSteps: 5, Sampler: Euler")
    assert values["negative_prompt"] == ", blurry"
    assert left[0].startswith("Negative prompt: <lora:x:1> was taken out")


def test_an_embedding_that_is_not_here_is_taken_out(here: Here):
    values, left = fitted(here, "a house, embedding:ink.v2\nSteps: 5, Sampler: Euler, Seed: 1")
    assert values["prompt"] == "a house, "
    assert left[0].startswith("Prompt: embedding:ink.v2 was taken out")


def test_all_of_a_second_pass_is_left_out_together(here: Here):
    text = (
        "a fox\nSteps: 5, Sampler: Euler, Size: 256x256, Denoising strength: 0.4, Hires upscale: 4, Hires steps: 3, "
        "Hires upscaler: Latent"
    )
    values, left = fitted(here, text)
    assert not [name for name in values if name.startswith("hires")]
    assert len(left) == 1
    assert left[0].startswith("Hires fix 4: The second pass would paint")


def test_what_counts_over_the_file_is_never_touched(here: Here):
    text = "a fox\nSteps: 5, Sampler: Euler, Seed: 1, Size: 64x64"
    found = fit(here, readers.of_text(text), "starter", {"scheduler": "Nonsense", "prompt": "a <lora:no:1>"})
    assert found.values == {
        "negative_prompt": "",
        "steps": 5,
        "seed": 1,
        "width": 64,
        "height": 64,
        "model": "starter",
    }
    assert found.left == []


def test_a_file_without_a_prompt_is_checked_as_well(here: Here):
    found = fit(here, ImportedSettings({"scheduler": "Restart", "steps": 3}).checked(), "starter")
    assert found.values == {"steps": 3, "model": "starter"}
    assert found.left == ["Scheduler Restart: There is no scheduler “Restart”."]


def test_a_lost_picture_leaves_what_can_be_made_without_it(here: Here):
    told = ImportedSettings({"prompt": "a house", "init_image": "0" * 64, "strength": 0.5, "steps": 3})
    found = fit(here, told, "starter")
    assert (found.recipe.task, found.recipe.steps) == ("text2img", 3)
    assert [line.partition(" ")[0] for line in found.left] == ["Image", "Strength"]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with Studio(Settings.load(home=tmp_path_factory.mktemp("studio")), backend=Drawer()) as studio:
        yield studio


def test_the_page_takes_the_same_way(studio: Studio, here: Here, tmp_path: Path):
    text = "a fox <lora:no:1>\nSteps: 5, Sampler: Restart, Size: 256x512, Model: other"
    told = readers.of_text(text)
    on_page, elsewhere = import_panel.fitting(studio, told, "starter"), fit(here, told, "starter")
    assert on_page.values == elsewhere.values
    # Each names its own folder.
    assert [line.partition(":")[0] for line in on_page.left] == [line.partition(":")[0] for line in elsewhere.left]


@pytest.mark.parametrize(
    ("told", "names"),
    [
        ({"prompt": "a", "negative_prompt": "b", "steps": 3}, None),
        ({"negative_prompt": "b", "steps": 3}, "all but prompt"),
    ],
)
def test_a_prompt_that_was_not_found_leaves_the_forms_own(here: Here, told: dict[str, object], names: str | None):
    imported = ImportedSettings(told)
    found = import_panel.named(imported, fit(here, imported, "starter"))
    if names is None:
        assert found is None
    else:
        assert found is not None
        assert "prompt" not in found
        assert {"negative_prompt", "steps", "seed", "loras"} <= found


def test_prompts_alone_leave_all_other_settings_of_the_form(here: Here):
    imported = readers.of_text("a lion\nNegative prompt: blurry")
    assert import_panel.named(imported, fit(here, imported, "starter")) == {"prompt", "negative_prompt"}


PIECES = (
    "a fox", "(", "[", ")", "]", "{", "}", "<lora:x:1>", "<lora:", "<b:c>", "__x__", "embedding:y", "AND", "BREAK",
    ":1.2", "|", "\\", "#", "\n", ", ", "Negative prompt:", "Steps: 20", "Sampler: Euler a", "Sampler: zz", '"',
    "CFG scale: -1", "Size: 512x512", "Size: 0x0", "Seed: -1", "Hires upscale: 2", "Hires resize: 10x10",
    "Denoising strength: 2", "Hires steps: 3", "Model: m [abcdef12]", "Clip skip: 2", "VAE: x", "Variation seed: 1",
    "Schedule type: Karras",
)  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=14), st.sampled_from([", ", "\n", " "]))
def test_whatever_a_text_says_what_is_taken_over_can_be_made(here: Here, pieces: list[str], between: str):
    with suppress(Unreadable):
        found = fit(here, readers.of_text(between.join(pieces)), "starter")
        fault = _fault(here, found.recipe)
        # Without words there is nothing to make; what this model cannot mix, and a list that is not here, is told at
        # the words themselves.
        assert fault in ("", "prompt", "negative_prompt")


def _fault(here: Here, recipe: Recipe) -> str:
    """The field at which the recipe cannot be made; empty where it can."""
    try:
        here.resolve(recipe)
    except InvalidRecipe as error:
        return error.field
    return ""


@pytest.mark.parametrize(
    ("schedule", "family", "written", "ours"),
    [
        ("edm", "sdxl", "DPM++ 2M", "EDM DPM++ 2M"),
        ("edm", "sdxl", "Euler", "EDM Euler"),
        ("", "sd3", "Euler", "Flow Euler"),
    ],
)
def test_a_sampler_is_that_of_the_model_which_other_tools_call_alike(
    tmp_path: Path, tiny_model: Callable[[str], Path], schedule: str, family: str, written: str, ours: str
):
    (tmp_path / "models").mkdir()
    more = f'noise_schedule = "{schedule}"\n' if schedule else ""
    (tmp_path / "models" / "theirs").symlink_to(tiny_model(family))
    (tmp_path / "models" / "theirs.toml").write_text(f'name = "Theirs"\n{more}')
    there = Here.of(Settings.load(home=tmp_path))
    found = fit(there, readers.of_text(f"x\nSteps: 5, Sampler: {written}, Seed: 1, Model: theirs"), "starter", {})
    assert (found.values["model"], found.values["scheduler"], found.left) == ("theirs", ours, [])
