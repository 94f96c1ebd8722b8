"""Image to image, inpainting and outpainting: as the bare pipelines, and nothing outside the mask changes."""

import io
import math
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from studio.engine import masking
from studio.errors import Cancelled, InvalidRecipe
from studio.events import Step
from studio.families import FAMILIES
from studio.recipe import OutpaintPadding
from studio.resolve.tasks import check_task
from studio.schedulers import SCHEDULERS
from tests import tiny
from tests.engine.conftest import nobody

SIDE = tiny.SIDE
RNG = np.random.default_rng(5)
STARTER = FAMILIES["starter"]
# A picture that is larger than the starter was trained for, and its size there.
LARGE = (800, 600)
WIDTH, HEIGHT = (
    STARTER.multiple * round(side * STARTER.native_side / math.sqrt(math.prod(LARGE)) / STARTER.multiple)
    for side in LARGE
)


def picture(width=SIDE, height=SIDE):
    noise = RNG.integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


def square(width=SIDE, height=SIDE, value=255):
    mask = Image.new("L", (width, height))
    mask.paste(value, (width // 4, height // 4, width // 2, height // 2))
    return mask


@pytest.fixture(scope="session")
def edit(recipe, inputs):
    """A resolved recipe for an edit of a picture, with its mask where there is one."""

    def make(family, given, mask=None, **changes):
        values = {"init_image": inputs.add(given).id, "resize": "crop", "strength": 0.7, "steps": 4}
        if mask is not None:
            values |= {"mask_image": inputs.add_mask(mask).id, "mask_area": "whole", "mask_fill": "original"}
            values |= {"mask_blur": 0, "mask_grow": 0}
        return recipe(family, **{**values, **changes})

    return make


def bare(folder, task, recipe, **arguments):
    """The image of the bare diffusers pipeline with a recipe's settings."""
    import diffusers
    import torch

    name = FAMILIES[folder.name.removeprefix("tiny-")].pipelines[task]
    options = {"add_watermarker": False} if "XL" in name else {}
    pipe = getattr(diffusers, name).from_pretrained(folder, dtype=torch.float32, local_files_only=True, **options)
    row = SCHEDULERS[recipe.scheduler]
    pipe.scheduler = getattr(diffusers, row.diffusers).from_config(pipe.scheduler.config, **row.options)
    pipe.set_progress_bar_config(disable=True)
    if recipe.strength is not None:
        arguments["strength"] = recipe.strength
    if name == "StableDiffusion3InpaintPipeline":
        # It alone of its family decodes without the shift that it encodes with.
        decode, shift = pipe.vae.decode, pipe.vae.config.shift_factor
        pipe.vae.decode = lambda latents, **how: decode(latents + shift, **how)
    return pipe(
        recipe.prompt,
        num_inference_steps=recipe.steps,
        guidance_scale=recipe.guidance_scale,
        generator=torch.Generator("cpu").manual_seed(recipe.seed),
        **arguments,
    ).images[0]


@pytest.mark.parametrize("family", [*tiny.FAMILIES, *tiny.REFINERS])
def test_image_to_image_equals_the_bare_pipelines_bit_by_bit(backend, catalogue, edit, family):
    given = picture()
    wanted = edit(family, given)
    (made,) = backend.generate([wanted], nobody)
    size = {"width": SIDE, "height": SIDE} if family in ("sd3", "flux") else {}
    plain = bare(catalogue[wanted.model].folder, "img2img", wanted, image=given, **size)
    assert made.image.tobytes() == plain.tobytes()


@pytest.mark.parametrize("changes", [{"strength": 1}, {"negative_prompt": "rain", "guidance_scale": 7.5}])
def test_what_is_made_to_paint_over_pictures_equals_the_bare_pipeline(backend, catalogue, edit, changes):
    given = picture()
    wanted = edit("sdxl_refiner", given, **changes)
    (made,) = backend.generate([wanted], nobody)
    arguments = {"negative_prompt": "rain"} if "negative_prompt" in changes else {}
    plain = bare(catalogue[wanted.model].folder, "img2img", wanted, image=given, **arguments)
    assert made.image.tobytes() == plain.tobytes()


def test_a_refiner_reads_weighted_and_long_words(backend, edit):
    given, long = picture(), ", ".join(["a red house"] * 30)
    texts = (tiny.PROMPT, f"({tiny.PROMPT}:1.4)", long, f"{long} AND the sea")
    made = list(backend.generate([edit("sdxl_refiner", given, prompt=text) for text in texts], nobody))
    assert len({one.image.tobytes() for one in made}) == len(texts)


@pytest.mark.parametrize("family", ["sd3", "flux"])
def test_a_strength_of_less_than_a_step_makes_one_where_the_bare_pipelines_do(backend, catalogue, edit, family):
    given, events = picture(), []
    wanted = edit(family, given, strength=0.1)
    (made,) = backend.generate([wanted], events.append)
    plain = bare(catalogue[wanted.model].folder, "img2img", wanted, image=given, width=SIDE, height=SIDE)
    assert made.image.tobytes() == plain.tobytes()
    assert [(event.step, event.steps) for event in events if isinstance(event, Step)] == [(1, 1)]


@pytest.mark.parametrize(("guidance", "negative"), [(7.5, ""), (7.5, "rain"), (1, "")])
def test_an_instruction_equals_the_bare_pipeline_bit_by_bit(backend, catalogue, edit, guidance, negative):
    given = picture(SIDE, 128)
    values = {"strength": None, "image_guidance_scale": 1.4, "guidance_scale": guidance, "negative_prompt": negative}
    wanted = edit("sd15_instruct", given, height=128, **values)
    (made,) = backend.generate([wanted], nobody)
    arguments = {"negative_prompt": negative} if negative else {}
    plain = bare(catalogue[wanted.model].folder, "img2img", wanted, image=given, image_guidance_scale=1.4, **arguments)
    assert made.image.size == (SIDE, 128)
    assert made.image.tobytes() == plain.tobytes()


def test_what_an_instruction_keeps_is_between_the_guidances(backend, edit):
    given = picture()
    values = {"strength": None, "prompt": "make it snow"}
    low, high = backend.generate(
        [edit("sd15_instruct", given, image_guidance_scale=scale, **values) for scale in (1.0, 3.0)], nobody
    )
    assert low.image.tobytes() != high.image.tobytes()


@pytest.mark.parametrize(
    ("family", "masked", "says"),
    [
        ("sd15_instruct", None, "change a picture as the prompt tells it to"),
        ("sd15_instruct", True, "cannot paint into a picture"),
        ("sd15_inpaint", None, "made to paint into a picture"),
        ("sd15_inpaint", False, "cannot paint over a picture"),
        ("lcm", True, "cannot paint into a picture"),
        ("sdxl_refiner", None, "made to paint over a picture"),
        ("sdxl_refiner", True, "cannot paint into a picture"),
    ],
)
def test_a_task_that_the_model_is_not_made_for_is_a_clear_error(catalogue, recipe, edit, family, masked, says):
    wanted = recipe(family) if masked is None else edit(family, picture(), square() if masked else None)
    with pytest.raises(InvalidRecipe, match=says) as caught:
        check_task(wanted, catalogue[f"tiny-{family}"])
    assert caught.value.field == "model"


@pytest.mark.parametrize("strength", [0.7, 1.0])
@pytest.mark.parametrize("family", ["starter", "sd15", "sd21", "sdxl", "sd15_inpaint", "sdxl_inpaint", "sd3", "flux"])
def test_under_the_mask_an_inpainting_equals_the_bare_pipelines(backend, catalogue, edit, family, strength):
    given, mask = picture(), square()
    wanted = edit(family, given, mask, strength=strength)
    (made,) = backend.generate([wanted], nobody)
    plain = bare(
        catalogue[wanted.model].folder, "inpaint", wanted, image=given, mask_image=mask, width=SIDE, height=SIDE
    )
    white = np.asarray(mask) == 255
    assert (np.asarray(made.image)[white] == np.asarray(plain)[white]).all()
    assert (np.asarray(made.image)[~white] == np.asarray(given)[~white]).all()


@pytest.mark.parametrize("area", ["whole", "masked"])
@pytest.mark.parametrize("size", [(64, 64), (101, 77), (30, 200), (1, 1)])
@pytest.mark.parametrize(("blur", "grow"), [(0, 0), (3, 2)])
def test_outside_the_mask_and_its_feather_every_pixel_stays(backend, edit, inputs, area, size, blur, grow):
    given = picture(*size)
    mask = square(*size) if size != (1, 1) else Image.new("L", size, 255)
    own = {"width": None, "height": None} if area == "whole" else {"mask_padding": 8, "resize": None}
    wanted = edit("starter", given, mask, mask_area=area, mask_blur=blur, mask_grow=grow, **own)
    (made,) = backend.generate([wanted], nobody)
    assert made.image.size == given.size
    box, reach = mask.getbbox(), grow + math.ceil(masking.FEATHER * blur)
    outside = np.ones((size[1], size[0]), dtype=bool)
    outside[max(0, box[1] - reach) : box[3] + reach, max(0, box[0] - reach) : box[2] + reach] = False
    assert (np.asarray(made.image)[outside] == np.asarray(given)[outside]).all()
    assert made.image.tobytes() != given.tobytes()


UPLOADS = {
    "RGBA": lambda: encoded(picture(70, 45).convert("RGBA").rotate(45)),
    "palette": lambda: encoded(picture(70, 45).quantize(16)),
    "palette with a hole": lambda: encoded(picture(70, 45).quantize(16), transparency=3),
    "16 bits": lambda: deep_png(70, 45),
    "turned": lambda: encoded(picture(70, 45), exif=turned()),
    "JPEG": lambda: encoded(picture(70, 45), "JPEG", exif=turned()),
    "animated": lambda: encoded(picture(70, 45), "GIF", save_all=True, append_images=[picture(70, 45)]),
}


def encoded(image, kind="PNG", **how):
    file = io.BytesIO()
    image.save(file, format=kind, **how)
    return file.getvalue()


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def deep_png(width, height):
    """Colours of 16 bits, which Pillow reads and does not write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = RNG.integers(0, 2**16, (height, width, 3)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    start = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + start + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("area", ["whole", "masked"])
@pytest.mark.parametrize("kind", UPLOADS)
def test_of_an_upload_of_any_kind_every_pixel_outside_the_mask_stays(backend, edit, inputs, area, kind):
    given = inputs.open(inputs.add(UPLOADS[kind]()).id)
    assert given.size == ((45, 70) if kind in ("turned", "JPEG") else (70, 45))
    mask = square(*given.size)
    own = {"width": None, "height": None} if area == "whole" else {"mask_padding": 8, "resize": None}
    (made,) = backend.generate([edit("starter", given, mask, mask_area=area, **own)], nobody)
    outside = np.asarray(mask) == 0
    assert (np.asarray(made.image)[outside] == np.asarray(given)[outside]).all()
    assert made.image.tobytes() != given.tobytes()


@pytest.mark.parametrize("fill", ["noise", "surroundings", "telea", "patchmatch"])
def test_a_fill_is_what_the_masked_place_starts_from(backend, edit, fill):
    given, mask = picture(), square()
    filled, original = backend.generate(
        [edit("starter", given, mask, mask_fill=name, strength=0.5) for name in (fill, "original")], nobody
    )
    assert filled.image.tobytes() != original.image.tobytes()
    black = np.asarray(mask) == 0
    assert (np.asarray(filled.image)[black] == np.asarray(given)[black]).all()


def test_a_grey_mask_blends(backend, edit):
    given = picture()
    white, grey = backend.generate(
        [edit("starter", given, Image.new("L", (SIDE, SIDE), value)) for value in (255, 128)], nobody
    )
    new, old = np.asarray(white.image, dtype=float), np.asarray(given, dtype=float)
    np.testing.assert_allclose(np.asarray(grey.image), old + (new - old) * 128 / 255, atol=1)


def test_a_mask_that_shrinks_to_nothing_names_the_field(backend, edit):
    with pytest.raises(InvalidRecipe) as caught:
        list(backend.generate([edit("starter", picture(), square(), mask_grow=-40)], nobody))
    assert caught.value.field == "mask_image"


@pytest.mark.parametrize("size", [(32, 16), (256, 256), (1, 1)])
def test_a_mask_of_another_size_is_stretched_and_covers_no_more_than_before(backend, edit, size):
    given, mask = picture(), square(*size) if size != (1, 1) else Image.new("L", size, 255)
    (made,) = backend.generate([edit("starter", given, mask)], nobody)
    assert f"stretched from {size[0]}x{size[1]}" in made.facts["notes"]
    outside = np.asarray(mask.resize(given.size, Image.Resampling.BOX)) == 0
    assert (np.asarray(made.image)[outside] == np.asarray(given)[outside]).all()
    assert made.image.tobytes() != given.tobytes()


@pytest.mark.parametrize("strength", [0, 0.2])
@pytest.mark.parametrize("masked", [False, True])
def test_a_strength_without_a_step_gives_the_picture_back_and_says_so(backend, edit, strength, masked):
    given = picture()
    told = []
    (made,) = backend.generate([edit("starter", given, square() if masked else None, strength=strength)], told.append)
    assert made.image.tobytes() == given.tobytes()
    assert made.facts["notes"].endswith("the picture is returned as it was.")
    assert not [event for event in told if isinstance(event, Step)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"width": 96, "height": 64}, "the picture is brought to its size only."),
        ({"outpaint": {"left": 32}, "resize": None}, "the picture is extended only, and nothing is painted there."),
    ],
)
def test_a_strength_without_a_step_says_what_became_of_the_picture(backend, edit, changes, says):
    (made,) = backend.generate([edit("starter", picture(), strength=0, **changes)], nobody)
    assert made.facts["notes"].endswith(says)


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_full_strength_is_text_to_image_of_the_same_size(backend, edit, recipe, family):
    over, text = backend.generate([edit(family, picture(), strength=1), recipe(family, steps=4)], nobody)
    assert over.image.tobytes() == text.image.tobytes()


def test_a_distilled_model_makes_its_steps_at_any_strength(backend, edit):
    events = []
    list(backend.generate([edit("lcm", picture(), strength=0.05)], events.append))
    assert [event.step for event in events if isinstance(event, Step)] == [1, 2]


@pytest.mark.parametrize("size", [(70, 45), (16, 130), (17, 16)])
def test_image_to_image_paints_any_size(backend, edit, size):
    (made,) = backend.generate([edit("starter", picture(*size), width=size[0], height=size[1])], nobody)
    assert made.image.size == size


def test_outpainting_keeps_every_pixel_of_the_picture(backend, edit):
    given = picture(50, 60)
    wanted = edit(
        "starter", given, width=None, height=None, outpaint=OutpaintPadding(left=13, bottom=30), mask_blur=4, strength=1
    )
    (made,) = backend.generate([wanted], nobody)
    assert made.image.size == (63, 90)
    assert made.image.crop((13, 0, 63, 60)).tobytes() == given.tobytes()
    assert np.asarray(made.image).std() > 1


@pytest.mark.parametrize(
    ("family", "masked", "changes"),
    [
        ("starter", False, {}),
        ("starter", True, {}),
        ("sd15_instruct", False, {"strength": None, "image_guidance_scale": 1.5}),
    ],
)
def test_an_edit_of_a_batch_equals_the_single_one(backend, edit, family, masked, changes):
    given, mask = picture(), square() if masked else None
    recipes = [edit(family, given, mask, seed=seed, **changes) for seed in (3, 11, 5)]
    events = []
    together = list(backend.generate(recipes, events.append))
    assert {event.images for event in events if isinstance(event, Step)} == {(0, 1, 2)}
    for made, alone in zip(together, recipes, strict=True):
        (single,) = backend.generate([alone], nobody)
        difference = np.abs(np.asarray(made.image, dtype=int) - np.asarray(single.image, dtype=int))
        assert difference.max() <= 1


def test_steps_are_counted_as_they_are_made(backend, edit):
    events = []
    list(backend.generate([edit("starter", picture(), strength=0.5, steps=10)], events.append))
    steps = [event for event in events if isinstance(event, Step)]
    assert [event.step for event in steps] == [1, 2, 3, 4, 5]
    assert {event.steps for event in steps} == {5}
    assert steps[-1].seconds_left == 0


@pytest.mark.parametrize("masked", [False, True])
def test_a_stopped_edit_frees_the_device(backend, edit, masked):
    def stop(event):
        if isinstance(event, Step) and event.step == 2:
            raise Cancelled

    wanted = edit("starter", picture(), square() if masked else None, steps=20)
    with pytest.raises(Cancelled):
        list(backend.generate([wanted], stop))
    assert len(list(backend.generate([wanted.changed(steps=3)], nobody))) == 1


def test_a_switch_of_tasks_loads_nothing_and_asks_no_text_encoder(manager, catalogue, inputs, recipe, edit):
    from studio.engine.render import render

    model = catalogue["tiny-starter"]
    list(render(manager, [(0, recipe("starter"))], nobody, inputs))
    with manager.borrow(model) as lease:
        before = {name: id(part) for name, part in lease.pipe.components.items() if name != "scheduler"}
        handle = lease.pipe.text_encoder.register_forward_hook(lambda *_: pytest.fail("the text is encoded again"))
    for wanted in (edit("starter", picture()), edit("starter", picture(), square())):
        list(render(manager, [(0, wanted)], nobody, inputs))
        with manager.borrow(model) as lease:
            assert {name: id(part) for name, part in lease.pipe.components.items() if name != "scheduler"} == before
    handle.remove()


def middles():
    """Every scheduler, of a whole picture or a masked one in turns; the other way round in `make soak`."""
    for number, name in enumerate(name for name, row in SCHEDULERS.items() if row.process == "diffusion"):
        yield pytest.param(name, number % 2 == 0)
        yield pytest.param(name, number % 2 == 1, marks=pytest.mark.soak)


@pytest.mark.parametrize(("scheduler", "masked"), list(middles()))
def test_every_scheduler_can_begin_in_the_middle(backend, edit, scheduler, masked):
    wanted = edit("starter", picture(), square() if masked else None, scheduler=scheduler, strength=0.5)
    (made,) = backend.generate([wanted], nobody)
    assert np.asarray(made.image).std() > 1


def test_a_picture_too_large_to_read_is_read_in_tiles(manager, catalogue, inputs, edit):
    import torch

    from studio.engine.render import render

    model = catalogue["tiny-starter"]
    with manager.borrow(model) as lease:
        vae = lease.pipe.vae

    def refuse(_, arguments):
        if arguments[0].shape[-1] > 128:
            raise torch.OutOfMemoryError("CUDA out of memory")

    handle = vae.encoder.register_forward_pre_hook(refuse)
    wanted = edit("starter", picture(256, 256), width=256, height=256)
    (made,) = render(manager, [(0, wanted)], nobody, inputs)
    handle.remove()
    assert "reading the image in tiles of 128 pixels" in made.facts["changed"]
    assert not vae.use_tiling


def test_a_large_picture_is_painted_into_at_the_size_the_model_was_trained_on_and_stays_as_large(backend, edit):
    given, mask = picture(*LARGE), square(*LARGE)
    looked = []
    (made,) = backend.generate([edit("starter", given, mask, width=None, height=None)], looked.append)
    assert made.image.size == LARGE
    outside = np.asarray(mask) == 0
    assert np.array_equal(np.asarray(made.image)[outside], np.asarray(given)[outside])
    assert not np.array_equal(np.asarray(made.image), np.asarray(given))
    assert f"painted at {WIDTH}x{HEIGHT}" in made.facts["notes"]


@pytest.mark.parametrize(("asked", "told"), [((WIDTH, HEIGHT), True), ((128, 96), False), ((256, 192), False)])
def test_a_picture_that_was_brought_to_the_trained_size_is_told(backend, edit, asked, told):
    width, height = asked
    (made,) = backend.generate([edit("starter", picture(*LARGE), width=width, height=height)], nobody)
    assert made.image.size == asked
    assert (f"brought from 800x600 to {WIDTH}x{HEIGHT}" in made.facts.get("notes", "")) == told
