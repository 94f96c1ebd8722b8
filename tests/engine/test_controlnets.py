"""ControlNets: as the bare pipelines, in all tasks, and what a recipe needs to be made again is kept with it."""

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image, ImageDraw

from studio.backends.local import LocalBackend
from studio.catalogue.controlnets import ControlNet
from studio.catalogue.models import Catalogue
from studio.engine import masking
from studio.errors import InvalidRecipe, ModelError
from studio.events import Step
from studio.families import FAMILIES
from studio.inputs import InputStore
from studio.recipe import ControlUnit, Recipe, as_resolved
from studio.schedulers import SCHEDULERS
from studio.settings import Settings
from tests import tiny
from tests.engine.conftest import nobody, picture

# What diffusers' own ControlNet for FLUX uses, diffusers has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:`FluxPosEmbed` is deprecated:FutureWarning")
SIDE = tiny.SIDE
TINY = {
    "starter": {},
    "sd15": {},
    "sdxl": {},
    "sd3": {"kind": "SD3ControlNetModel", "num_layers": 1, "extra_conditioning_channels": 0},
    "flux": {"kind": "FluxControlNetModel", "num_layers": 1, "num_single_layers": 1},
}


@pytest.fixture(scope="module")
def home(tiny_model, tmp_path_factory) -> Settings:
    home = tmp_path_factory.mktemp("controlled")
    (home / "models").mkdir()
    for family in (*TINY, "sd15_inpaint"):
        (home / "models" / f"tiny-{family}").symlink_to(tiny_model(family))
    for family, facts in TINY.items():
        for seed, kind in enumerate(("canny", "depth")):
            tiny.controlnet(tiny_model(family), home / "controlnets" / f"{family}-{kind}", seed=seed, **facts)
    for family, facts in tiny.UNIONS.items():
        tiny.controlnet(tiny_model(family), home / "controlnets" / f"{family}-all", **facts)
    return Settings(home=home, device="cpu")


@pytest.fixture(scope="module")
def inputs(home) -> InputStore:
    return InputStore.of(home)


@pytest.fixture(scope="module")
def backend(home) -> Iterator[LocalBackend]:
    backend = LocalBackend(home, Catalogue(home))
    yield backend
    backend.close()


def drawing(side=SIDE, seed=0):
    """White lines on black."""
    lines = Image.new("RGB", (side, side))
    draw = ImageDraw.Draw(lines)
    for points in np.random.default_rng(seed).integers(0, side, (4, 4)):
        draw.line(points.tolist(), "white", 2)
    return lines


@pytest.fixture
def units(inputs):
    """A unit for each kind, with a ready-made map of its own."""

    def make(family, *kinds, **changes):
        return tuple(
            ControlUnit(
                **{
                    "kind": kind,
                    "model": f"{family}-{kind}",
                    "map": inputs.add(drawing(seed=seed)).id,
                    "weight": 0.8 + 0.4 * seed,
                    **changes,
                }
            )
            for seed, kind in enumerate(kinds)
        )

    return make


def bare(home, task, recipe, images, networks=None, name=None, **arguments):
    """The image of the bare diffusers pipeline with a recipe's settings, along its units' maps."""
    import diffusers
    import torch

    family = recipe.model.removeprefix("tiny-")
    own = family.removesuffix("_inpaint")
    name = name or FAMILIES[family].control_pipelines[task]
    loaded = []
    for unit in recipe.controls:
        kind = (tiny.UNIONS if unit.model.endswith("-all") else TINY)[own].get("kind", "ControlNetModel")
        loaded.append(getattr(diffusers, kind).from_pretrained(home.home / "controlnets" / unit.model))
    one = len(loaded) == 1
    options = {"add_watermarker": False} if "XL" in name else {}
    pipe = getattr(diffusers, name).from_pretrained(
        home.home / "models" / recipe.model, controlnet=loaded[0] if one else loaded, local_files_only=True, **options
    )
    row = SCHEDULERS[recipe.scheduler]
    pipe.scheduler = getattr(diffusers, row.diffusers).from_config(pipe.scheduler.config, **row.options)
    pipe.set_progress_bar_config(disable=True)
    if recipe.strength is not None:
        arguments["strength"] = recipe.strength
    if "Union" not in name:
        arguments["controlnet_conditioning_scale"] = [unit.weight for unit in recipe.controls][
            0 if one else slice(None)
        ]
        arguments["control_guidance_start"] = [unit.start for unit in recipe.controls]
        arguments["control_guidance_end"] = [unit.end for unit in recipe.controls]
    key = "image" if task == "text2img" and "Flux" not in name and "Union" not in name else "control_image"
    return pipe(
        recipe.prompt,
        num_inference_steps=recipe.steps,
        guidance_scale=recipe.guidance_scale,
        generator=torch.Generator("cpu").manual_seed(recipe.seed),
        width=SIDE,
        height=SIDE,
        **{key: images[0] if one else images},
        **arguments,
    ).images[0]


@pytest.mark.parametrize("kinds", [("canny",), ("canny", "depth")], ids=["one", "two"])
@pytest.mark.parametrize("family", ["starter", "sd15", "sdxl", "flux"])
def test_text_to_image_equals_the_bare_pipelines_bit_by_bit(backend, home, recipe, units, inputs, family, kinds):
    wanted = recipe(family, controls=units(family, *kinds, start=0.3))
    (made,) = backend.generate([wanted], nobody)
    plain = bare(home, "text2img", wanted, [inputs.open(unit.map) for unit in wanted.controls])
    assert made.image.tobytes() == plain.tobytes()
    (free,) = backend.generate([wanted.changed(controls=())], nobody)
    assert made.image.tobytes() != free.image.tobytes()


@pytest.mark.parametrize("kinds", [("canny",), ("canny", "depth")], ids=["one", "two"])
@pytest.mark.parametrize("family", ["starter", "sd15", "sdxl", "flux"])
def test_image_to_image_equals_the_bare_pipelines_bit_by_bit(backend, home, edit, units, inputs, family, kinds):
    wanted = edit(family, controls=units(family, *kinds, end=0.7))
    (made,) = backend.generate([wanted], nobody)
    maps = [inputs.open(unit.map) for unit in wanted.controls]
    modes = {"control_mode": [None] * len(maps)} if family == "flux" and len(maps) > 1 else {}
    plain = bare(home, "img2img", wanted, maps, image=picture(), **modes)
    assert made.image.tobytes() == plain.tobytes()


@pytest.mark.parametrize("family", ["starter", "sd15", "sdxl", "sd15_inpaint", "flux"])
def test_under_the_mask_an_inpainting_equals_the_bare_pipelines(backend, home, edit, units, inputs, family):
    own = family.removesuffix("_inpaint")
    wanted = edit(family, masked=True, controls=units(own, "canny"))
    (made,) = backend.generate([wanted], nobody)
    (unit,), mask = wanted.controls, inputs.open(wanted.mask.image)
    plain = bare(home, "inpaint", wanted, [inputs.open(unit.map)], image=picture(), mask_image=mask)
    white = np.asarray(mask) == 255
    assert (np.asarray(made.image)[white] == np.asarray(plain)[white]).all()
    assert (np.asarray(made.image)[~white] == np.asarray(picture())[~white]).all()


def test_of_the_masked_place_alone_the_map_is_seen_at_the_same_place(backend, home, edit, units, inputs):
    large, lines = picture(size=(2 * SIDE, 2 * SIDE)), drawing(2 * SIDE)
    mask = Image.new("L", large.size)
    mask.paste(255, (16, 16, 80, 80))
    given = {"init_image": inputs.add(large).id, "mask_image": inputs.add_mask(mask).id, "mask_area": "masked"}
    controls = units("sd15", "canny", map=inputs.add(lines).id)
    wanted = edit("sd15", masked=True, **given | {"mask_padding": 0, "resize": None, "controls": controls})
    (made,) = backend.generate([wanted], nobody)
    box = masking.view_of(mask, 0, (SIDE, SIDE))
    seen, hole, view = (masking.scaled(one.crop(box), (SIDE, SIDE)) for one in (large, masking.painted(mask), lines))
    plain = bare(home, "inpaint", wanted, [view], image=seen, mask_image=masking.painted(hole))
    back = masking.scaled(plain, (box[2] - box[0], box[3] - box[1]))
    assert made.image.tobytes() == masking.laid_over(large, back, mask, box[:2]).tobytes()


def test_a_network_of_several_kinds_is_told_which(backend, home, recipe, units, inputs):
    canny, depth = (units("sdxl", kind, model="sdxl-all", weight=1.0) for kind in ("canny", "depth"))
    wanted = recipe("sdxl", controls=canny)
    (made,) = backend.generate([wanted], nobody)
    name = "StableDiffusionXLControlNetUnionPipeline"
    plain = bare(home, "text2img", wanted, [inputs.open(canny[0].map)], name=name, control_mode=[3])
    assert made.image.tobytes() == plain.tobytes()
    (other,) = backend.generate([recipe("sdxl", controls=depth)], nobody)
    assert made.image.tobytes() != other.image.tobytes()


def test_networks_of_one_and_of_several_kinds_work_together(backend, recipe, units):
    one, several = units("sdxl", "canny"), units("sdxl", "depth", model="sdxl-all")
    alone, both = backend.generate([recipe("sdxl", controls=chosen) for chosen in (one, one + several)], nobody)
    assert alone.image.tobytes() != both.image.tobytes()


@pytest.mark.parametrize("task", ["text2img", "img2img"])
def test_a_batch_along_a_map_of_several_kinds_is_as_its_single_pictures(backend, recipe, edit, units, task):
    make = recipe if task == "text2img" else edit
    wanted = [make("flux", seed=seed, controls=units("flux", "canny", model="flux-all")) for seed in (7, 8)]
    for made, one in zip(list(backend.generate(wanted, nobody)), wanted, strict=True):
        (single,) = backend.generate([one], nobody)
        np.testing.assert_allclose(np.asarray(made.image, int), np.asarray(single.image, int), atol=1)


@pytest.mark.parametrize("family", ["sd15", "sdxl", "sd3"])
def test_a_batch_is_as_its_single_pictures(backend, recipe, units, family):
    controls = units(family, "canny", "depth")
    wanted = [recipe(family, seed=seed, controls=controls) for seed in (7, 8)]
    batch = list(backend.generate(wanted, nobody))
    assert {made.facts["batch"] for made in batch} == {"2"}
    for made, one in zip(batch, wanted, strict=True):
        (single,) = backend.generate([one], nobody)
        np.testing.assert_allclose(np.asarray(made.image, int), np.asarray(single.image, int), atol=1)
    (free,) = backend.generate([wanted[0].changed(controls=())], nobody)
    assert batch[0].image.tobytes() != free.image.tobytes()


@pytest.mark.parametrize("family", ["sd15", "flux"])
def test_a_second_pass_follows_the_map_too(backend, recipe, units, family):
    values = {"hires_scale": 1.5, "hires_steps": 4, "hires_strength": 0.5, "hires_upscaler": "lanczos"}
    made, free = (
        image.image
        for image in backend.generate(
            [recipe(family, **values, controls=chosen) for chosen in (units(family, "canny"), ())], nobody
        )
    )
    assert made.size == free.size == (SIDE * 3 // 2, SIDE * 3 // 2)
    assert made.tobytes() != free.tobytes()


def test_an_enlarged_picture_is_painted_over_along_its_map(backend, edit, units):
    values = {"upscaler": "lanczos", "upscale": 2.0, "width": None, "height": None, "resize": None}
    made, free = backend.generate(
        [edit("sd15", **values, controls=chosen) for chosen in (units("sd15", "canny"), ())], nobody
    )
    assert made.image.size == (2 * SIDE, 2 * SIDE)
    assert made.image.tobytes() != free.image.tobytes()


@pytest.mark.parametrize("off", [{"weight": 0.0}, {"start": 0.5, "end": 0.5}, {"start": 0.9, "end": 0.95}])
def test_a_unit_that_works_in_no_step_leaves_the_picture_as_it_is(backend, recipe, units, off):
    made, free = backend.generate(
        [recipe("sd15", controls=chosen) for chosen in (units("sd15", "canny", **off), ())], nobody
    )
    assert made.image.tobytes() == free.image.tobytes()


def test_a_favoured_map_steers_the_half_with_the_prompt_alone(backend, home, recipe, units, inputs, monkeypatch):
    from studio.engine import controlnets

    wanted = recipe("sd15", controls=units("sd15", "canny", mode="control"))
    # The pipelines' own mode of that kind, but for its weights: from a tenth to one, over five layers.
    monkeypatch.setattr(controlnets, "FALLOFF", 10 ** (-1 / 4))
    (made,) = backend.generate([wanted], nobody)
    plain = bare(home, "text2img", wanted, [inputs.open(unit.map) for unit in wanted.controls], guess_mode=True)
    np.testing.assert_allclose(np.asarray(made.image, int), np.asarray(plain, int), atol=1)


def test_what_is_favoured_makes_a_difference(backend, recipe, units):
    modes = ("balanced", "prompt", "control")
    made = backend.generate([recipe("sdxl", controls=units("sdxl", "canny", mode=mode)) for mode in modes], nobody)
    assert len({image.image.tobytes() for image in made}) == 3


@pytest.mark.parametrize("resize", ["crop", "pad", "stretch"])
def test_a_map_of_another_shape_is_fitted_as_the_unit_says(backend, home, recipe, units, inputs, resize):
    from studio.engine.maps import fitted

    lines = drawing().resize((SIDE, 40))
    (unit,) = units("sd15", "canny", map=inputs.add(lines).id, resize=resize)
    wanted = recipe("sd15", controls=(unit,))
    (made,) = backend.generate([wanted], nobody)
    view = fitted(lines, (SIDE, SIDE), unit)
    assert (view.getpixel((0, 0)) == (0, 0, 0)) or resize != "pad"
    assert made.image.tobytes() == bare(home, "text2img", wanted, [view]).tobytes()


def test_a_map_that_was_made_is_kept_with_the_recipe_and_nothing_else_is_needed_again(backend, recipe, inputs, units):
    given = inputs.add(drawing(100)).id
    unit = ControlUnit(kind="canny", model="sd15-canny", image=given)
    wanted = recipe("sd15", controls=(unit,))
    (first,) = backend.generate([wanted], nobody)
    kept = first.recipe
    assert kept.without_maps() == wanted
    assert inputs.size(kept.controls[0].map) == (SIDE, SIDE)
    inputs.path(given).unlink()
    (again,) = backend.generate([as_resolved(Recipe.from_json(kept.to_json()))], nobody)
    assert again.image.tobytes() == first.image.tobytes()
    assert again.recipe == kept


def test_a_preview_is_the_map_that_is_followed(backend, recipe, inputs):
    unit = ControlUnit(kind="canny", image=inputs.add(drawing(600)).id)
    shown = backend.control_map(unit, "tiny-sd15")
    assert (shown.width, shown.height) == (512, 512)
    large = recipe("sd15", width=512, height=512, steps=1, controls=(unit.model_copy(update={"model": "sd15-canny"}),))
    (made,) = backend.generate([large], nobody)
    assert made.recipe.controls[0].map == shown.id


def test_previews_of_maps_do_not_pile_up_and_a_map_that_was_followed_stays(backend, recipe, tmp_path, monkeypatch):
    inputs = backend._inputs
    unit = ControlUnit(kind="canny", image=inputs.add(drawing(100)).id, model="sd15-canny")
    (made,) = backend.generate([recipe("sd15", controls=(unit,))], nobody)
    monkeypatch.setattr("studio.unused.MOST_GLANCES", 2)
    before = set(inputs.folder.glob("*.png"))
    thresholds = [unit.model_copy(update={"options": (("low", low), ("high", 200))}) for low in (20, 60, 100, 140)]
    shown = [backend.control_map(one, "tiny-sd15").id for one in thresholds]
    new = {path.stem for path in set(inputs.folder.glob("*.png")) - before}
    assert new <= set(shown)
    assert len(new) <= 2
    assert inputs.path(str(made.recipe.controls[0].map)).is_file()


@pytest.mark.parametrize("empty", [{"map": "black"}, {"image": "black"}, {"kind": "map", "image": "black"}])
def test_a_map_without_content_is_a_clear_error(backend, recipe, inputs, empty):
    black = inputs.add(Image.new("RGB", (SIDE, SIDE))).id
    values = {name: black if value == "black" else value for name, value in empty.items()}
    unit = ControlUnit(**{"kind": "canny", "model": "sd15-canny", **values})
    with pytest.raises(InvalidRecipe) as caught:
        list(backend.generate([recipe("sd15", controls=(unit,))], nobody))
    assert caught.value.field == "controls"
    list(backend.generate([recipe("sd15")], nobody))  # the device is free


def test_a_network_of_another_family_is_refused_with_both_names(backend, recipe, units):
    with pytest.raises(InvalidRecipe, match=r"(?=.*Stable Diffusion XL)(?=.*Stable Diffusion 1\.5)") as caught:
        list(backend.generate([recipe("sd15", controls=units("sdxl", "canny"))], nobody))
    assert caught.value.field == "controls"


def broken(home, name, change):
    """A copy of a ControlNet with other tensors."""
    from safetensors.torch import load_file, save_file

    folder, source = home.home / "controlnets" / name, home.home / "controlnets" / "sd15-canny"
    folder.mkdir()
    (folder / "config.json").write_bytes((source / "config.json").read_bytes())
    path = folder / "diffusion_pytorch_model.safetensors"
    save_file(change(load_file(source / path.name)), path)
    return folder


def test_a_network_that_lacks_a_weight_is_refused(home, recipe, units):
    broken(home, "torn-canny", lambda tensors: {name: tensors[name] for name in sorted(tensors)[1:]})
    backend = LocalBackend(home, Catalogue(home))
    with pytest.raises(ModelError, match="lacks 1 of its weights"):
        list(backend.generate([recipe("sd15", controls=units("sd15", "canny", model="torn-canny"))], nobody))
    backend.close()


def test_a_network_with_weights_that_have_no_place_is_refused(home, recipe, units):
    import torch

    broken(home, "more-canny", lambda tensors: tensors | {"another_block.weight": torch.zeros(2)})
    backend = LocalBackend(home, Catalogue(home))
    with pytest.raises(ModelError, match=r"1 weights without a place in a ControlNetModel, such as another_block"):
        list(backend.generate([recipe("sd15", controls=units("sd15", "canny", model="more-canny"))], nobody))
    backend.close()


@pytest.mark.parametrize("said", ["ControlNetModel", "ControlNetModel_Union"])
def test_a_union_is_loaded_as_one_whatever_class_its_config_names(home, recipe, units, backend, said):
    import json
    import shutil

    folder = home.home / "controlnets" / f"xinsir-{said.lower()}"
    shutil.copytree(home.home / "controlnets" / "sdxl-all", folder)
    config = json.loads((folder / "config.json").read_text()) | {"_class_name": said}
    config.pop("num_control_type")
    (folder / "config.json").write_text(json.dumps(config))
    wanted = recipe("sdxl", controls=units("sdxl", "depth", model="sdxl-all"))
    unit = wanted.controls[0].model_copy(update={"model": folder.name})
    ours = LocalBackend(home, Catalogue(home))
    (named,) = ours.generate([wanted.model_copy(update={"controls": (unit,)})], nobody)
    (right,) = ours.generate([wanted], nobody)
    ours.close()
    assert named.image.tobytes() == right.image.tobytes()


@pytest.mark.parametrize(("kind", "ends"), [("canny", (0.5, 128)), ("depth", (1, -1)), ("tile", None)])
def test_networks_of_stable_diffusion_3_5_large_read_maps_as_they_were_trained(kind, ends):
    large = ControlNet(id="large", name="large", family="sd3", repo="a/b", width=2432, kinds=(kind,))
    assert large.reads == ends
    assert large.model_copy(update={"width": 1536}).reads is None


def test_a_map_is_brought_to_the_ends_that_its_network_reads(home, recipe, units, tiny_model):
    ends = home.home / "controlnets" / "sd3-scaled"
    tiny.controlnet(tiny_model("sd3"), ends, **TINY["sd3"])
    (home.home / "controlnets" / "sd3-scaled.toml").write_text("map_range = [0.5, 128]\n")
    ours = LocalBackend(home, Catalogue(home))
    read = []
    with ours._engine().borrow(ours._catalogue["tiny-sd3"]) as lease:
        encode = lease.pipe.vae.encode
        lease.pipe.vae.encode = lambda pixels: read.append(pixels) or encode(pixels)
    wanted = recipe("sd3", controls=units("sd3", "canny", model="sd3-scaled"))
    list(ours.generate([wanted], nobody))
    ours.close()
    assert (float(read[0].min()), float(read[0].max())) == (0.5, 128)


def test_a_single_file_makes_the_same_network_and_lacks_nothing(home, tmp_path):
    import json

    import torch
    from diffusers import ControlNetModel
    from safetensors.torch import load_file, save_file

    from studio.catalogue.controlnets import ControlNets
    from studio.engine import controlnets

    folder = home.home / "controlnets" / "sd15-canny"
    config, known = json.loads((folder / "config.json").read_text()), ControlNets(home)["sd15-canny"]
    tensors = load_file(folder / "diffusion_pytorch_model.safetensors")
    save_file(tensors, tmp_path / "whole.safetensors")
    made = controlnets._of_file(known, tmp_path / "whole.safetensors", config, torch.float32)
    assert isinstance(made, ControlNetModel)
    assert all((tensors[name] == value).all() for name, value in made.state_dict().items())
    tensors.popitem()
    save_file(tensors, tmp_path / "torn.safetensors")
    with pytest.raises(ModelError, match=r"torn\.safetensors cannot be loaded"):
        controlnets._of_file(known, tmp_path / "torn.safetensors", config, torch.float32)


def test_a_network_of_other_widths_is_refused(backend, recipe, units):
    with pytest.raises(ModelError, match="does not fit"):
        list(backend.generate([recipe("starter", controls=units("starter", "canny", model="starter-pose"))], nobody))


def test_a_network_is_loaded_once_and_goes_before_the_models(home, catalogue, recipe, units):
    from studio.engine.device import Device
    from studio.engine.manager import PipelineManager

    manager = PipelineManager(Catalogue(home), home, device=Device("cpu", limit_bytes=2**30))
    model, said = Catalogue(home)["tiny-sd15"], []
    canny, depth = (recipe("sd15", controls=units("sd15", kind)) for kind in ("canny", "depth"))
    before = manager._room.free()
    with manager.borrow(model) as lease:
        held = manager._room.free()
        manager.attach_controls(lease, canny, said.append)
        steered = manager._room.free()
        manager.attach_controls(lease, depth, said.append)
        manager.attach_controls(lease, canny, said.append)
        assert [event.what.split()[0] for event in said] == ["Loading", "Loading"]
        assert manager._room.free() < steered < held <= before
        manager.make_room()  # in need, only what is followed now stays
        assert manager._room.free() == steered
    manager.make_room()
    assert not manager.loaded(model)
    manager.close()


@pytest.fixture(scope="module")
def starter(tmp_path_factory):
    """The real embedded model with its own ControlNets."""
    settings = Settings(home=tmp_path_factory.mktemp("starter"), device="cpu")
    backend = LocalBackend(settings, Catalogue(settings))
    yield backend, InputStore.of(settings)
    backend.close()


def starter_recipe(**changes):
    values = {"prompt": "a red house", "model": "starter", "width": 128, "height": 128, "seed": 3}
    return as_resolved(
        Recipe(**{**values, "scheduler": "DPM++ 2M Karras", "steps": 6, "guidance_scale": 3.0, **changes})
    )


def test_the_starter_follows_edges_that_it_is_given(starter):
    backend, inputs = starter
    lines = Image.new("RGB", (256, 256))
    ImageDraw.Draw(lines).rectangle((80, 80, 176, 200), outline="white")
    unit = ControlUnit(kind="canny", model="starter-canny", map=inputs.add(lines).id)
    units = [(unit,), (), (unit.model_copy(update={"end": 0.3}),)]
    told = []
    wanted = [starter_recipe(controls=chosen, width=256, height=256) for chosen in units]
    whole, free, begun = (made.image for made in backend.generate(wanted, told.append))
    assert sum(isinstance(event, Step) for event in told) == 18
    edge = np.asarray(lines.convert("L")) > 0
    strength = [np.hypot(*np.gradient(np.asarray(image.convert("L"), float)))[edge].mean() for image in (whole, free)]
    assert strength[0] > 2 * strength[1]
    assert len({image.tobytes() for image in (whole, free, begun)}) == 3


def test_the_starters_own_estimators_make_its_maps(starter):
    backend, inputs = starter
    (free,) = backend.generate([starter_recipe(prompt="a person by a tree")], nobody)
    given = inputs.add(free.image).id
    unit = ControlUnit(kind="depth", model="starter-depth", image=given)
    (made,) = backend.generate([starter_recipe(controls=(unit,), steps=2)], nobody)
    assert inputs.size(made.recipe.controls[0].map) == (128, 128)
