"""Which device is taken, what it can compute, and what of the computer's memory is free."""

import re
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

from studio import doctor
from studio.engine import device, ram
from studio.engine.device import Device, covers
from studio.errors import DeviceLost, InvalidSetting, OutOfMemory
from studio.families import FAMILIES
from studio.jobs.scheduler import HALTED
from studio.settings import Settings
from tests.engine.card import Card, pretend
from tests.engine.conftest import nobody

GB = 10**9
BUILT = ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "compute_120"]


@pytest.mark.parametrize(
    ("capability", "runs"),
    [
        ((6, 1), False),  # Pascal
        ((7, 0), False),  # Volta
        ((7, 5), True),
        ((8, 9), True),  # by the code for 8.6
        ((9, 0), True),
        ((11, 0), False),
        ((12, 1), True),  # compiled at its start
    ],
)
def test_a_card_that_torch_has_code_for_is_told_from_one_that_it_has_none_for(capability, runs):
    assert covers(BUILT, capability) is runs


def test_code_for_one_card_alone_runs_on_that_one_alone():
    assert covers(["sm_90a"], (9, 0))
    assert not covers(["sm_100a"], (10, 3))
    assert covers(["sm_100f"], (10, 3))
    assert covers([], (6, 1))


@pytest.fixture
def card(monkeypatch):
    """A card of a capability that torch sees; whether it computes, the real torch says: it does not."""

    def pretend(capability):
        for name, value in {
            "is_available": True,
            "get_device_name": "GeForce GTX 1080",
            "get_device_capability": capability,
            "get_arch_list": BUILT,
        }.items():
            monkeypatch.setattr(torch.cuda, name, lambda *_, value=value: value)

    return pretend


@pytest.mark.parametrize(("capability", "said"), [((6, 1), "sm_61"), ((8, 6), "does not compute")])
def test_a_card_that_cannot_compute_leaves_the_work_to_the_cpu_and_says_so(card, catalogue, capability, said):
    from studio.engine.manager import PipelineManager

    card(capability)
    chosen = Device.choose("auto")
    assert chosen.kind == "cpu"
    assert "GeForce GTX 1080" in chosen.note
    assert said in chosen.note
    manager = PipelineManager(catalogue, Settings(home=Path("nowhere")))
    assert manager.describe().endswith("It is not used.")
    with pytest.raises(InvalidSetting, match="GTX 1080") as caught:
        Device.choose("cuda")
    assert "torch" in caught.value.hint
    assert Device.choose("cpu") == Device("cpu")


@pytest.fixture
def intel(monkeypatch):
    """An Intel card that torch sees; what it computes, the CPU does."""

    def pretend(fault=None, tells_free=True):
        def info(*_):
            if not tells_free:
                raise RuntimeError("The device doesn't support querying the available free memory.")
            return 9 * GB, 16 * GB

        def work(place):
            if fault and place.type == "xpu":
                raise RuntimeError(fault)

        for name, value in {
            "is_available": lambda: True,
            "get_device_name": lambda *_: "Intel Arc B580",
            "mem_get_info": info,
            "memory_reserved": lambda *_: 2 * GB,
            "memory_allocated": lambda *_: 1 * GB,
            "get_device_properties": lambda *_: SimpleNamespace(total_memory=16 * GB),
            "is_bf16_supported": lambda *_: True,
        }.items():
            monkeypatch.setattr(torch.xpu, name, value)
        monkeypatch.setattr(device, "compute", work)

    return pretend


def test_an_intel_card_is_taken_and_what_it_has_is_told(intel):
    intel()
    chosen = Device.choose("auto")
    assert (chosen.kind, chosen.note, chosen.name) == ("xpu", "", "Intel Arc B580")
    assert (chosen.free_bytes(), chosen.total_bytes()) == (10 * GB, 16 * GB)
    assert chosen.dtype(FAMILIES["flux"]) is torch.bfloat16
    assert chosen.dtype(FAMILIES["sdxl"]) is torch.float16
    assert chosen.lost(raised("Native API failed: the device is lost"))
    (found,) = doctor._device(Settings(home=Path("nowhere")))
    assert found.sound
    assert found.found.startswith("Intel Arc B580 computes: 10.0 of 16.0 GB free")


def test_an_intel_card_whose_driver_does_not_tell_what_is_free_is_taken_to_have_what_torch_did_not_take(intel):
    intel(tells_free=False)
    assert (Device("xpu").free_bytes(), Device("xpu").total_bytes()) == (15 * GB, 16 * GB)


def test_an_intel_card_that_cannot_compute_leaves_the_work_to_the_cpu_and_says_so(intel):
    intel("level_zero backend failed with error: 45")
    chosen = Device.choose("auto")
    assert chosen.kind == "cpu"
    assert (
        chosen.note == "Intel Arc B580 does not compute: its driver or this build of torch is at fault. It is not used."
    )
    with pytest.raises(InvalidSetting, match="Arc B580 does not compute"):
        Device.choose("xpu")


@pytest.mark.parametrize(
    ("built", "said"),
    [
        ({"cuda": "13.0"}, "NVIDIA cards (CUDA 13.0)"),
        ({"hip": "7.2.0"}, "AMD cards (ROCm 7.2.0)"),
        ({"xpu": "20260000"}, "Intel cards (XPU)"),
        ({}, "the processor"),
    ],
)
def test_doctor_tells_what_torch_was_built_for(monkeypatch, tmp_path, built, said):
    for name in ("cuda", "hip", "xpu"):
        monkeypatch.setattr(torch.version, name, built.get(name), raising=False)
    monkeypatch.setattr(torch.backends.mps, "is_built", lambda: False)
    (found,) = (check for check in doctor.examine(Settings(home=tmp_path)) if check.name == "torch")
    assert found.sound
    number = torch.__version__.partition("+")[0]
    assert found.found == f"torch {number}, built for {said}"


def test_doctor_names_a_card_that_cannot_compute_with_its_cure(card):
    card((6, 1))
    found = {check.name: check for check in doctor._device(Settings(home=Path("nowhere")))}
    assert found["device"].sound
    assert "CPU computes" in found["device"].found
    assert "sm_61" in found["graphics card"].found
    assert "torch" in found["graphics card"].cure
    (alone,) = doctor._device(Settings(home=Path("nowhere"), device="cpu"))
    assert alone.sound


def test_doctor_lets_the_device_work(monkeypatch):
    def broken(*_):
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device")

    monkeypatch.setattr(device, "compute", broken)
    (found,) = doctor._device(Settings(home=Path("nowhere"), device="cpu"))
    assert found.found == "CPU does not compute: this build of torch does not support it."
    assert not found.sound


def group(folder: Path, names: ram.Version, limit: object, used: int = 0, cached: int = 0, shared: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names.limit).write_text(f"{limit}\n")
    (folder / names.used).write_text(f"{used}\n")
    half = cached // 2
    stat = {"active_file": half, "inactive_file": cached - half, "shmem": shared}
    lines = [f"{names.cached}{name} {count}" for name, count in stat.items()]
    # The first version counts its own part beside that of all below it.
    (folder / "memory.stat").write_text("\n".join([*lines, "cache 12345", "active_anon 777"]))


@pytest.fixture
def groups(monkeypatch, tmp_path):
    def pretend(membership: str) -> Path:
        (tmp_path / "membership").write_text(membership)
        monkeypatch.setattr(ram, "MEMBERSHIP", tmp_path / "membership")
        monkeypatch.setattr(ram, "GROUPS", tmp_path / "groups")
        return tmp_path / "groups"

    real = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: real._replace(total=64 * GB, available=60 * GB))
    return pretend


@pytest.mark.parametrize(
    ("membership", "names", "mount"),
    [("0::/\n", ram.SECOND, ""), ("3:cpu:/\n5:memory:/docker/abc\n0::/\n", ram.FIRST, "memory")],
)
def test_a_containers_limit_counts_and_what_it_read_from_files_does_not(groups, membership, names, mount):
    group(groups(membership) / mount, names, 8 * GB, used=7 * GB, cached=5 * GB)
    assert ram.total_bytes() == Device("cpu").total_bytes() == 8 * GB
    assert ram.free_bytes() == Device("cpu").free_bytes() == 6 * GB


def test_every_group_above_a_process_bounds_it(groups):
    top = groups("0::/user.slice/studio.service\n")
    group(top, ram.SECOND, "max", used=30 * GB)
    group(top / "user.slice", ram.SECOND, 10 * GB, used=9 * GB)
    group(top / "user.slice" / "studio.service", ram.SECOND, 4 * GB, used=2 * GB, shared=GB)
    assert ram.total_bytes() == 4 * GB
    assert ram.free_bytes() == 1 * GB


@pytest.mark.parametrize("limit", ["max", 9223372036854771712])
def test_without_a_limit_all_of_the_machine_counts(groups, limit):
    top = groups("0::/\n1:memory:/\n")
    group(top, ram.SECOND, "max", used=30 * GB)
    group(top / "memory", ram.FIRST, limit, used=30 * GB)
    assert (ram.total_bytes(), ram.free_bytes()) == (64 * GB, 60 * GB)


def test_a_machine_without_control_groups_is_taken_as_it_is(groups):
    groups("").joinpath("gone").unlink(missing_ok=True)
    assert (ram.total_bytes(), ram.free_bytes()) == (64 * GB, 60 * GB)


ILLEGAL = "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be asynchronously reported"
STICKY = (
    ILLEGAL,
    "CUDA error: device-side assert triggered",
    "CUDA error: unspecified launch failure",
    "CUDA error: the launch timed out and was terminated",
    "CUDA error: uncorrectable ECC error encountered",
    "CUDA error: misaligned address",
    "HIP error: an illegal memory access was encountered",
)


def raised(words: str, cause: BaseException | None = None) -> BaseException:
    error = RuntimeError(words)
    error.__cause__ = cause
    return error


def breaks(words: str):
    def work(*_):
        raise RuntimeError(words)

    return work


@pytest.mark.parametrize("words", STICKY)
def test_a_card_that_answers_nothing_any_more_is_known_by_its_words(monkeypatch, words):
    monkeypatch.setattr(device, "compute", lambda _: None)
    told = Device("cuda").lost(raised(words))
    assert re.fullmatch(r"CUDA failed: (a computation|its hardware|it was) .* \([a-z -]+\)\.", told)
    wrapped = OutOfMemory("It cannot be loaded.")
    wrapped.__cause__ = raised(words)
    assert Device("cuda").lost(wrapped)
    assert Device("cpu").lost(raised(words)) is None


def test_a_card_is_asked_to_work_where_the_words_say_nothing(monkeypatch):
    strange = raised("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED")
    monkeypatch.setattr(device, "compute", lambda _: None)
    assert Device("cuda").lost(strange) is None
    monkeypatch.setattr(device, "compute", breaks("CUDA error: unknown error"))
    assert Device("cuda").lost(strange) == "CUDA failed: its driver or this build of torch is at fault."
    monkeypatch.setattr(device, "compute", breaks("CUDA error: out of memory"))
    assert Device("cuda").lost(strange) is None


def test_what_the_studio_refuses_itself_says_nothing_of_the_card(monkeypatch):
    monkeypatch.setattr(device, "compute", breaks("never asked"))
    assert Device("cuda").lost(OutOfMemory("No room.")) is None


def test_a_backend_asks_nothing_more_of_a_card_that_was_lost(monkeypatch, settings, catalogue, recipe):
    from studio.backends.local import LocalBackend
    from studio.engine.manager import PipelineManager

    pretend(monkeypatch, Card())
    backend = LocalBackend(settings, catalogue)
    backend._manager = PipelineManager(catalogue, settings, device=Device("cuda"))
    list(backend.generate([recipe("starter")], nobody))
    calls = []

    def meet(*_):
        calls.append("asked")
        raise torch.AcceleratorError(ILLEGAL)

    with backend._manager.borrow(catalogue["tiny-starter"]) as lease:
        lease.pipe.unet.register_forward_pre_hook(meet)
    for _ in range(3):
        with pytest.raises(DeviceLost, match="illegal memory access") as caught:
            list(backend.generate([recipe("starter")], nobody))
        assert "Start the studio again" in caught.value.hint
    assert calls == ["asked"]
    assert "illegal memory access" in backend.describe()
    with pytest.raises(DeviceLost):
        backend.warm("tiny-starter")
    backend.close()


def test_doctor_says_why_a_studio_runs_no_more_jobs(tmp_path):
    assert list(doctor._halted(tmp_path)) == []
    (tmp_path / HALTED).write_text("CUDA failed. Start the studio again.")
    (found,) = doctor._halted(tmp_path)
    assert "CUDA failed" in found.found
    assert not found.sound
