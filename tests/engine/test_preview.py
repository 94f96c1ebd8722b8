import io
from types import SimpleNamespace

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from studio.engine import preview
from studio.engine.preview import Watch, denoised, fit_colours, jpeg
from studio.engine.schedulers import build
from studio.families import FAMILIES
from studio.families.base import LatentColours
from studio.schedulers import SCHEDULERS

RED = LatentColours(
    factors=((1.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)), bias=(0.0, -1.0, -1.0)
)


NO_PREVIEW = "This image has no preview; it is still being made."


def opened(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def test_latents_become_a_small_jpeg_in_the_familys_colours():
    latents = torch.ones(4, 12, 16)
    image = opened(jpeg(latents, RED))
    assert (image.format, image.size) == ("JPEG", (256, 192))
    assert np.allclose(np.asarray(image).reshape(-1, 3).mean(0), [254, 0, 0], atol=4)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, 1e9])
def test_wild_latents_still_make_a_picture(value):
    assert opened(jpeg(torch.full((4, 8, 8), value), RED)).size == (256, 256)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("name", [n for n, row in SCHEDULERS.items() if row.process == "diffusion"])
def test_a_right_prediction_shows_the_image_that_it_heads_for(name, prediction):
    own = diffusers.DDIMScheduler(beta_schedule="scaled_linear", beta_end=0.012, prediction_type=prediction)
    scheduler = build(name, own.config)
    scheduler.set_timesteps(10)
    timestep = scheduler.timesteps[3]
    image, noise = torch.randn(2, 1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    scheduler.scale_model_input(image, timestep)
    alpha = scheduler.alphas_cumprod[round(float(timestep))]
    scaled = scheduler.scale_model_input(torch.ones(1), timestep).item()
    sample = (alpha.sqrt() * image + (1 - alpha).sqrt() * noise) / scaled
    answer = noise if prediction == "epsilon" else alpha.sqrt() * noise - (1 - alpha).sqrt() * image
    torch.testing.assert_close(denoised(scheduler, answer, timestep, sample), image, rtol=0, atol=1e-3)


def test_a_flow_shows_the_image_that_it_heads_for():
    scheduler = build("Flow Euler", diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0).config)
    scheduler.set_timesteps(10)
    image, noise = torch.randn(2, 1, 16, 8, 8, generator=torch.Generator().manual_seed(1))
    time = scheduler.timesteps[4] / 1000
    shown = denoised(scheduler, noise - image, scheduler.timesteps[4], (1 - time) * image + time * noise)
    torch.testing.assert_close(shown, image, rtol=0, atol=1e-4)


def test_looks_come_no_more_often_than_they_cost():
    scheduler = build("Euler", diffusers.EulerDiscreteScheduler().config)
    scheduler.set_timesteps(4)
    watch = Watch(scheduler)
    sample = torch.randn(1, 4, 8, 8)
    taken = []
    for timestep in scheduler.timesteps:
        scheduler.scale_model_input(sample, timestep)
        scheduler.step(sample, timestep, sample)
        taken.append(watch.take() is not None)
        watch.looked(60.0)
    assert taken == [True, False, False, False]


def test_a_watched_scheduler_still_tells_pipelines_what_it_takes():
    import inspect

    scheduler = build("Euler a", diffusers.EulerDiscreteScheduler().config)
    before = inspect.signature(scheduler.step).parameters
    Watch(scheduler)
    assert inspect.signature(scheduler.step).parameters == before


class Averaging(torch.nn.Module):
    """A VAE whose latents are the colours of 4x4 pixels, mixed and shifted."""

    config = SimpleNamespace(scaling_factor=0.5)
    device, dtype = torch.device("cpu"), torch.float32
    mix = torch.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, -1.0], [3.0, 0.0, 1.0], [1.0, 1.0, 1.0]])

    def encode(self, images):
        small = torch.nn.functional.avg_pool2d(images, 4)
        return SimpleNamespace(latents=torch.einsum("bchw,kc->bkhw", small, self.mix) + 0.3)

    def decode(self, latents):
        small = torch.einsum("bkhw,ck->bchw", latents - 0.3, torch.linalg.pinv(self.mix))
        return SimpleNamespace(sample=small.repeat_interleave(4, -1).repeat_interleave(4, -2))


def test_colours_that_nobody_knows_are_fitted_to_the_vae():
    vae = Averaging()
    colours = fit_colours(vae)
    assert colours == fit_colours(vae)
    picture = torch.rand(1, 3, 64, 64) * 2 - 1
    latents = vae.encode(picture).latents[0] * vae.config.scaling_factor
    shown = (
        torch.einsum("chw,cr->rhw", latents, torch.tensor(colours.factors)) + torch.tensor(colours.bias)[:, None, None]
    )
    torch.testing.assert_close(shown, torch.nn.functional.avg_pool2d(picture, 4)[0], rtol=0, atol=1e-3)


def test_the_colours_of_a_models_own_vae_are_finite(tiny_model):
    vae = diffusers.AutoencoderKL.from_pretrained(tiny_model("starter"), subfolder="vae")
    colours = fit_colours(vae)
    assert np.isfinite(colours.factors).all()
    assert np.shape(colours.factors) == (4, 3)


def test_every_family_with_known_colours_has_one_row_a_channel():
    for family in FAMILIES.values():
        if family.preview:
            assert len(family.preview.factors) == (16 if family.process == "flow" else 4)


def test_whatever_a_look_raises_the_image_is_made_and_it_is_told_once_in_the_log(backend, recipe, monkeypatch, caplog):
    for where in ("denoised", "jpeg"):
        caplog.clear()
        with monkeypatch.context() as patched:
            patched.setattr(preview, where, lambda *_: 1 / 0)
            (made,) = backend.generate([recipe("starter", steps=3)], lambda _: None)
        assert made.image.size
        assert [record.message for record in caplog.records].count(NO_PREVIEW) == 1


def test_a_vae_whose_colours_cannot_be_found_has_none(caplog):
    assert fit_colours(SimpleNamespace()) == preview.UNKNOWN
    assert NO_PREVIEW in caplog.messages


def test_each_of_a_thousand_steps_of_dpm2_can_be_looked_at(caplog):
    """Between two steps it asks beyond the last time that the model learned."""
    scheduler = build("DPM2", diffusers.EulerDiscreteScheduler().config)
    scheduler.set_timesteps(1000)
    watch, sample = Watch(scheduler), torch.ones(1, 1, 1, 1)
    for timestep in scheduler.timesteps:
        scheduler.scale_model_input(sample, timestep)
        scheduler.step(sample, timestep, sample)
        assert watch.take() is not None
    assert NO_PREVIEW not in caplog.messages


@pytest.mark.soak
def test_dpm2_of_a_thousand_steps_makes_an_image(backend, recipe):
    (made,) = backend.generate([recipe("sd15", scheduler="DPM2", steps=1000, guidance_scale=1)], lambda _: None)
    assert made.image.size
