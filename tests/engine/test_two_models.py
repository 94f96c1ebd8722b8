"""A second pass by another model: equal to diffusers' own pipelines one after the other, each model loaded once."""

from collections import Counter

import numpy as np
import pytest
import torch

from studio.backends.local import LocalBackend
from studio.catalogue.models import Catalogue
from studio.engine.device import Device
from studio.engine.manager import PipelineManager
from studio.errors import Cancelled, InvalidRecipe
from studio.events import Loading, Step
from studio.inputs import InputStore
from studio.settings import Settings
from tests import tiny
from tests.engine.conftest import nobody, picture

SIDE = tiny.SIDE


@pytest.fixture
def twice(recipe):
    """A resolved recipe whose second pass another model paints, at the same size."""

    def make(first="sdxl", second="sdxl_refiner", **changes):
        values = {"hires_scale": 1, "hires_upscaler": "lanczos", "hires_strength": 0.6, "hires_steps": 5}
        return recipe(first, **{**values, "hires_model": f"tiny-{second}", **changes})

    return make


def made(backend, recipes, report=nobody):
    return sorted(backend.generate(recipes, report), key=lambda one: one.index)


def by_hand(catalogue, asked, output_type):
    """What diffusers makes of it, with pipelines of its own."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLImg2ImgPipeline, StableDiffusionXLPipeline

    base = StableDiffusionXLPipeline.from_pretrained(catalogue["tiny-sdxl"].folder, add_watermarker=False)
    refiner = StableDiffusionXLImg2ImgPipeline.from_pretrained(
        catalogue["tiny-sdxl_refiner"].folder, add_watermarker=False
    )
    for pipe in (base, refiner):
        pipe.set_progress_bar_config(disable=True)
        pipe.scheduler = EulerDiscreteScheduler.from_config(pipe.scheduler.config)
    shared = {"prompt": asked.prompt, "guidance_scale": asked.guidance_scale}
    first = base(
        **shared,
        width=asked.width,
        height=asked.height,
        num_inference_steps=asked.steps,
        generator=torch.Generator("cpu").manual_seed(asked.seed),
        output_type=output_type,
    ).images
    return refiner(
        **shared,
        image=first,
        strength=asked.hires.strength,
        num_inference_steps=asked.hires.steps,
        generator=torch.Generator("cpu").manual_seed(asked.seed),
    ).images[0]


@pytest.mark.parametrize(("upscaler", "output_type"), [("lanczos", "pil"), ("latent", "latent")])
def test_base_and_refiner_are_equal_to_diffusers_own_pipelines(backend, catalogue, twice, upscaler, output_type):
    asked = twice(scheduler="Euler", guidance_scale=5, hires_upscaler=upscaler)
    (ours,) = made(backend, [asked])
    assert np.array_equal(np.asarray(ours.image), np.asarray(by_hand(catalogue, asked, output_type)))
    assert ours.recipe == asked


@pytest.mark.parametrize(("first", "second"), [("sd15", "sdxl"), ("flux", "sd15"), ("sd15", "flux"), ("sdxl", "lcm")])
def test_any_model_paints_a_second_pass_over_any_other(backend, twice, first, second):
    (one,) = made(backend, [twice(first, second, hires_scale=1.5)])
    (alone,) = made(backend, [twice(first, first, hires_scale=1.5, hires_model=None)])
    assert one.image.size == alone.image.size == (96, 96)
    assert not np.array_equal(np.asarray(one.image), np.asarray(alone.image))


@pytest.fixture
def loads(monkeypatch):
    """How often each model is loaded."""
    from studio.engine import manager

    counted, load = Counter(), manager.load

    def counting(model, *rest):
        counted[model.id] += 1
        return load(model, *rest)

    monkeypatch.setattr(manager, "load", counting)
    return counted


@pytest.fixture
def fresh(settings, catalogue):
    backend = LocalBackend(settings, catalogue)
    yield backend
    backend.close()


def test_a_job_paints_all_first_passes_then_changes_the_model_once(fresh, twice, loads):
    asked = [twice(seed=1), twice(seed=2), twice(seed=3, prompt="a blue boat")]
    told, in_use = [], []

    def hear(event):
        told.append(event)
        if isinstance(event, Step):
            in_use.append(fresh._manager._room.leases[0].loaded.model.id)

    first, *_, last = results = made(fresh, asked, hear)
    assert [one.index for one in results] == [0, 1, 2]
    assert loads == {"tiny-sdxl": 1, "tiny-sdxl_refiner": 1}
    assert in_use == sorted(in_use)  # the first model's steps all come before the second's
    assert first.image.tobytes() != last.image.tobytes()
    steps = [event for event in told if isinstance(event, Step)]
    assert {event.steps for event in steps} == {3 + 3}
    assert steps[-1].step == 6
    assert steps[-1].seconds_left == 0
    (again,) = made(fresh, asked[2:])
    assert again.image.tobytes() == last.image.tobytes()


def test_a_job_stopped_in_its_second_passes_keeps_what_is_done_and_frees_the_device(fresh, twice):
    done = []

    def stop(event):
        if done and isinstance(event, Step):
            raise Cancelled

    images = fresh.generate([twice(), twice(prompt="a blue boat")], stop)
    done.append(next(images).index)
    with pytest.raises(Cancelled):
        next(images)
    assert done == [0]
    assert fresh._manager._room.leases == []


def test_a_job_stopped_between_the_passes_frees_the_device(fresh, twice):
    def stop(event):
        if isinstance(event, Loading) and "tiny-sdxl_refiner" in event.what:
            raise Cancelled

    with pytest.raises(Cancelled):
        made(fresh, [twice()], stop)
    assert fresh._manager._room.leases == []
    assert [model.id for model in fresh._manager._room.loaded_models] == ["tiny-sdxl"]
    assert len(made(fresh, [twice()])) == 1


@pytest.fixture
def overflowing(fresh, monkeypatch):
    """Has the batch of this number come out as no numbers; gives the models and formats of all batches."""
    from studio.engine import renderer

    device = Device("cpu", precision="bfloat16")
    fresh._manager = PipelineManager(Catalogue(fresh._settings), fresh._settings, device=device)
    real, batches = renderer.denoise, []

    def overflow_in(number):
        def denoise(lease, *rest, **more):
            latents = real(lease, *rest, **more)
            batches.append((lease.loaded.model.id, latents.dtype))
            return latents * float("nan") if len(batches) == number else latents

        monkeypatch.setattr(renderer, "denoise", denoise)
        return batches

    return overflow_in


FIRST, SECOND, HALF, SINGLE = "tiny-sdxl", "tiny-sdxl_refiner", torch.bfloat16, torch.float32


def test_numbers_that_overflow_in_the_second_pass_are_made_exact_there_alone(fresh, twice, overflowing):
    """The first passes are not made again."""
    batches = overflowing(2)
    (one,) = made(fresh, [twice()])
    assert batches == [(FIRST, HALF), (SECOND, HALF), (SECOND, SINGLE)]
    assert one.facts["dtype"] == "float32"


def test_a_first_pass_that_overflows_is_made_again_before_the_models_change(fresh, twice, overflowing, loads):
    """And what another picture has behind it is not."""
    batches, events = overflowing(2), []
    recipes = [twice(), twice(prompt="a blue boat")]
    assert [one.index for one in made(fresh, recipes, events.append)] == [0, 1]
    assert batches == [(FIRST, HALF), (FIRST, HALF), (FIRST, SINGLE), (SECOND, HALF), (SECOND, HALF)]
    assert loads == {FIRST: 2, SECOND: 1}
    steps = [event for event in events if isinstance(event, Step)]
    assert (steps[-1].step, steps[-1].seconds_left) == (steps[-1].steps, 0)


def test_what_is_for_the_first_model_only_is_said_and_not_taken_over(settings, catalogue, twice, tiny_model, tmp_path):
    home = tmp_path / "home"
    (home / "models").mkdir(parents=True)
    for family in ("sd15", "sdxl"):
        (home / "models" / f"tiny-{family}").symlink_to(tiny_model(family))
    tiny.lora(tiny_model("sd15"), home / "loras" / "ink.safetensors")
    tiny.controlnet(tiny_model("sd15"), home / "controlnets" / "edges")
    there = Settings(home=home, device="cpu")
    followed = InputStore.of(there).add(picture()).id
    backend = LocalBackend(there, Catalogue(there))
    plain = {"hires_strength": 1, "guidance_scale": 4}  # at full strength nothing of the first pass is left
    more = {"loras": [{"name": "ink"}], "controls": [{"kind": "map", "map": followed, "model": "edges"}]}
    asked = [twice("sd15", "sdxl", **plain, **extra) for extra in ({}, more)]
    (bare,), (dressed,) = (made(backend, [one]) for one in asked)
    backend.close()
    assert dressed.image.tobytes() == bare.image.tobytes()
    for name in ("ink.safetensors", "edges"):
        assert name in dressed.facts["notes"]
    assert dressed.facts["notes"].count("to the first pass only") == 2
    assert "first pass only" not in bare.facts.get("notes", "")
    assert dressed.recipe == asked[1]
    assert "ink" in dressed.facts["loras"]


def test_a_model_that_cannot_paint_over_is_refused_before_the_first_step(fresh, twice):
    def steps(event):
        assert not isinstance(event, Step)

    with pytest.raises(InvalidRecipe, match="cannot paint a second pass") as caught:
        made(fresh, [twice(second="sd15_instruct")], steps)
    assert caught.value.field == "hires_model"


def test_where_others_wait_what_is_begun_is_finished_and_the_rest_is_left(fresh, twice):
    asked = [twice(), twice(prompt="a blue boat")]
    assert [one.index for one in fresh.generate(asked, nobody, lambda: False)] == [0]
