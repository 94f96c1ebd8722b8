import weakref

import pytest
import torch

from studio.engine.device import Device, available
from studio.engine.memory import (
    Plan,
    batch_size,
    choose_offload,
    decoding_bytes,
    denoising_bytes,
    ran_out,
    relieve,
    relieved,
    words,
)
from studio.errors import InvalidSetting, OutOfMemory

GB = 10**9
SDXL = {"text_encoder": GB // 4, "text_encoder_2": GB, "unet": 5 * GB, "vae": GB // 6}


SQUARE = (denoising_bytes(1024, 1024, 2), decoding_bytes(1024, 1024, 4))


@pytest.mark.parametrize(("free", "offload"), [(13 * GB, "none"), (7 * GB, "model"), (4 * GB, "sequential")])
def test_offload_follows_free_memory(free, offload):
    """SDXL denoises in two bytes a number and decodes in four."""
    assert choose_offload(SDXL, *SQUARE, free, "cuda") == offload


def test_a_cpu_never_offloads():
    assert choose_offload(SDXL, GB, GB, GB, "cpu") == "none"


@pytest.mark.parametrize(
    ("offload", "said"),
    [
        ("none", "fits: 6.4 of 12.0 GB"),
        ("model", "offloads between its parts: the largest takes 5.0 of 12.0 GB, all 6.4"),
        ("sequential", "streams layer by layer, slowly: 6.4 GB through 12.0 GB"),
    ],
)
def test_the_policy_is_said_in_words(offload, said):
    assert words(offload, SDXL, 12 * GB) == said


def test_batches_follow_free_memory_and_the_device():
    assert batch_size(512, 512, 2, 100 * GB, "cuda") == 8
    assert batch_size(512, 512, 4, 100 * GB, "cpu") == 4
    assert batch_size(1024, 1024, 2, 2 * GB, "cuda") == 2
    assert batch_size(2048, 2048, 2, GB, "cuda") == 1
    assert batch_size(512, 512, 2, -GB, "cuda") == 1


def plans(start, kind, stage, side=1024):
    step = relieve(start, kind, stage, side)
    while step:
        plan, said = step
        assert said.startswith("Memory ran out; ")
        yield plan
        step = relieve(plan, kind, stage, side)


def test_relief_while_denoising_goes_from_the_cheapest_to_the_dearest():
    assert list(plans(Plan(batch=4), "cuda", "denoise")) == [
        Plan(batch=2),
        Plan(batch=1),
        Plan("model", batch=1),
        Plan("sequential", batch=1),
    ]


def test_relief_while_a_picture_is_read_takes_smaller_batches_and_then_tiles():
    assert list(plans(Plan(batch=2), "cpu", "edit", 256)) == [Plan(batch=1), Plan(batch=1, tile=128)]


def test_relief_while_decoding_starts_with_tiles_and_halves_them():
    assert list(plans(Plan(batch=4), "cuda", "decode")) == [
        *(Plan(batch=4, tile=tile) for tile in (512, 256, 128)),
        Plan("model", batch=4, tile=128),
        Plan("sequential", batch=4, tile=128),
    ]


def test_tiles_are_smaller_than_the_picture_whatever_came_before():
    assert next(plans(Plan(tile=512), "cpu", "decode", 512)) == Plan(tile=256)
    assert next(plans(Plan(), "cpu", "decode", 1344)) == Plan(tile=640)


def test_a_cpu_has_no_offload_to_fall_back_to():
    assert list(plans(Plan(batch=2), "cpu", "denoise")) == [Plan(batch=1)]
    assert list(plans(Plan(), "cpu", "decode", 128)) == []


@pytest.mark.parametrize(
    ("error", "out"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("MPS backend out of memory"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"), True),
        (MemoryError(), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("HIP out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`"), False),
        (RuntimeError("shape '[2]' is invalid"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_each_devices_way_to_say_that_memory_ran_out_is_known(error, out):
    assert ran_out(error) is out


def test_an_error_that_was_said_in_other_words_is_known_by_its_cause():
    said = OutOfMemory("Memory ran out while it was loading.")
    assert not ran_out(said)
    said.__cause__ = MemoryError()
    assert ran_out(said)


def test_what_is_tried_again_is_free_of_what_failed():
    held = []

    class Tensor: ...

    def attempt():
        tensor = Tensor()
        if not held:
            held.append(weakref.ref(tensor))
            raise torch.OutOfMemoryError("CUDA out of memory")
        assert held[0]() is None
        return "made"

    assert relieved(attempt, lambda: None) == "made"


@pytest.mark.skipif("cuda" in available(), reason="this machine has a CUDA device")
def test_a_device_that_is_not_there_is_refused_with_the_cure():
    with pytest.raises(InvalidSetting, match="cuda") as caught:
        Device.choose("cuda")
    assert "cpu" in caught.value.hint


def test_auto_takes_the_fastest_device_there_is():
    assert Device.choose("auto").kind == available()[0]
    assert Device.choose("cpu").kind == "cpu"


def test_a_cpu_computes_in_float32():
    from studio.families import FAMILIES

    assert {Device("cpu").dtype(family) for family in FAMILIES.values()} == {torch.float32}


def test_free_memory_is_part_of_all_memory():
    device = Device("cpu")
    assert 0 < device.free_bytes() <= device.total_bytes()
    assert Device("cpu", limit_bytes=1000).total_bytes() == 1000
