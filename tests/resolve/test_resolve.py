"""What a recipe that changes a picture is resolved to, and what is refused. Text to image is in test_studio."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio.catalogue.models import Model
from studio.errors import InvalidRecipe
from studio.events import Done
from studio.families import FAMILIES
from studio.inputs import InputStore
from studio.recipe import OutpaintPadding, Recipe, setting_specs
from studio.resolve.applicability import unused
from studio.resolve.controls import check_followed
from studio.resolve.sizes import hires_size, result_size
from studio.settings import Settings
from studio.studio import Studio
from tests.drawer import Drawer
from tests.headers import write_home, write_json, write_model, write_safetensors
from tests.people import who

MODEL = "tiny-starter"
SIDE, MOST = FAMILIES["starter"].native_side, FAMILIES["starter"].max_side
MASK = {"mask_blur": 4, "mask_grow": 0, "mask_fill": "original", "mask_area": "whole"}


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    home = write_home(tmp_path / "home", MODEL)
    write_safetensors(home / "upscalers" / "sharp-4x.safetensors")
    (home / "upscalers" / "old-4x.pth").write_bytes(b"pickle")
    with Studio(Settings.load(home=home, model=MODEL), backend=Drawer()) as studio:
        yield studio


def picture(inputs: InputStore, width: int = 200, height: int = 100) -> str:
    return inputs.add(Image.new("RGB", (width, height), "red")).id


def mask(inputs: InputStore, width: int = 200, height: int = 100) -> str:
    return inputs.add_mask(Image.new("L", (width, height), 255)).id


def resolved(studio: Studio, **values: Any) -> Recipe:
    (recipe,) = studio.resolve(Recipe.make(**{"prompt": "a red house", **values}))
    assert studio.resolve(recipe) == (recipe,)
    return recipe


def given(recipe: Recipe, *groups: str) -> dict[str, Any]:
    """The settings of these groups that count for the recipe and are not left open."""
    names = [
        name for name, setting in setting_specs().items() if setting.group in groups and name not in unused(recipe)
    ]
    return {name: value for name in names if (value := recipe.get(name)) is not None}


EDITS = ("edit", "mask", "hires", "upscale")


def test_text_to_image_uses_nothing_of_an_edit(studio: Studio):
    assert given(resolved(studio), *EDITS) == {}


def test_image_to_image_takes_what_is_left_open_from_the_picture(studio: Studio):
    init = picture(studio.inputs, 203, 98)
    recipe = resolved(studio, init_image=init)
    assert recipe.task == "img2img"
    assert given(recipe, *EDITS) == {"init_image": init, "strength": 0.75, "resize": "crop"}
    assert (recipe.width, recipe.height) == (200, 96)
    assert result_size(recipe, studio.inputs) == (200, 96)


@pytest.mark.parametrize(
    ("own", "asked", "painted"),
    [
        ((1, 1), {}, (64, 64)),
        ((200, 150), {}, (200, 152)),
        ((1000, 500), {}, (8 * round(SIDE * 2**0.5 / 8), 8 * round(SIDE / 2**0.5 / 8))),
        ((1000, 500), {"width": 256}, (256, 128)),
        ((32, 64), {}, (64, 128)),
        ((4000, 10), {}, (MOST, 64)),
        ((200, 100), {"width": 128}, (128, 64)),
        ((100, 200), {"height": 128}, (64, 128)),
        ((100, 200), {"width": 256, "height": 64}, (256, 64)),
    ],
)
def test_the_size_of_a_picture_is_fitted_into_what_the_model_paints(studio: Studio, own, asked, painted):
    recipe = resolved(studio, init_image=picture(studio.inputs, *own), **asked)
    assert (recipe.width, recipe.height) == painted


def test_inpainting_keeps_the_size_of_the_picture_to_the_pixel(studio: Studio):
    values = {"init_image": picture(studio.inputs, 203, 99), "mask_image": mask(studio.inputs)}
    recipe = resolved(studio, **values)
    assert recipe.task == "inpaint"
    assert given(recipe, *EDITS) == {**values, **MASK, "strength": 1.0, "resize": "crop"}
    assert (recipe.width, recipe.height) == (None, None)
    assert result_size(recipe, studio.inputs) == (203, 99)


def test_the_masked_place_alone_has_padding_and_takes_a_picture_of_any_size(studio: Studio):
    values = {"init_image": picture(studio.inputs, 3001, 20), "mask_image": mask(studio.inputs)}
    recipe = resolved(studio, **values, mask_area="masked", width=SIDE)
    assert given(recipe, "mask")["mask_padding"] == 32
    assert "resize" not in given(recipe, "edit")
    assert (recipe.width, recipe.height) == (SIDE, SIDE)
    assert result_size(recipe, studio.inputs) == (3001, 20)


def test_outpainting_adds_to_the_picture(studio: Studio):
    recipe = resolved(studio, init_image=picture(studio.inputs, 203, 99), outpaint={"left": 7, "bottom": 30})
    assert recipe.task == "inpaint"
    assert given(recipe, "mask") == {"mask_blur": 4, "outpaint": OutpaintPadding(left=7, bottom=30)}
    assert result_size(recipe, studio.inputs) == (210, 129)


def test_a_given_size_comes_before_the_extension(studio: Studio):
    recipe = resolved(studio, init_image=picture(studio.inputs, 900, 900), outpaint={"right": 9}, width=128, height=64)
    assert result_size(recipe, studio.inputs) == (137, 64)


def test_a_second_pass_takes_the_steps_of_the_first(studio: Studio):
    recipe = resolved(studio, hires_scale=1.6, width=128, height=64, steps=7)
    second = {"hires_scale": 1.6, "hires_upscaler": "lanczos", "hires_strength": 0.5, "hires_steps": 7}
    assert given(recipe, *EDITS) == second
    assert hires_size(recipe, studio.catalogue[MODEL].family_facts()) == (208, 104)


@pytest.mark.parametrize("name", ["lanczos", "sharp-4x"])
def test_enlarging_alone_needs_no_prompt_and_no_sampling(studio: Studio, name: str):
    init = picture(studio.inputs, 31, 17)
    recipe = resolved(studio, prompt="", init_image=init, upscaler=name, upscale=2.5)
    assert recipe.task == "upscale"
    assert not recipe.denoises
    assert given(recipe, *EDITS, "sampling", "size") == {"init_image": init, "upscaler": name, "upscale": 2.5}
    assert result_size(recipe, studio.inputs) == (78, 42)


def test_enlarging_with_a_strength_is_painted_over(studio: Studio):
    recipe = resolved(studio, init_image=picture(studio.inputs), upscaler="lanczos", strength=0.3)
    assert recipe.denoises
    assert (recipe.upscale.scale, recipe.strength, recipe.steps) == (2, 0.3, 20)
    assert (recipe.width, recipe.height) == (None, None)


INIT = "init"
PAINTED = {"init_image": INIT, "mask_image": "mask"}
REFUSED = [
    ("strength", {"strength": 0.5}, "without a picture"),
    ("resize", {"resize": "pad"}, "without a picture"),
    ("mask_image", {"mask_image": "mask"}, "without a picture"),
    ("mask_blur", {"mask_blur": 0}, "without a picture"),
    ("outpaint", {"outpaint": {"left": 8}}, "without a picture"),
    ("upscaler", {"upscaler": "lanczos"}, "without a picture"),
    ("upscale", {"upscale": 2}, "without a picture"),
    ("init_image", {"init_image": "0" * 64}, "is not in"),
    ("mask_image", {"init_image": INIT, "mask_image": "0" * 64}, "is not in"),
    ("mask_blur", {"init_image": INIT, "mask_blur": 5}, "without a mask"),
    ("mask_area", {"init_image": INIT, "mask_area": "masked"}, "without a mask"),
    ("mask_fill", {"init_image": INIT, "outpaint": {"left": 8}, "mask_fill": "noise"}, "without a mask"),
    ("mask_padding", {**PAINTED, "mask_padding": 8}, "whole picture is repainted"),
    ("resize", {**PAINTED, "mask_area": "masked", "resize": "pad"}, "only the masked area"),
    ("hires_scale", {"init_image": INIT, "hires_scale": 2}, "on a given picture"),
    ("hires_strength", {"hires_strength": 0.4}, "without a second pass"),
    ("hires_scale", {"hires_scale": 4, "width": MOST}, f"up to {MOST}"),
    ("hires_upscaler", {"hires_scale": 2, "hires_upscaler": "nearest"}, "sharp-4x"),
    ("upscaler", {"prompt": "", "init_image": INIT, "upscaler": "sharp"}, "sharp-4x"),
    ("upscaler", {"prompt": "", "init_image": INIT, "upscaler": "latent"}, "no upscaler"),
    ("upscaler", {"prompt": "", "init_image": INIT, "upscaler": "old-4x"}, "pickle"),
    ("prompt", {"init_image": INIT, "upscaler": "lanczos"}, "Give a strength"),
    ("steps", {"prompt": "", "init_image": INIT, "upscaler": "lanczos", "steps": 3}, "Give a strength"),
    ("prompt", {"prompt": "", "init_image": INIT, "upscaler": "lanczos", "strength": 0.5}, "empty"),
    ("width", {"init_image": INIT, "upscale": 2, "strength": 0.5, "width": 64}, "while a picture is enlarged"),
    ("mask_image", {"prompt": "", **PAINTED, "upscale": 2}, "while a picture is enlarged"),
    ("width", {"init_image": INIT, "width": 100}, "96 or 104"),
    ("height", {**PAINTED, "width": 128, "height": 1024}, "too many"),
    ("init_image", {"init_image": "dot", "mask_image": "mask"}, "too few"),
    ("outpaint", {"init_image": INIT, "outpaint": {"left": 2000}}, "too many"),
    ("upscale", {"prompt": "", "init_image": "wall", "upscale": 8}, "the limit is"),
]


@pytest.mark.parametrize(("field", "values", "says"), REFUSED)
def test_what_would_be_ignored_or_cannot_be_names_field_and_cure(
    studio: Studio, field: str, values: dict[str, Any], says: str
):
    ids = {
        INIT: picture(studio.inputs),
        "mask": mask(studio.inputs),
        "dot": picture(studio.inputs, 1, 1),
        "wall": picture(studio.inputs, 3000, 1000),
    }
    values = {name: ids.get(value, value) if isinstance(value, str) else value for name, value in values.items()}
    with pytest.raises(InvalidRecipe) as error:
        studio.submit(Recipe.make(**{"prompt": "a red house", **values}), who("ann"))
    assert error.value.field == field
    assert says in str(error.value)
    assert error.value.hint
    assert studio.jobs_of(who("ann")) == []


def test_a_damaged_input_is_told_before_anything_is_queued(studio: Studio):
    init = picture(studio.inputs)
    studio.inputs.path(init).write_bytes(b"torn")
    with pytest.raises(InvalidRecipe, match=r"init_image: .* damaged"):
        studio.submit(Recipe(prompt="a", init_image=init), who("ann"))


def test_what_a_resolved_recipe_leaves_open_is_what_it_does_not_use(studio: Studio):
    values = {"init_image": picture(studio.inputs), "mask_image": mask(studio.inputs)}
    for recipe in (resolved(studio), resolved(studio, **values), resolved(studio, init_image=values["init_image"])):
        idle = unused(recipe).keys()
        assert not set(given(recipe, *EDITS)) & idle


@pytest.fixture
def special(studio: Studio) -> Studio:
    """A studio with a model for inpainting and one that is told how to change a picture."""
    for name, family in (("painter", "sd15_inpaint"), ("told", "sd15_instruct")):
        write_model(studio.settings.home / "models" / name, family)
    studio.catalogue.refresh()
    return studio


def test_a_model_made_for_inpainting_says_what_to_give_it(special: Studio):
    init = picture(special.inputs)
    painted = resolved(special, model="painter", init_image=init, mask_image=mask(special.inputs))
    assert painted.model == "painter"
    for values in ({}, {"init_image": init}, {"init_image": init, "upscale": 2, "strength": 0.3}):
        with pytest.raises(InvalidRecipe, match=r"model: painter cannot .*made to paint into a picture") as error:
            special.resolve(Recipe(prompt="a", model="painter", **values))
        assert "Give a picture (init_image) and a mask (mask_image)" in error.value.hint


def test_a_model_that_is_told_what_to_change_takes_the_pictures_guidance_and_no_strength(special: Studio):
    init = picture(special.inputs)
    recipe = resolved(special, model="told", init_image=init)
    assert given(recipe, "edit") == {"init_image": init, "image_guidance_scale": 1.5, "resize": "crop"}
    assert resolved(special, model="told", init_image=init, image_guidance_scale=1.2).image_guidance_scale == 1.2


TOLD_WRONG = [
    ("model", {}, "made to change a picture as the prompt tells it to. Give a picture (init_image) and no mask"),
    ("model", PAINTED, "cannot paint into a picture"),
    ("model", {"hires_scale": 2}, "cannot make a picture from text alone"),
    ("strength", {"init_image": INIT, "strength": 0.5}, "told takes no strength"),
    ("strength", {"init_image": INIT, "upscale": 2, "strength": 0.5}, "told takes no strength"),
    ("image_guidance_scale", {"init_image": INIT, "image_guidance_scale": 2, "model": MODEL}, "takes no image guid"),
    ("image_guidance_scale", {"image_guidance_scale": 2, "model": MODEL}, "without a picture"),
]


@pytest.mark.parametrize(("field", "values", "says"), TOLD_WRONG)
def test_a_wrong_use_of_a_model_that_is_told_what_to_change_says_the_right_one(
    special: Studio, field: str, values: dict[str, Any], says: str
):
    ids = {INIT: picture(special.inputs), "mask": mask(special.inputs)}
    values = {name: ids.get(value, value) if isinstance(value, str) else value for name, value in values.items()}
    with pytest.raises(InvalidRecipe) as error:
        special.resolve(Recipe.make(**{"prompt": "make it snow", "model": "told", **values}))
    assert error.value.field == field
    assert says in str(error.value)


def test_a_distilled_model_keeps_what_its_pipelines_ask_for(special: Studio):
    path = special.settings.home / "models" / f"{MODEL}.toml"
    path.write_text("abilities = []")
    special.catalogue.refresh()
    assert resolved(special, init_image=picture(special.inputs)).strength == 0.75


def test_an_edit_is_kept_with_its_recipe_and_sizes_on_the_disk(studio: Studio):
    init = picture(studio.inputs)
    job = studio.submit(Recipe(prompt="a", init_image=init, count=2), who("ann"))
    assert isinstance(list(job.follow())[-1], Done)
    assert [studio.library.read(event.path).init_image for event in job.results] == [init, init]


def control_net(home: Path, name: str, width: int) -> None:
    folder = home / "controlnets" / name
    write_json(folder / "config.json", {"_class_name": "ControlNetModel", "cross_attention_dim": width})
    write_safetensors(folder / "diffusion_pytorch_model.safetensors")


def controlled(studio: Studio, **values: Any) -> Recipe:
    unit = {"kind": "canny", "image": picture(studio.inputs), **values}
    return resolved(studio, controls=[unit])


def test_a_control_is_resolved_to_a_network_that_fits_and_to_its_options(studio: Studio):
    (unit,) = controlled(studio, options={"low": 50}).controls
    assert unit.model == "starter-canny"
    assert dict(unit.options) == {"low": 50, "high": 200}
    assert (unit.weight, unit.start, unit.end, unit.resize, unit.mode) == (1, 0, 1, "crop", "balanced")


@pytest.mark.parametrize("off", [{"weight": 0}, {"start": 0.5, "end": 0.5}])
def test_a_control_that_changes_nothing_leaves_no_trace(studio: Studio, off: dict[str, Any]):
    assert controlled(studio, **off).replace(seed=1) == resolved(studio, seed=1)


def test_a_control_without_picture_looks_at_the_one_that_is_painted_over(studio: Studio):
    init = picture(studio.inputs)
    (unit,) = resolved(studio, init_image=init, controls=[{"kind": "canny"}]).controls
    assert unit.image == init


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"kind": "cany"}, "no control “cany”"),
        ({"image": "0" * 64}, "is not in"),
        ({"image": None}, "has no picture"),
        ({"model": "nowhere"}, "There is no ControlNet"),
        ({"model": "starter-depth"}, "does not follow maps of the kind “canny”"),
        ({"model": "other"}, r"(?=.*Stable Diffusion 1\.5)(?=.*Starter)"),
        ({"kind": "scribble"}, "There is no ControlNet for Starter"),
        ({"kind": "map"}, "No ControlNet was chosen"),
        ({"options": {"low": 300}}, "Low threshold cannot be 300"),
        ({"options": {"lwo": 3}}, "no option"),
    ],
)
def test_a_control_that_cannot_be_is_refused(studio: Studio, values: dict[str, Any], says: str):
    control_net(studio.settings.home, "other", 768)
    studio.controlnets.refresh()
    with pytest.raises(InvalidRecipe, match=says) as caught:
        controlled(studio, **values)
    assert caught.value.field == "controls"
    assert caught.value.hint


def test_a_model_follows_maps_in_the_tasks_that_it_can(special: Studio):
    init = picture(special.inputs)
    unit = {"kind": "canny", "image": init}
    with pytest.raises(InvalidRecipe, match="told cannot follow a map while it paints over a picture"):
        resolved(special, model="told", init_image=init, controls=[unit])
    with pytest.raises(InvalidRecipe, match=r"over a picture\. It can while it makes"):
        check_followed(Recipe(init_image=init, controls=[unit]), _stable_diffusion_3(special))
    with pytest.raises(InvalidRecipe, match="cannot favour prompt or map"):
        resolved(special, model="tiny-flux", controls=[{**unit, "mode": "prompt"}])


def _stable_diffusion_3(studio: Studio) -> Model:
    write_model(studio.settings.home / "models" / "third", "sd3")
    studio.catalogue.refresh()
    return studio.catalogue["third"]


def test_a_control_of_an_enlarging_alone_means_nothing(studio: Studio):
    init = picture(studio.inputs)
    with pytest.raises(InvalidRecipe, match="Control has no effect"):
        studio.resolve(Recipe(init_image=init, upscaler="lanczos", controls=[{"kind": "canny", "image": init}]))
