"""Every control on every form round-trips: form, recipe, file, recipe, form. A new one fails here first."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from studio.metadata import own, writing
from studio.recipe import ControlUnit, Lora, OutpaintPadding, Recipe, setting_specs
from studio.studio import Studio
from studio.ui.fast_gradio import gr
from studio.ui.workspace import Workspace
from tests.drawer import picture
from tests.ui.callers import ME

Values = dict[str, Any]
LORA: Values = {
    "name": "ink", "weight": 0.5, "text_weight": 0.25, "start": 0.1, "end": 0.9, "blocks": (1.0, *[0.5] * 16),
}  # fmt: skip
MADE: Values = {
    "kind": "canny", "image": "ONE", "model": "sd15-canny", "weight": 0.8, "start": 0.1, "end": 0.9,
    "resize": "pad", "mode": "control", "options": {"low": 50, "high": 120},
}  # fmt: skip
READY: Values = {"kind": "map", "map": "ONE", "model": "sd15-canny", "weight": 0.7}
# What all tabs share, of a model that takes all of it.
SHARED: Values = {
    "prompt": "a red house", "styles": ("film",), "negative_prompt": "rain", "negative_presets": ("photograph",),
    "model": "sd15", "vae": "another", "width": 448, "height": 640, "steps": 17, "guidance_scale": 6.5,
    "scheduler": "Euler", "clip_skip": 2, "guidance_rescale": 0.3, "sigma_churn": 2.5, "sigma_noise": 1.02,
    "rng": "device", "numerics": "exact", "speedups": ("channels_last", "deep_cache=3"), "seed": 4294967295,
    "variation_strength": 0.25, "variation_seed": 11, "count": 3,
    "loras": (LORA,), "controls": (MADE, READY),
}  # fmt: skip
EVEN: Values = {"scheduler": "DDIM", "eta": 0.4, "sigma_churn": None, "sigma_noise": None}
TWICE: Values = {
    "hires_scale": 1.5, "hires_model": "sdxl-base", "hires_upscaler": "latent", "hires_strength": 0.35,
    "hires_steps": 9, "controls": (),
}  # fmt: skip
OVER: Values = {"init_image": "ONE", "strength": 0.6, "resize": "pad"}
MASKED: Values = {
    **OVER, "mask_image": "MASK", "mask_blur": 7, "mask_grow": -3, "mask_fill": "noise", "mask_area": "masked",
    "mask_padding": 48, "mask_resample": 3, "resize": None,
}  # fmt: skip
SIDES: Values = {"left": 16, "right": 24, "top": 32, "bottom": 40}
# For each tab, recipes that between them say all that its form has.
FORMS: Mapping[str, tuple[Values, ...]] = {
    "text_to_image": ({**SHARED, **TWICE}, {**SHARED, **EVEN, **TWICE}),
    "controlnet": (SHARED, {**SHARED, **EVEN}),
    "image_to_image": (
        {**SHARED, **OVER},
        {**SHARED, **EVEN, **OVER},
        # For its family there are no styles, and no ControlNets.
        {**SHARED, "model": "instruct", "init_image": "ONE", "image_guidance_scale": 2.0, "controls": (), "styles": ()},
    ),
    "inpainting": (
        {**SHARED, **MASKED},
        {**SHARED, **EVEN, **MASKED, "mask_area": None, "mask_padding": None, "resize": "stretch", "mask_fill": None,
         "mask_sketch": "ONE"},
        {**SHARED, **OVER, "outpaint": SIDES, "width": None, "height": None, "resize": None},
    ),
    "upscale": (
        {**SHARED, "init_image": "ONE", "upscaler": "starter-4x", "upscale": 2.5, "strength": 0.4,
         "width": None, "height": None},
        {**SHARED, **EVEN, "init_image": "ONE", "upscaler": "starter-4x", "upscale": 2.5, "strength": 0.4,
         "width": None, "height": None},
    ),
}  # fmt: skip
CASES = [(tab, number) for tab, cases in FORMS.items() for number in range(len(cases))]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    from studio.settings import Settings
    from tests.ui.painter import Painter

    home = tmp_path_factory.mktemp("home")
    (home / "vaes").mkdir()
    ends = {f"{end}.conv_in.weight": np.zeros((4, 4, 3, 3), np.float32) for end in ("encoder", "decoder")}
    save_file(ends, home / "vaes" / "another.safetensors")
    (home / "models").mkdir()
    (home / "models" / "instruct.toml").write_text('name = "I"\nfamily = "sd15_instruct"\nrepo = "some/body"\n')
    with Studio(Settings(home=home), backend=Painter()) as studio, gr.Blocks(analytics_enabled=False) as blocks:
        yield Workspace(studio, blocks, gr.Dropdown(list(studio.catalogue), value="starter"))


def recipe_of(workspace: Workspace, tab: str, number: int) -> Recipe:
    inputs = workspace.studio.inputs
    mask = Image.new("L", (64, 64))
    mask.paste(255, (8, 8, 40, 40))
    ids = {"ONE": inputs.add(Image.new("RGB", (64, 64), "teal"), who=ME).id, "MASK": inputs.add_mask(mask, ME).id}

    def stored(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: stored(one) for name, one in value.items()}
        if isinstance(value, tuple):
            return tuple(stored(one) for one in value)
        return ids.get(value, value) if isinstance(value, str) else value

    return Recipe.make(**stored(FORMS[tab][number]))


def values_of(workspace: Workspace, recipe: Recipe) -> dict[Any, Any]:
    """What all widgets hold when the form of the recipe's own tab says it."""
    first = workspace.forms.shared_settings.later({}, {})
    return workspace.forms.shared_settings.later(first, workspace.forms.shown(recipe, first, ME))


@pytest.mark.parametrize(("tab", "number"), CASES)
def test_what_a_form_says_comes_back_from_the_file_of_its_picture(
    workspace: Workspace, tmp_path: Path, tab: str, number: int
) -> None:
    recipe = recipe_of(workspace, tab, number)
    assert workspace.forms.tab_of(recipe) == tab
    (said,) = workspace.forms.recipes(tab, values_of(workspace, recipe), ME)
    assert said.given() == recipe.given()
    for how in (writing.Writing(), writing.Writing("webp"), writing.Writing("jpeg")):
        path = tmp_path / f"a{how.ending}"
        writing.write(picture(recipe), said, {}, path, how)
        kept = own.read(path)
        assert kept.given() == recipe.given()
    (again,) = workspace.forms.recipes(tab, values_of(workspace, kept), ME)
    assert again == recipe


@pytest.mark.parametrize("tab", FORMS)
def test_every_control_that_a_form_shows_has_a_case(workspace: Workspace, tab: str) -> None:
    covered, shown = set[str](), set[str]()
    for number in range(len(FORMS[tab])):
        recipe = recipe_of(workspace, tab, number)
        source = {name: recipe.get(name) for name in ("init_image", "mask_image", "outpaint") if recipe.get(name)}
        names = {key.rpartition("/")[2] for key in workspace.forms.form.of(tab) if not key.endswith("-on")}
        shown |= names - workspace.forms.form.hidden(values_of(workspace, recipe), tab, **source)
        covered |= recipe.given().keys()
    assert shown - covered == set(), "write a case in which it is otherwise than by itself"


def test_every_tab_that_makes_pictures_and_every_field_of_a_recipe_has_a_case(workspace: Workspace) -> None:
    assert set(FORMS) == set(workspace.forms.form.tasks)
    said = {name for cases in FORMS.values() for case in cases for name, value in case.items() if value is not None}
    assert said == set(setting_specs())
    for case, of in (((LORA,), Lora), ((MADE, READY), ControlUnit), ((SIDES,), OutpaintPadding)):
        assert {name for one in case for name in one} == set(setting_specs(of))
