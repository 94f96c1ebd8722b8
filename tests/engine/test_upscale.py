"""Enlarging: in tiles without seams, alone, as a second pass and painted over."""

import numpy as np
import pytest
from PIL import Image

from studio.catalogue.upscalers import Upscalers
from studio.engine.upscale import load, tiled
from studio.errors import Cancelled, ModelError
from studio.events import Loading, Step
from studio.families import FAMILIES
from studio.settings import Settings
from tests import tiny
from tests.engine.conftest import nobody

RNG = np.random.default_rng(9)


def picture(width, height):
    noise = RNG.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture(scope="session")
def enlarge(recipe, inputs):
    """A resolved recipe for enlarging a picture, painted over where there is a strength."""

    def make(given, **changes):
        bare = {"width": None, "height": None}
        values = {"init_image": inputs.add(given).id, "upscaler": "tiny", "upscale": 4, **bare}
        return recipe("starter", **{**values, **changes})

    return make


def difference(one, other):
    return np.abs(np.asarray(one, dtype=int) - np.asarray(other, dtype=int)).max()


@pytest.mark.parametrize("size", [(70, 50), (64, 64), (1, 1), (33, 200)])
def test_tiles_give_the_picture_that_the_whole_gives(tmp_path, size):
    model, given = load(tiny.upscaler(tmp_path / "up.safetensors")), picture(*size)
    whole = tiled(model, given, 512, nobody)
    assert whole.size == (4 * size[0], 4 * size[1])
    assert difference(tiled(model, given, 24, nobody, margin=4), whole) <= 1


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 5.5])
def test_an_enlarged_picture_is_of_the_size_that_was_asked(backend, enlarge, scale):
    (made,) = backend.generate([enlarge(picture(30, 21), upscale=scale)], nobody)
    assert made.image.size == (round(30 * scale), round(21 * scale))
    assert made.facts["device"] == "CPU"


def test_an_enlarged_picture_looks_like_it(backend, enlarge):
    given = picture(40, 40)
    (made,) = backend.generate([enlarge(given)], nobody)
    back = made.image.resize((40, 40), Image.Resampling.BOX)
    assert np.abs(np.asarray(back, dtype=int) - np.asarray(given, dtype=int)).mean() < 30


def test_enlarging_alone_loads_no_model_of_pictures(settings, catalogue, enlarge):
    from studio.backends.local import LocalBackend

    backend = LocalBackend(settings, catalogue)
    told = []
    list(backend.generate([enlarge(picture(20, 20), upscaler="lanczos")], told.append))
    assert [event.what for event in told if isinstance(event, Loading)] == ["Starting the engine ..."]
    backend.close()


def test_each_tile_is_a_step_and_may_be_the_last(backend, enlarge):
    wanted, events = enlarge(picture(400, 200)), []
    list(backend.generate([wanted], events.append))
    steps = [event for event in events if isinstance(event, Step)]
    assert [(event.step, event.steps) for event in steps] == [(k, 6) for k in range(1, 7)]
    assert steps[-1].seconds_left == 0

    def stop(event):
        if isinstance(event, Step) and event.step == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        list(backend.generate([wanted], stop))
    assert len(list(backend.generate([wanted], nobody))) == 1


def test_a_file_that_is_no_upscaler_is_refused_with_the_reason(tmp_path):
    import torch
    from safetensors.torch import save_file

    save_file({"some.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match=r"other\.safetensors is not an upscaler"):
        load(tmp_path / "other.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(tiny.upscaler(tmp_path / "up.safetensors").read_bytes()[:-8])
    with pytest.raises(ModelError, match="damaged"):
        load(tmp_path / "cut.safetensors")
    (tmp_path / "old.pth").write_bytes(b"pickle")
    with pytest.raises(ModelError, match="pickle"):
        load(tmp_path / "old.pth")


@pytest.mark.parametrize("upscaler", ["lanczos", "tiny"])
def test_a_picture_is_painted_over_in_tiles(backend, enlarge, upscaler):
    wanted, events = enlarge(picture(150, 90), upscaler=upscaler, upscale=2, strength=0.34, steps=3), []
    (made,) = backend.generate([wanted], events.append)
    assert made.image.size == (300, 180)
    steps = [event for event in events if isinstance(event, Step)]
    stride = FAMILIES["starter"].native_side - 32
    tiles = -(-(300 - 32) // stride) * -(-(184 - 32) // stride)
    assert steps[-1].step == steps[-1].steps == steps[-1].tiles == tiles


def test_tiles_of_two_images_come_to_their_own(backend, enlarge):
    given = picture(120, 80)
    first, second = (enlarge(given, upscale=2, strength=0.5, steps=4, seed=seed) for seed in (1, 2))
    both = list(backend.generate([first, second], nobody))
    assert [made.index for made in both] == [0, 1]
    for made, alone in zip(both, (first, second), strict=True):
        (single,) = backend.generate([alone], nobody)
        assert difference(made.image, single.image) <= 1
    assert difference(both[0].image, both[1].image) > 1


def test_too_little_strength_enlarges_only_and_says_so(backend, enlarge):
    plain, noted = backend.generate(
        [enlarge(picture(40, 30), upscale=2), enlarge(picture(40, 30), upscale=2, strength=0)], nobody
    )
    assert plain.image.size == noted.image.size
    assert noted.facts["notes"] == "The strength is too low for a single step: the picture is enlarged only."


@pytest.mark.parametrize("family", ["starter", "sdxl", "lcm", "sd3", "flux"])
@pytest.mark.parametrize("upscaler", ["latent", "lanczos", "tiny"])
def test_a_second_pass_paints_a_larger_picture(backend, recipe, family, upscaler):
    second = {"hires_scale": 1.5, "hires_upscaler": upscaler, "hires_strength": 0.5, "hires_steps": 4}
    events = []
    recipes = [recipe(family, steps=2, seed=seed, **second) for seed in (1, 2)]
    made = list(backend.generate(recipes, events.append))
    assert [(one.index, one.image.size) for one in made] == [(0, (96, 96)), (1, (96, 96))]
    steps = [event for event in events if isinstance(event, Step)]
    assert steps[-1].step == steps[-1].steps == (6 if family == "lcm" else 4)
    assert steps[-1].seconds_left == 0
    (single,) = backend.generate(recipes[1:], nobody)
    assert difference(single.image, made[1].image) <= 1


@pytest.mark.parametrize("upscaler", ["latent", "lanczos"])
def test_a_second_pass_without_a_step_enlarges_only(backend, recipe, upscaler):
    second = {"hires_scale": 2, "hires_upscaler": upscaler, "hires_strength": 0.1, "hires_steps": 4}
    (made,) = backend.generate([recipe("starter", **second)], nobody)
    assert made.image.size == (128, 128)
    assert "too low" in made.facts["notes"]


def test_upscalers_that_differ_in_case_alone_are_asked_for(tmp_path):
    folder = tmp_path / "upscalers"
    folder.mkdir()
    for name in ("Sharp", "sharp"):
        (folder / f"{name}.safetensors").touch()
    if len(list(folder.iterdir())) == 2:  # not on every disk
        with pytest.raises(ModelError, match="may be Sharp or sharp"):
            Upscalers(Settings(home=tmp_path))["SHARP"]


def test_upscalers_whose_names_differ_in_their_accents_form_alone_are_told(tmp_path):
    folder = tmp_path / "upscalers"
    folder.mkdir()
    for name in ("caf\u00e9", "cafe\u0301"):
        (folder / f"{name}.safetensors").write_bytes(b"")
    if len(list(folder.iterdir())) == 2:  # not on every disk
        with pytest.raises(ModelError, match=r"may be .* or "):
            Upscalers(Settings(home=tmp_path))["caf\u00e9"]
