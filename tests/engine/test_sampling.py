"""Settings of each step: as the pipelines and schedulers have them, and refused where nobody knows them."""

import diffusers
import pytest
import torch

from studio.engine import noise, schedulers
from studio.engine.noise import Noise, drawn
from studio.engine.sampling import resampled
from studio.errors import InvalidRecipe
from studio.metadata import readers
from studio.metadata.infotext import to_infotext
from studio.recipe import Recipe
from studio.resolve.applicability import check_able, check_used
from studio.schedulers import SCHEDULERS
from tests.engine.conftest import nobody

# What Stable Diffusion 1.5 learned.
NOISE = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "steps_offset": 1,
    "set_alpha_to_one": False,
    "prediction_type": "epsilon",
}


def bare(folder, name, recipe, **arguments):
    pipe = getattr(diffusers, name).from_pretrained(folder, local_files_only=True)
    row = SCHEDULERS[recipe.scheduler]
    pipe.scheduler = getattr(diffusers, row.diffusers).from_config(
        pipe.scheduler.config, **row.options, set_alpha_to_one=False, clip_sample=False
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe(
        recipe.prompt,
        width=recipe.width,
        height=recipe.height,
        num_inference_steps=recipe.steps,
        guidance_scale=recipe.guidance_scale,
        generator=torch.Generator().manual_seed(recipe.seed),
        **arguments,
    ).images[0]


@pytest.mark.parametrize(
    ("family", "name"), [("sd15", "StableDiffusionPipeline"), ("sdxl", "StableDiffusionXLPipeline")]
)
def test_rescaled_guidance_is_the_pipelines_own(backend, catalogue, recipe, family, name):
    wanted = recipe(family, guidance_scale=9, guidance_rescale=0.7)
    (made,) = backend.generate([wanted], nobody)
    folder = catalogue[wanted.model].folder
    assert made.image.tobytes() == bare(folder, name, wanted, guidance_rescale=0.7).tobytes()


@pytest.mark.parametrize("family", ["sd3", "sd15_instruct"])
def test_guidance_is_rescaled_where_no_pipeline_does(backend, recipe, edit, family):
    changes = {"strength": None, "image_guidance_scale": 1.5} if family == "sd15_instruct" else {}
    make = edit if changes else recipe
    plain, rescaled = backend.generate(
        [make(family, guidance_scale=9, guidance_rescale=share, **changes) for share in (None, 0.7)], nobody
    )
    assert plain.image.tobytes() != rescaled.image.tobytes()


def test_rescaled_guidance_works_with_mixed_prompts_and_pictures(backend, recipe, edit):
    wanted = [recipe("sd15", prompt="a cat AND a dog", guidance_rescale=0.5), edit("sd15", guidance_rescale=0.5)]
    assert len(list(backend.generate(wanted, nobody))) == 2


def test_eta_is_the_pipelines_own(backend, catalogue, recipe):
    wanted = recipe("sd15", scheduler="DDIM", eta=0.6)
    (made,) = backend.generate([wanted], nobody)
    folder = catalogue[wanted.model].folder
    assert made.image.tobytes() == bare(folder, "StableDiffusionPipeline", wanted, eta=0.6).tobytes()


def test_the_schedulers_that_know_a_setting_are_those_of_the_table():
    import inspect

    for row in SCHEDULERS.values():
        takes = inspect.signature(getattr(diffusers, row.diffusers).step).parameters
        assert row.eta == ("eta" in takes)
        # Flow Euler takes churn, and does nothing with it.
        assert row.churn == ("s_churn" in takes and row.process != "flow")


def test_noise_can_be_drawn_by_the_device_that_paints(monkeypatch):
    asked = []
    real = torch.Generator
    monkeypatch.setattr(noise.torch, "Generator", lambda device: asked.append(device) or real())
    with drawn([Noise(7, 8, 0.5)], "cuda"):
        pass
    with drawn([Noise(7)]):
        pass
    assert asked == ["cuda", "cuda", "cpu"]


@pytest.mark.parametrize(
    ("values", "field", "says"),
    [
        ({"scheduler": "Euler", "eta": 0.5}, "eta", "Choose DDIM"),
        ({"scheduler": "DDIM", "sigma_churn": 3}, "sigma_churn", "Choose Euler"),
        ({"scheduler": "Euler", "sigma_noise": 1.05}, "sigma_noise", "Give a sigma_churn"),
        (
            {"init_image": "0" * 64, "mask_image": "0" * 64, "scheduler": "UniPC", "mask_resample": 2},
            "mask_resample",
            "Choose Euler, Euler a or DDIM",
        ),
        ({"guidance_scale": 1, "guidance_rescale": 0.7}, "guidance_rescale", "above 1"),
    ],
)
def test_a_setting_that_nothing_would_follow_is_refused(values, field, says):
    with pytest.raises(InvalidRecipe, match=says) as caught:
        check_used(Recipe(prompt="x", **values))
    assert caught.value.field == field


@pytest.mark.parametrize("name", [name for name, row in SCHEDULERS.items() if row.resamples])
def test_steps_that_are_made_again_come_to_what_the_denoiser_sees(name):
    scheduler = schedulers.build(name, NOISE)
    resampled(scheduler, 3)
    scheduler.set_timesteps(12)
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(3)
    told, generator = scheduler.timesteps[3:], torch.Generator().manual_seed(0)
    assert told.tolist() == [one for one in dict.fromkeys(told.tolist()) for _ in range(3)]
    clean = torch.full((1, 4, 8, 8), 0.5)
    sample = scheduler.add_noise(clean, torch.randn(clean.shape, generator=generator), told[:1])
    for timestep in told:
        scheduler.scale_model_input(sample, timestep)
        level = scheduler.alphas_cumprod[int(timestep)]
        if hasattr(scheduler, "sigmas"):
            noise = (sample - clean) / scheduler.sigmas[scheduler.step_index]
        else:
            noise = (sample - level.sqrt() * clean) / (1 - level).sqrt()
        sample = scheduler.step(noise, timestep, sample, return_dict=False, generator=generator)[0]
    torch.testing.assert_close(sample, clean, atol=0.25, rtol=0)


def test_a_model_without_a_second_look_cannot_rescale():
    with pytest.raises(InvalidRecipe, match="Guidance rescale has no effect here: FLUX takes no negative prompt"):
        check_able(Recipe(prompt="x", guidance_rescale=0.7), {"guidance"}, "FLUX")


def test_they_go_out_and_come_back_as_a1111_spells_them():
    ours = {"guidance_rescale": 0.7, "rng": "device"}
    by_scheduler = {
        "DDIM": ({"eta": 0.5}, ("CFG Rescale: 0.7", "Eta DDIM: 0.5", "RNG: GPU")),
        "Euler": ({"sigma_churn": 2.0, "sigma_noise": 1.05}, ("Sigma churn: 2", "Sigma noise: 1.05", "RNG: GPU")),
    }
    for scheduler, (own, parts) in by_scheduler.items():
        told = ours | own
        recipe = Recipe(prompt="x", model="m", steps=5, seed=1, width=64, height=64, scheduler=scheduler, **told)
        text = to_infotext(recipe)
        assert all(part in text for part in parts)
        read = readers.of_text(text).values
        assert {name: type(value)(read[name]) for name, value in told.items()} == told


def test_noise_that_cannot_be_drawn_here_is_said():
    read = readers.of_text("x\nSteps: 5, Sampler: Euler, Seed: 1, RNG: NV")
    assert "rng" not in read.values
    assert any(line.startswith("RNG NV") for line in read.left)
