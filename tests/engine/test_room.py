"""Memory of a pretended card and of the computer: what is unloaded for what, and what happens when either ends."""

import shutil

import numpy as np
import pytest
import torch

from studio.catalogue.controlnets import ControlNets
from studio.catalogue.models import Catalogue
from studio.engine import memory, ram
from studio.engine.device import Device
from studio.engine.manager import PipelineManager
from studio.engine.render import render
from studio.errors import DeviceError
from studio.inputs import InputStore
from studio.recipe import Recipe, as_resolved
from studio.settings import Settings
from tests import tiny
from tests.engine.card import Card, pretend
from tests.engine.conftest import nobody, picture

GB = 10**9
PLAIN = {
    "prompt": tiny.PROMPT,
    "width": tiny.SIDE,
    "height": tiny.SIDE,
    "scheduler": "Euler",
    "steps": 1,
    "guidance_scale": 3,
    "seed": 7,
}


@pytest.fixture(scope="module")
def home(tiny_model, tmp_path_factory):
    """Models, and what stands beside them."""
    home = tmp_path_factory.mktemp("room")
    (home / "models").mkdir()
    for family in ("sd15", "sdxl", "sd21", "starter"):
        (home / "models" / family).symlink_to(tiny_model(family))
    tiny.controlnet(tiny_model("sd15"), home / "controlnets" / "edges")
    tiny.ip_adapter(tiny_model("sd15"), home / "ip-adapters" / "look" / "look.safetensors")
    tiny.image_encoder(home / "ip-adapters" / "look" / "image_encoder")
    tiny.upscaler(home / "upscalers" / "tiny.safetensors")
    shutil.copytree(tiny_model("sd15") / "vae", home / "vaes" / "mine")
    return Settings(home=home)


@pytest.fixture
def card(monkeypatch):
    return pretend(monkeypatch, Card())


@pytest.fixture
def studio(home, card):
    """Makes a manager on the card, and what it renders."""
    catalogue, inputs, made = Catalogue(home), InputStore.of(home), []

    class Studio:
        def __init__(self, offload="auto"):
            settings = home.model_copy(update={"offload": offload})
            self.manager = PipelineManager(catalogue, settings, ControlNets(home), device=Device("cuda"))
            made.append(self.manager)

        def make(self, name, count=1, **more):
            recipes = [
                as_resolved(Recipe.make(**{**PLAIN, "model": name, **more, "seed": seed})) for seed in range(count)
            ]
            return list(render(self.manager, list(enumerate(recipes)), nobody, inputs))

        def make_by_two(self, first, second, **more):
            values = {"hires_scale": 1, "hires_upscaler": "lanczos", "hires_strength": 0.5, "hires_steps": 2, **more}
            recipe = as_resolved(Recipe.make(**{**PLAIN, "model": first, "hires_model": second, **values}))
            return list(render(self.manager, [(0, recipe)], nobody, inputs))

        def loaded(self):
            return [model.id for model in self.manager._room.loaded_models]

    yield Studio
    for manager in made:
        manager.close()


def units(home, *kinds):
    image = InputStore.of(home).add(picture()).id
    known = {
        "net": {"kind": "map", "map": image, "model": "edges"},
        "look": {"kind": "ip_adapter", "image": image, "model": "look"},
    }
    return {"controls": [known[kind] for kind in kinds]}


def weights(made, name):
    """What a model's weights take, by part."""
    return next(one for one in made.manager._room.loaded_models.values() if one.model.id == name).parts


@pytest.mark.parametrize(("share", "offload"), [(0.97, "model"), (0.8, "sequential")])
def test_a_model_that_has_no_room_while_it_moves_is_kept_farther_off(studio, card, share, offload):
    plenty = studio("none")
    (wanted,) = plenty.make("sd15")
    whole = weights(plenty, "sd15")
    plenty.manager.close()
    card.total = int(share * sum(whole.values()))
    tight = studio("none")
    (made,) = tight.make("sd15")
    assert next(iter(tight.manager._room.loaded_models.values())).offload == offload
    assert made.image.tobytes() == wanted.image.tobytes()
    assert made.facts["memory"].startswith({"model": "offloads", "sequential": "streams"}[offload])


@pytest.mark.parametrize("kinds", [("net",), ("look",), ("net", "look")])
def test_what_stands_beside_a_model_makes_it_go_farther_off_where_it_has_no_room(studio, home, card, kinds):
    plenty = studio("none")
    (wanted,) = plenty.make("sd15", **units(home, *kinds))
    alone = sum(weights(plenty, "sd15").values())
    plenty.manager.close()
    card.total = alone + 1000
    tight = studio("none")
    tight.make("sd15")
    assert next(iter(tight.manager._room.loaded_models.values())).offload == "none"
    (made,) = tight.make("sd15", **units(home, *kinds))
    assert next(iter(tight.manager._room.loaded_models.values())).offload != "none"
    assert made.image.tobytes() == wanted.image.tobytes()


def test_what_is_not_in_use_goes_before_the_model_in_use_is_kept_off(studio, home, card):
    made = studio("none")
    made.make("starter")
    made.make("sd15")
    card.total = card.used + 1000
    made.make("sd15", **units(home, "net"))
    assert made.loaded() == ["sd15"]
    assert next(iter(made.manager._room.loaded_models.values())).offload == "none"


def test_what_stopped_halfway_onto_the_card_moves_there_whole_when_there_is_room(studio, card):
    """Where its first weight is there, accelerate takes it all to be."""
    made, other = studio("model"), {"prompt": "a blue boat"}  # its words are not kept from before
    wanted = studio("model").make("sd15", count=2, **other)
    made.make("sd15")
    made.manager.settings = made.manager.settings.model_copy(update={"offload": "none"})
    made.make("starter")
    card.total = card.used + max(weights(made, "sd15").values()) - 1000
    again = made.make("sd15", count=2, **other)
    assert "making 1 at a time" in again[0].facts["changed"]
    assert made.loaded() == ["sd15"]
    assert abs(np.asarray(again[1].image, float) - np.asarray(wanted[1].image)).max() <= 8  # alone, not in a batch


def test_what_has_no_room_at_all_is_an_error_with_numbers_and_cure(studio, card):
    card.total = 1000
    with pytest.raises(DeviceError, match="Pretended card ran out of memory at 64x64") as caught:
        studio("none").make("sd15")
    assert "smaller" in caught.value.hint
    card.total = 10**12
    assert studio("none").make("sd15")


@pytest.mark.parametrize(("kind", "said"), [("net", "edges"), ("look", "look"), ("vae", "the VAE mine")])
def test_what_has_no_room_beside_a_model_is_told_by_its_name(studio, home, card, kind, said):
    made = studio("sequential")
    made.make("sd15")
    more = {"vae": "mine"} if kind == "vae" else units(home, kind)
    card.total = card.used + 1000
    with pytest.raises(DeviceError, match=rf"Pretended card has no room for {said}: 0\.0 GB are free\."):
        made.make("sd15", **more)


@pytest.mark.parametrize(
    "said",
    [
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    ],
)
def test_the_libraries_of_a_card_are_relieved_as_torch_is(studio, said):
    made = studio("none")
    made.make("sd15")
    failed = []

    def refuse(*_):
        if not failed:
            failed.append(said)
            raise RuntimeError(said)

    with made.manager.borrow(made.manager._catalogue["sd15"]) as lease:
        handle = lease.pipe.unet.register_forward_pre_hook(refuse)
    (one,) = made.make("sd15")
    handle.remove()
    assert "Memory ran out" in one.facts["changed"]


@pytest.mark.parametrize("where", ["encoder", "upscaler", "text"])
def test_memory_that_ends_anywhere_else_is_relieved_too(studio, home, monkeypatch, where):
    """In the image encoder's look, while an upscaler moves, in a text encoder."""
    from transformers import CLIPTextModel, CLIPVisionModelWithProjection

    made, failed = studio("none"), []
    made.make("starter")  # what can go

    def failing(real):
        def once(*args, **kwargs):
            if not failed:
                failed.append(where)
                raise torch.OutOfMemoryError("CUDA out of memory")
            return real(*args, **kwargs)

        return once

    if where == "upscaler":
        from studio.engine import upscale

        monkeypatch.setattr(upscale, "load", failing(upscale.load))
        twice = {"hires_scale": 1.25, "hires_upscaler": "tiny", "hires_strength": 0.5, "hires_steps": 2}
        made.make("sd15", **twice)
    else:
        part = CLIPTextModel if where == "text" else CLIPVisionModelWithProjection
        monkeypatch.setattr(part, "forward", failing(part.forward))
        made.make("sd15", **units(home, *(["look"] if where == "encoder" else [])))
    assert failed
    assert made.loaded() == ["sd15"]


def test_models_that_fit_a_card_together_stay_on_it(studio, card):
    """Their weights count as they are on it, not as they are in their files or on a CPU."""
    plenty, made = studio("none"), studio()
    for name in ("sd15", "sd21"):
        plenty.make(name)
    both = sum(sum(weights(plenty, name).values()) for name in ("sd15", "sd21"))
    plenty.manager.close()
    made.make("sd15")
    card.total = int(both * 1.1) + memory.decoding_bytes(768, 768, 2)
    made.make("sd21")
    assert made.loaded() == ["sd15", "sd21"]
    assert {loaded.offload for loaded in made.manager._room.loaded_models.values()} == {"none"}


def test_the_second_pass_takes_the_place_of_the_first_where_both_models_have_no_room(studio, card):
    plenty = studio("none")
    (wanted,) = plenty.make_by_two("sd15", "sd21")
    assert plenty.loaded() == ["sd15", "sd21"]
    card.total = card.used - 1000
    plenty.manager.close()
    tight = studio("none")
    (made,) = tight.make_by_two("sd15", "sd21")
    assert tight.loaded() == ["sd21"]
    assert made.image.tobytes() == wanted.image.tobytes()


def test_models_that_are_kept_off_the_card_share_the_computers_memory(studio, monkeypatch):
    made = studio("model")
    for name in ("sd15", "sd21"):
        made.make(name)
    held = sum(sum(weights(made, name).values()) for name in ("sd15", "sd21"))
    monkeypatch.setattr(ram, "total_bytes", lambda: held + 1000)
    made.make("starter")
    assert "sd15" not in made.loaded()
    assert made.loaded()[-1] == "starter"
    assert made.manager._room.free_ram() >= 0


def test_a_full_card_does_not_unload_what_is_not_on_it(studio, card):
    made = studio("model")
    made.make("sd15")
    made.manager.settings = made.manager.settings.model_copy(update={"offload": "none"})
    made.make("sd21")
    card.total = card.used + 1000
    made.make("starter")
    assert made.loaded() == ["sd15", "starter"]


def test_weights_that_are_about_to_move_in_make_batches_smaller(studio, card):
    together = {}
    for offload in ("none", "model"):
        made = studio(offload)
        made.make("sd15")
        image = memory.denoising_bytes(tiny.SIDE, tiny.SIDE, 2)
        with made.manager.borrow(made.manager._catalogue["sd15"]) as lease:
            arriving = memory.bytes_of(lease.pipe.unet) if offload == "model" else 0
            assert lease.arriving_bytes() == arriving
            card.total = card.used + 4 * image + 1000
        one = made.make("sd15", count=4)[0]
        together[offload] = int(one.facts["batch"])
        assert together[offload] == max(1, (4 * image + 1000 - arriving) // image)
        made.manager.close()
        card.total = 10**12
    assert together["model"] < together["none"] == 4


@pytest.mark.parametrize(("name", "dtype"), [("sd15", torch.float16), ("sdxl", torch.float32)])
def test_only_a_decoder_that_overflows_decodes_in_float32(studio, name, dtype):
    """diffusers says of every VAE that it does, where its config says nothing."""
    made, seen = studio("none"), []
    made.make(name)
    with made.manager.borrow(made.manager._catalogue[name]) as lease:
        assert lease.pipe.vae.config.force_upcast
        lease.pipe.vae.decoder.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0].dtype))
        working = lease.working_bytes(1024, 1024)
    made.make(name)
    assert seen == [dtype]
    assert working == memory.decoding_bytes(1024, 1024, dtype.itemsize)
