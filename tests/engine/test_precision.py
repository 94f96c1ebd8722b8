"""Which numbers a model computes in, and what happens where they do not suffice."""

import numpy as np
import pytest
import torch

from studio.engine.device import Device
from studio.engine.manager import PipelineManager
from studio.engine.render import render
from studio.errors import DeviceError
from studio.events import Loading
from studio.families import FAMILIES

HALF, BRAIN, SINGLE = torch.float16, torch.bfloat16, torch.float32


@pytest.mark.parametrize(("native", "flow"), [(True, BRAIN), (False, HALF)])
def test_a_card_that_emulates_bfloat16_takes_float16(monkeypatch, native, flow):
    """As a T4 does: torch says that it can, unless it is asked for more."""
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or native)
    assert (Device("cuda").dtype(FAMILIES["flux"]), Device("cuda").dtype(FAMILIES["sdxl"])) == (flow, HALF)


@pytest.mark.parametrize("kind", ["cuda", "mps", "cpu"])
def test_a_precision_that_is_set_is_that_of_every_model(kind):
    device = Device(kind, precision="bfloat16")
    assert {device.dtype(family) for family in FAMILIES.values()} == {BRAIN}


@pytest.fixture
def manager(settings, catalogue):
    made = PipelineManager(catalogue, settings.model_copy(update={"precision": "bfloat16"}))
    yield made
    made.close()


def fail(monkeypatch, value):
    """Every UNet answers with this in less than 32 bits, as some cards do."""
    from diffusers import UNet2DConditionModel

    forward = UNet2DConditionModel.forward

    def failing(self, sample, *args, **kwargs):
        made = forward(self, sample, *args, **kwargs)
        return made if sample.dtype == SINGLE else (torch.full_like(made[0], value), *made[1:])

    monkeypatch.setattr(UNet2DConditionModel, "forward", failing)


def made_by(manager, inputs, recipes, events):
    return list(render(manager, list(enumerate(recipes)), events.append, inputs))


def test_a_model_that_makes_no_numbers_is_tried_again_in_float32_and_stays_so(
    manager, catalogue, inputs, recipe, backend, monkeypatch
):
    fail(monkeypatch, torch.nan)
    events, wanted = [], [recipe("sd15"), recipe("sd15", steps=2)]
    made = made_by(manager, inputs, wanted, events)
    assert [one.facts["dtype"] for one in made] == ["float32", "float32"]
    told = [event.what for event in events if isinstance(event, Loading) and "Trying again in float32" in event.what]
    assert len(told) == 1
    assert "bfloat16" in told[0]
    right = backend.generate(wanted, lambda _: None)
    assert all(one.image.tobytes() == other.image.tobytes() for one, other in zip(made, right, strict=True))
    events.clear()
    made_by(manager, inputs, wanted[:1], events)
    assert not [event for event in events if isinstance(event, Loading) and "Trying" in event.what]
    assert manager.dtype(catalogue["tiny-sdxl"]) == BRAIN


def test_a_black_picture_is_tried_again_too(manager, catalogue, inputs, recipe, monkeypatch):
    from studio.engine import renderer

    decode = renderer.decode
    black = lambda pipe, *args, **kwargs: decode(pipe, *args, **kwargs) * (pipe.vae.dtype == SINGLE)  # noqa: E731
    monkeypatch.setattr(renderer, "decode", black)
    (made,) = made_by(manager, inputs, [recipe("sd15", steps=1)], [])
    assert np.asarray(made.image).any()


def test_what_overflows_float32_is_an_error_after_one_try(settings, catalogue, inputs, recipe, monkeypatch):
    from diffusers import UNet2DConditionModel

    forward = UNet2DConditionModel.forward
    monkeypatch.setattr(
        UNet2DConditionModel, "forward", lambda *args, **kwargs: tuple(x * torch.nan for x in forward(*args, **kwargs))
    )
    manager = PipelineManager(catalogue, settings.model_copy(update={"precision": "bfloat16"}))
    with pytest.raises(DeviceError, match="NaN"):
        made_by(manager, inputs, [recipe("sd15", steps=1)], [])
    manager.close()
