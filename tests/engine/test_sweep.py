"""Every scheduler on every family that it can sample."""

import numpy as np
import pytest

from studio.families import FAMILIES
from studio.schedulers import SCHEDULERS
from tests import tiny

STEPS = (1, 4)


def cases():
    """Each with one number of steps; with the others, `make soak` tries it."""
    pairs = ((family, name) for family in tiny.FAMILIES for name in FAMILIES[family].schedulers())
    for number, (family, name) in enumerate(pairs):
        for steps in STEPS:
            marks = () if steps == STEPS[number % len(STEPS)] else pytest.mark.soak
            yield pytest.param(family, name, steps, id=f"{family}-{name}-{steps}", marks=marks)


def test_every_family_has_a_tiny_model():
    assert {*tiny.FAMILIES, *tiny.INPAINTERS, *tiny.INSTRUCTED, *tiny.REFINERS} == set(FAMILIES)


@pytest.mark.parametrize(("family", "scheduler", "steps"), list(cases()))
def test_a_scheduler_makes_an_image_on_each_family_it_can_sample(backend, recipe, family, scheduler, steps):
    (made,) = backend.generate([recipe(family, scheduler=scheduler, steps=steps)], lambda _: None)
    assert np.asarray(made.image).std() > 1


@pytest.mark.parametrize("scheduler", [name for name, row in SCHEDULERS.items() if row.process == "diffusion"])
def test_a_scheduler_forgets_how_the_models_own_sampled(scheduler):
    import diffusers

    from studio.engine.schedulers import build

    own = diffusers.DPMSolverMultistepScheduler(
        use_karras_sigmas=True,
        algorithm_type="sde-dpmsolver++",
        prediction_type="v_prediction",
        beta_schedule="scaled_linear",
        beta_end=0.012,
    )
    row = SCHEDULERS[scheduler]
    built = build(scheduler, own.config)
    assert type(built).__name__ == row.diffusers
    assert built.config.prediction_type == "v_prediction"
    assert built.config.beta_end == 0.012
    assert built.config.get("use_karras_sigmas", False) == row.options.get("use_karras_sigmas", False)
    default = {"DPMSolverMultistepScheduler": "dpmsolver++", "DEISMultistepScheduler": "deis"}.get(row.diffusers)
    assert built.config.get("algorithm_type") == row.options.get("algorithm_type", default)
