"""Variations: a picture's noise turned towards that of another seed, in every task that draws noise."""

import numpy as np
import pytest
import torch
from PIL import Image

from studio.engine.noise import Noise, drawn, slerp
from tests import tiny


@pytest.fixture(scope="module")
def pictures(inputs):
    ramp = Image.linear_gradient("L").resize((tiny.SIDE, tiny.SIDE))
    mask = Image.new("L", (tiny.SIDE, tiny.SIDE))
    mask.paste(255, (0, 0, tiny.SIDE, tiny.SIDE // 2))
    picture = Image.merge("RGB", (ramp, ramp.rotate(90), ramp.rotate(180)))
    return {name: _stored(inputs, image) for name, image in (("init_image", picture), ("mask_image", mask))}


def _stored(inputs, image):
    return (inputs.add_mask if image.mode == "L" else inputs.add)(image).id


TASKS = {
    "text2img": {},
    "ancestral": {"scheduler": "Euler a"},
    "hires": {"hires_scale": 2.0, "hires_upscaler": "latent", "hires_strength": 0.7, "hires_steps": 3},
    "img2img": {"init_image": True, "strength": 0.7},
    "inpaint": {"init_image": True, "mask_image": True, "strength": 1.0, "mask_blur": 0, "mask_grow": 0},
    "upscale": {"init_image": True, "upscaler": "lanczos", "upscale": 2.0, "strength": 0.7},
}


@pytest.mark.parametrize("task", TASKS)
def test_a_variation_goes_from_one_seed_to_the_other(backend, recipe, pictures, task):
    values = {name: pictures[name] if value is True else value for name, value in TASKS[task].items()}
    shares = (0.0, 0.2, 0.6, 1.0)
    asked = [recipe("sd15", **values, seed=7), recipe("sd15", **values, seed=8)]
    asked += [recipe("sd15", **values, seed=7, variation_seed=8, variation_strength=share) for share in shares]
    made = backend.generate(asked, lambda _: None)
    seven, eight, *between = (np.asarray(one.image, float) for one in sorted(made, key=lambda one: one.index))
    assert np.array_equal(between[0], seven)
    assert np.array_equal(between[3], eight)
    assert not np.array_equal(between[1], between[2])
    assert abs(between[1] - seven).mean() < abs(between[2] - seven).mean()
    assert abs(between[2] - eight).mean() < abs(between[1] - eight).mean()


def test_a_variation_is_the_same_alone_and_in_a_batch(backend, recipe):
    asked = [recipe("sd15", variation_seed=seed, variation_strength=0.4) for seed in (1, 2)]
    together = {one.index: np.asarray(one.image) for one in backend.generate(asked, lambda _: None)}
    for index, single in enumerate(asked):
        (alone,) = backend.generate([single], lambda _: None)
        assert np.abs(np.asarray(alone.image, int) - together[index]).max() <= 1


def test_noise_that_is_mixed_is_still_noise():
    start, end = torch.randn(2, 4, 64, 64, generator=torch.Generator().manual_seed(3))
    for share in (0.25, 0.5, 0.75):
        assert slerp(share, start, end).std() == pytest.approx(1, abs=0.03)
    assert torch.allclose(slerp(0.5, start, start), start)


def test_only_what_is_drawn_from_its_generators_is_mixed():
    with drawn([Noise(1, 2, 0.5), Noise(1)]) as (mixed, plain):
        assert not torch.equal(torch.randn(8, generator=mixed), torch.randn(8, generator=plain))
        other = torch.randn(8, generator=torch.Generator().manual_seed(1))
    assert torch.equal(other, torch.randn(8, generator=torch.Generator().manual_seed(1)))
