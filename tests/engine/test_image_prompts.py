"""IP-Adapters: as the bare pipelines, in all tasks, beside ControlNets, and gone from the model when they are done."""

from collections.abc import Iterator

import numpy as np
import pytest

from studio.backends.local import LocalBackend
from studio.catalogue.models import Catalogue
from studio.errors import InvalidRecipe, ModelError
from studio.events import Step
from studio.families import FAMILIES
from studio.inputs import InputStore
from studio.recipe import ControlUnit, as_resolved
from studio.schedulers import SCHEDULERS
from studio.settings import Settings
from tests import tiny
from tests.engine.conftest import nobody, picture

SIDE = tiny.SIDE
SORTS = {"sd15": ("plain", "plus", "full"), "sdxl": ("plain", "plus")}


@pytest.fixture(scope="module")
def home(tiny_model, tmp_path_factory) -> Settings:
    home = tmp_path_factory.mktemp("prompted")
    (home / "models").mkdir()
    for family in (*SORTS, "sd15_inpaint"):
        (home / "models" / f"tiny-{family}").symlink_to(tiny_model(family))
    for family, sorts in SORTS.items():
        tiny.controlnet(tiny_model(family), home / "controlnets" / f"{family}-canny")
        for seed, sort in enumerate(sorts):
            tiny.ip_adapter(tiny_model(family), home / "ip-adapters" / f"{family}-{sort}.safetensors", sort, seed)
    tiny.image_encoder(home / "ip-adapters" / "encoder")
    return Settings(home=home, device="cpu")


@pytest.fixture(scope="module")
def inputs(home) -> InputStore:
    return InputStore.of(home)


@pytest.fixture(scope="module")
def backend(home) -> Iterator[LocalBackend]:
    backend = LocalBackend(home, Catalogue(home))
    yield backend
    backend.close()


@pytest.fixture
def units(inputs):
    """A unit for each adapter, with a picture of its own."""

    def make(*models, **changes):
        return tuple(
            ControlUnit(
                **{
                    "kind": "ip_adapter",
                    "model": model,
                    "image": inputs.add(picture(seed, (50, 80))).id,
                    "weight": 0.6 + 0.5 * seed,
                    **changes,
                }
            )
            for seed, model in enumerate(models)
        )

    return make


def bare(home, inputs, recipe, name, parts=None, **arguments):
    """The image of the bare diffusers pipeline of this name, which loads and weighs the adapters by itself."""
    import diffusers
    import torch

    options = {"add_watermarker": False} if "XL" in name else {}
    place = home.home / "models" / recipe.model
    pipe = getattr(diffusers, name).from_pretrained(place, local_files_only=True, **options, **(parts or {}))
    row = SCHEDULERS[recipe.scheduler]
    pipe.scheduler = getattr(diffusers, row.diffusers).from_config(pipe.scheduler.config, **row.options)
    pipe.set_progress_bar_config(disable=True)
    units = recipe.prompt_units
    files = [f"{unit.model}.safetensors" for unit in units]
    pipe.load_ip_adapter(
        str(home.home / "ip-adapters"), subfolder="", weight_name=files, image_encoder_folder="encoder"
    )

    def weigh(pipe, index, timestep, tensors):
        share = (index + 1) / recipe.steps, (index + 2) / recipe.steps
        pipe.set_ip_adapter_scale([unit.weight * (unit.start <= share[0] and share[1] <= unit.end) for unit in units])
        return tensors

    weigh(pipe, -1, None, None)
    if recipe.strength is not None:
        arguments["strength"] = recipe.strength
    return pipe(
        recipe.prompt,
        ip_adapter_image=[inputs.open(unit.image) for unit in units],
        num_inference_steps=recipe.steps,
        guidance_scale=recipe.guidance_scale,
        generator=torch.Generator("cpu").manual_seed(recipe.seed),
        width=SIDE,
        height=SIDE,
        callback_on_step_end=weigh,
        **arguments,
    ).images[0]


@pytest.mark.parametrize(("family", "sort"), [("sd15", "plain"), ("sd15", "full"), ("sdxl", "plus")])
def test_text_to_image_equals_the_bare_pipelines_bit_by_bit(backend, home, inputs, recipe, units, family, sort):
    wanted = recipe(family, controls=units(f"{family}-{sort}"))
    made, free = backend.generate([wanted, wanted.changed(controls=())], nobody)
    plain = bare(home, inputs, wanted, FAMILIES[family].pipelines["text2img"])
    assert made.image.tobytes() == plain.tobytes()
    assert made.image.tobytes() != free.image.tobytes()


@pytest.mark.parametrize(("family", "guidance"), [("sd15", 1.0), ("sd15", 5.0), ("sdxl", 5.0)])
def test_several_pictures_have_a_weight_and_steps_each(backend, home, inputs, recipe, units, family, guidance):
    early, late = units(f"{family}-plain", f"{family}-plus")
    chosen = (early.model_copy(update={"end": 0.75}), late.model_copy(update={"start": 0.25}))
    wanted = recipe(family, steps=4, guidance_scale=guidance, controls=chosen)
    made, other = backend.generate([wanted, as_resolved(wanted.replace(controls=(early, late)))], nobody)
    assert made.image.tobytes() == bare(home, inputs, wanted, FAMILIES[family].pipelines["text2img"]).tobytes()
    assert made.image.tobytes() != other.image.tobytes()


@pytest.mark.parametrize("family", SORTS)
def test_image_to_image_equals_the_bare_pipelines_bit_by_bit(backend, home, inputs, edit, units, family):
    wanted = edit(family, controls=units(f"{family}-plain"))
    (made,) = backend.generate([wanted], nobody)
    plain = bare(home, inputs, wanted, FAMILIES[family].pipelines["img2img"], image=picture())
    assert made.image.tobytes() == plain.tobytes()


@pytest.mark.parametrize("family", ["sdxl", "sd15_inpaint"])
def test_under_the_mask_an_inpainting_equals_the_bare_pipelines(backend, home, inputs, edit, units, family):
    wanted = edit(family, masked=True, controls=units(f"{family.removesuffix('_inpaint')}-plain"))
    (made,) = backend.generate([wanted], nobody)
    mask = inputs.open(wanted.mask.image)
    plain = bare(home, inputs, wanted, FAMILIES[family].pipelines["inpaint"], image=picture(), mask_image=mask)
    white = np.asarray(mask) == 255
    assert (np.asarray(made.image)[white] == np.asarray(plain)[white]).all()


@pytest.mark.parametrize("family", SORTS)
def test_beside_a_controlnet_it_equals_the_bare_pipelines_bit_by_bit(backend, home, inputs, recipe, units, family):
    from diffusers import ControlNetModel

    lines = inputs.add(picture(9))
    canny = ControlUnit(kind="canny", model=f"{family}-canny", map=lines.id)
    wanted = recipe(family, controls=(*units(f"{family}-plain"), canny))
    (made,) = backend.generate([wanted], nobody)
    network = ControlNetModel.from_pretrained(home.home / "controlnets" / canny.model)
    name = FAMILIES[family].control_pipelines["text2img"]
    plain = bare(home, inputs, wanted, name, {"controlnet": network}, image=inputs.open(lines.id))
    assert made.image.tobytes() == plain.tobytes()


@pytest.mark.parametrize("off", [{"weight": 0.0}, {"start": 0.9, "end": 0.95}])
def test_a_picture_that_is_heard_in_no_step_leaves_everything_as_it_is(backend, recipe, units, off):
    made, free = backend.generate(
        [recipe("sd15", controls=chosen) for chosen in (units("sd15-plain", **off), ())], nobody
    )
    assert made.image.tobytes() == free.image.tobytes()


def test_a_batch_is_as_its_single_pictures(backend, recipe, units):
    wanted = [recipe("sd15", seed=seed, controls=units("sd15-plain", "sd15-plus")) for seed in (7, 8)]
    batch = list(backend.generate(wanted, nobody))
    assert {made.facts["batch"] for made in batch} == {"2"}
    for made, one in zip(batch, wanted, strict=True):
        (single,) = backend.generate([one], nobody)
        np.testing.assert_allclose(np.asarray(made.image, int), np.asarray(single.image, int), atol=1)


def test_a_second_pass_and_an_enlarged_picture_hear_it_too(backend, recipe, edit, units):
    second = {"hires_scale": 1.5, "hires_steps": 4, "hires_strength": 0.5, "hires_upscaler": "lanczos"}
    large = {"upscaler": "lanczos", "upscale": 2.0, "width": None, "height": None, "resize": None}
    for make, values in ((recipe, second), (edit, large)):
        chosen = [make("sd15", **values, controls=controls) for controls in (units("sd15-plain"), ())]
        made, free = backend.generate(chosen, nobody)
        assert made.image.size == free.image.size != (SIDE, SIDE)
        assert made.image.tobytes() != free.image.tobytes()


@pytest.mark.parametrize("resize", ["pad", "stretch"])
def test_a_picture_that_is_no_square_is_fitted_as_its_unit_says(backend, recipe, inputs, units, resize):
    from studio.engine.maps import prompts

    (unit,) = units("sd15-plain", resize=resize)
    wanted = recipe("sd15", controls=(unit,))
    (square,) = prompts(wanted, inputs)
    assert square.size == (80, 80)
    given = unit.model_copy(update={"image": inputs.add(square).id, "resize": "crop"})
    cut = unit.model_copy(update={"resize": "crop"})
    made, same, other = backend.generate([recipe("sd15", controls=(one,)) for one in (unit, given, cut)], nobody)
    assert made.image.tobytes() == same.image.tobytes() != other.image.tobytes()


def test_nothing_is_left_of_it_after_a_job_that_ends_and_one_that_is_stopped(home, recipe, units):
    backend = LocalBackend(home, Catalogue(home))
    free = recipe("sd15")
    (before,) = backend.generate([free], nobody)
    (loaded,) = backend._manager._room.loaded_models.values()
    unet = loaded.pipe.unet
    attributes = {name: dict(module.__dict__) for name, module in unet.named_modules()}
    weights = {name: tensor.clone() for name, tensor in unet.state_dict().items()}
    processors, config = dict(unet.attn_processors), dict(vars(unet.config))

    def stop(event):
        if isinstance(event, Step):
            raise KeyboardInterrupt

    list(backend.generate([recipe("sd15", controls=units("sd15-plain", "sd15-full"))], nobody))
    with pytest.raises(KeyboardInterrupt):
        list(backend.generate([recipe("sd15", controls=units("sd15-plain"))], stop))
    assert all(unet.attn_processors[name] is processor for name, processor in processors.items())
    assert dict(vars(unet.config)) == config
    assert unet.encoder_hid_proj is None
    assert {name: set(module.__dict__) for name, module in unet.named_modules()} == {
        name: set(known) for name, known in attributes.items()
    }
    assert unet.state_dict().keys() == weights.keys()
    assert all((tensor == weights[name]).all() for name, tensor in unet.state_dict().items())
    assert loaded.pipe.image_encoder is None
    (after,) = backend.generate([free], nobody)
    assert after.image.tobytes() == before.image.tobytes()
    backend.close()


def test_adapter_and_encoder_are_loaded_once_and_count_as_memory(home, recipe, units):
    from studio.engine.device import Device
    from studio.engine.manager import PipelineManager

    manager = PipelineManager(Catalogue(home), home, device=Device("cpu", limit_bytes=2**30))
    said = []
    plain, plus = (recipe("sd15", controls=units(model)) for model in ("sd15-plain", "sd15-plus"))
    with manager.borrow(Catalogue(home)["tiny-sd15"]) as lease:
        held = manager._room.free()
        for wanted in (plain, plus, plain):
            manager.attach_controls(lease, wanted, said.append, [picture()])
        assert [event.what.removesuffix(" ...") for event in said] == [
            "Loading sd15-plain",
            "Loading the image encoder of sd15-plain",
            "Loading sd15-plus",
        ]
        full = manager._room.free()
        manager.make_room()  # in need, the encoder has seen what it had to see
        assert full < manager._room.free() < held
        manager.attach_controls(lease, recipe("sd15"), said.append)
        assert lease.image_prompts is None
    manager.close()


def test_an_adapter_of_another_family_is_refused_with_both_names(backend, recipe, units):
    both = r"is an IP-Adapter for Stable Diffusion XL; tiny-sd15 is Stable Diffusion 1\.5"
    with pytest.raises(InvalidRecipe, match=both) as caught:
        list(backend.generate([recipe("sd15", controls=units("sdxl-plain"))], nobody))
    assert caught.value.field == "controls"


def torn(home, change):
    """A copy of an adapter whose tensors have other names, or None for those that it lacks."""
    from safetensors.torch import load_file, save_file

    path = home.home / "ip-adapters" / "sd15-plain.safetensors"
    named = {change(name): tensor for name, tensor in load_file(path).items()}
    named.pop(None, None)
    save_file(named, path.with_name("torn.safetensors"))


@pytest.mark.parametrize(
    "change",
    [
        lambda name: None if name == "ip_adapter.3.to_v_ip.weight" else name,
        lambda name: None if name == "image_proj.norm.bias" else name,
        lambda name: name.replace("ip_adapter.5.", "image_proj.5."),
        lambda name: name.replace("ip_adapter.5.to_v_ip", "ip_adapter.5.to_k_lora"),
    ],
)
def test_an_adapter_that_lacks_weights_or_has_others_is_refused(home, change):
    import torch

    from studio.catalogue.controlnets import ControlNets
    from studio.engine import ip_adapters

    torn(home, change)
    known = ControlNets(home)
    with pytest.raises(ModelError, match=r"torn\.safetensors cannot be loaded"):
        ip_adapters.load(known["torn"], known, torch.float32)


def test_an_adapter_of_another_build_is_refused(home, recipe, units):
    torn(home, lambda name: None if "ip_adapter.5." in name else name)
    backend = LocalBackend(home, Catalogue(home))
    with pytest.raises(ModelError, match="torn does not fit the model: it has"):
        list(backend.generate([recipe("sd15", controls=units("torn"))], nobody))
    list(backend.generate([recipe("sd15")], nobody))  # the device is free
    backend.close()
