import gc
import threading
import weakref

import pytest
import torch
from PIL import Image

from studio.engine.device import Device
from studio.engine.manager import PipelineManager, place
from studio.engine.render import render
from studio.errors import DeviceError, InUse, InvalidRecipe
from studio.events import Loading, Step
from studio.families import FAMILIES
from tests import tiny
from tests.engine.conftest import nobody


def modules(pipe):
    return {name: part for name, part in pipe.components.items() if isinstance(part, torch.nn.Module)}


@pytest.mark.parametrize("family", ["starter", "sd15", "sd21", "sdxl", "sd3", "flux"])
def test_all_tasks_share_the_same_weights(manager, catalogue, family):
    model = catalogue[f"tiny-{family}"]
    seen = []
    for task in ("text2img", "img2img", "inpaint"):
        with manager.borrow_pipeline(model, task) as pipe:
            assert type(pipe).__name__ == model.family_facts().pipelines[task]
            seen.append({k: [p.data_ptr() for p in part.parameters()] for k, part in modules(pipe).items()})
            assert {p.dtype for part in modules(pipe).values() for p in part.parameters()} == {torch.float32}
    assert seen[0] == seen[1] == seen[2]
    assert sum(map(len, seen[0].values())) > 20


def test_every_borrower_has_a_scheduler_of_its_own(manager, catalogue):
    model = catalogue["tiny-sd15"]
    with manager.borrow_pipeline(model) as pipe:
        first = pipe.scheduler
        pipe.scheduler.set_timesteps(7)
    with manager.borrow_pipeline(model) as pipe:
        assert pipe.scheduler is not first
        assert pipe.scheduler.config == first.config


def test_a_task_that_the_family_cannot_do_is_refused(manager, catalogue):
    with pytest.raises(InvalidRecipe) as caught, manager.borrow_pipeline(catalogue["tiny-lcm"], "inpaint"):
        pass
    assert caught.value.field == "model"
    assert "text2img" in caught.value.hint


def test_a_model_is_loaded_once(manager, catalogue):
    said = []
    for _ in range(3):
        with manager.borrow_pipeline(catalogue["tiny-starter"], "text2img", said.append):
            pass
    assert said == [Loading("Loading tiny-starter ...")]


def test_one_borrower_at_a_time(manager, catalogue):
    model = catalogue["tiny-starter"]
    inside, order = threading.Event(), []

    def second():
        inside.wait()
        with manager.borrow_pipeline(model):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with manager.borrow_pipeline(model):
        inside.set()
        manager.warm(model)  # does not wait for the borrower
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_memory_is_told_by_what_holds_it_and_given_back_when_nothing_is_made(manager, catalogue):
    model = catalogue["tiny-sd15"]
    assert manager.memory_use().held == ()
    with manager.borrow_pipeline(model) as pipe:
        (held,) = manager.memory_use().held
        weights = sum(p.numel() * p.element_size() for part in modules(pipe).values() for p in part.parameters())
        assert weights <= held.device_bytes < 1.01 * weights  # there are a few buffers, too
        assert (held.kind, held.name, held.in_use) == ("model", model.name, True)
        with pytest.raises(InUse, match="being made"):
            manager.free_memory()
    use = manager.memory_use()
    assert not use.held[0].in_use
    assert 0 < use.device_free < use.device_bytes
    assert manager.free_memory() == held.device_bytes
    assert manager.memory_use().held == ()
    assert not manager.loaded(model)
    with manager.borrow_pipeline(model):  # and comes again
        assert manager.memory_use().held[0].in_use


def test_switching_models_frees_the_one_before(settings, catalogue):
    # Room for one of them, so that each load has to unload the other.
    manager = PipelineManager(catalogue, settings.model_copy(update={"memory_gb": 0.03}))
    one, other = catalogue["tiny-sd15"], catalogue["tiny-sd21"]
    kept = []
    for model in [one, other, one, other]:
        with manager.borrow_pipeline(model) as pipe:
            kept += [weakref.ref(part) for part in modules(pipe).values()]
        del pipe
        assert manager.loaded(model)
        assert not manager.loaded(other if model is one else one)
        gc.collect()
        assert sum(ref() is not None for ref in kept) == 3
    manager.close()
    gc.collect()
    assert not [ref for ref in kept if ref() is not None]


@pytest.mark.parametrize("in_use", [False, True])
def test_an_upscaler_frees_what_is_not_in_use(settings, catalogue, in_use):
    one, other = catalogue["tiny-sd15"], catalogue["tiny-starter"]
    # Room for both models and a picture of the second.
    room = 9_000 * FAMILIES["starter"].native_side ** 2
    manager = PipelineManager(catalogue, settings, device=Device("cpu", limit_bytes=room))
    kept = []
    for model in (one, other):
        with manager.borrow_pipeline(model) as pipe:
            kept.append(weakref.ref(pipe.unet))
        del pipe
    assert manager.loaded(one)
    assert manager.loaded(other)
    # They fill the device, so that a small file does not fit. It takes about 1850 bytes for each of its channels.
    manager._room.device = Device("cpu", limit_bytes=room - manager._room.free())
    width = 12_000_000 // 1850
    path = tiny.upscaler(settings.home / "upscalers" / "wide.safetensors", width=width)
    picture = Image.new("RGB", (8, 8))
    with manager.borrow(one) if in_use else manager.hold():
        large = manager.upscalers.enlarge("wide", picture, (32, 32), lambda *_: None)
    assert large.size == (32, 32)
    assert manager.loaded(one) is in_use
    gc.collect()
    assert (kept[0]() is None, kept[1]() is None) == (not in_use, in_use)
    assert manager.upscalers.bytes == pytest.approx(path.stat().st_size, rel=0.01)
    path.unlink()
    manager.close()
    assert manager.upscalers.bytes == 0


def test_models_stay_loaded_while_memory_allows(manager, catalogue):
    one, other = catalogue["tiny-sd15"], catalogue["tiny-starter"]
    for model in (one, other):
        with manager.borrow_pipeline(model):
            pass
    assert manager.loaded(one)
    assert manager.loaded(other)


def test_the_device_is_described_in_one_line(manager):
    assert manager.describe().startswith("CPU, ")
    assert manager.describe().endswith(" GB used")


def test_streaming_layer_by_layer_gives_the_same_image(manager, catalogue, recipe, inputs):
    model, numbered = catalogue["tiny-sd15"], [(0, recipe("sd15"))]
    (plain,) = render(manager, numbered, nobody, inputs)
    with manager.borrow(model) as lease:
        place(lease.pipe, "sequential", Device("cpu"))
    (streamed,) = render(manager, numbered, nobody, inputs)
    assert streamed.image.tobytes() == plain.image.tobytes()


class Small:
    """A denoiser's memory: more rows than `rows` do not fit."""

    def __init__(self, part, rows):
        self.rows = rows
        self.handle = part.register_forward_pre_hook(self.refuse)

    def refuse(self, _, arguments):
        if len(arguments[0]) > self.rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB")


def test_a_batch_that_does_not_fit_is_made_in_smaller_ones(manager, catalogue, recipe, inputs):
    model = catalogue["tiny-starter"]
    numbered = [(i, recipe("starter", seed=i)) for i in range(4)]
    whole = list(render(manager, numbered, nobody, inputs))
    with manager.borrow(model) as lease:
        small = Small(lease.pipe.unet, 2)  # guidance takes two rows an image
    events = []
    images = list(render(manager, numbered, events.append, inputs))
    small.handle.remove()
    assert [image.index for image in images] == [0, 1, 2, 3]
    assert {image.facts["batch"] for image in images} == {"1"}
    told = [event.what for event in events if isinstance(event, Loading)]
    assert told == ["Memory ran out; making 2 at a time.", "Memory ran out; making 1 at a time."]
    assert images[0].facts["changed"] == " ".join(told)
    assert {event.images for event in events if isinstance(event, Step)} == {(0,), (1,), (2,), (3,)}
    again = list(render(manager, numbered, nobody, inputs))
    assert [a.image.tobytes() for a in again] == [w.image.tobytes() for w in whole]


@pytest.mark.parametrize(("most", "made"), [(256, [512, *[256] * 9]), (128, [512, 256, *[128] * 36])])
def test_a_decode_that_does_not_fit_is_made_in_tiles_and_then_in_smaller_ones(
    manager, catalogue, recipe, inputs, most, made
):
    """Also of a picture as large as those that the VAE was trained with."""
    model, side = catalogue["tiny-sd15"], 512
    with manager.borrow(model) as lease:
        vae = lease.pipe.vae
    vae.register_to_config(sample_size=side)
    before = vae.tile_sample_min_size, vae.tile_latent_min_size = (side, side // 8)
    calls = []

    def refuse(_, arguments):
        calls.append(8 * max(arguments[0].shape))
        if calls[-1] > most:
            raise torch.OutOfMemoryError("CUDA out of memory")

    handle = vae.decoder.register_forward_pre_hook(refuse)
    (one,) = render(manager, [(0, recipe("sd15", width=side, height=side))], nobody, inputs)
    handle.remove()
    # A tile begins three quarters of its side after the one before; the last ones are what is left.
    assert len(calls) == len(made)
    assert all(call <= side for call, side in zip(calls, made, strict=True))
    assert f"tiles of {most} pixels" in one.facts["changed"]
    assert one.image.size == (side, side)
    assert (vae.tile_sample_min_size, vae.tile_latent_min_size) == before
    assert not vae.use_tiling


def test_memory_that_never_suffices_is_an_error_with_numbers_and_cure(manager, catalogue, recipe, inputs):
    model = catalogue["tiny-starter"]
    with manager.borrow(model) as lease:
        small = Small(lease.pipe.unet, 0)
    with pytest.raises(DeviceError) as caught:
        list(render(manager, [(0, recipe("starter"))], nobody, inputs))
    small.handle.remove()
    assert "64x64" in caught.value.message
    assert "GB are free" in caught.value.message
    assert "smaller" in caught.value.hint
    assert len(list(render(manager, [(0, recipe("starter"))], nobody, inputs))) == 1


def test_tensors_of_a_failed_try_are_gone_before_the_next(manager, catalogue, recipe, inputs):
    model = catalogue["tiny-starter"]
    held = []

    def remember(_, arguments):
        held.append(weakref.ref(arguments[0]))
        if len(held) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        if len(held) == 2:
            assert held[0]() is None

    with manager.borrow(model) as lease:
        handle = lease.pipe.unet.register_forward_pre_hook(remember)
    assert len(list(render(manager, [(i, recipe("starter", seed=i)) for i in range(2)], nobody, inputs))) == 2
    handle.remove()
