"""What torch and the model libraries say of their insides is told in the studio's words."""

import json
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file, save_file

from studio.backends.zerogpu import refusal
from studio.engine import faults
from studio.engine.loading import FOREIGN as FOREIGN_KINDS
from studio.errors import DeviceFailed, QuotaExceeded
from tests.test_foreign_words import FOREIGN


def part(folder: Path) -> Path:
    AutoencoderKL(block_out_channels=(4,), norm_num_groups=2, latent_channels=2).save_pretrained(folder)
    return folder


def other_sizes(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "latent_channels": 3}))


def cut_off(folder: Path) -> None:
    (path,) = folder.glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-200])


def no_weights(folder: Path) -> None:
    (path,) = folder.glob("*.safetensors")
    path.unlink()


def no_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (other_sizes, "its weights have other sizes than its config says"),
        (cut_off, "a file of its weights is damaged"),
        (no_weights, "one of its files is missing"),
        (no_json, "one of its configs is damaged, or is for something else"),
    ],
)
def test_what_diffusers_cannot_load_is_told_in_the_studio_s_words(tmp_path: Path, harm, words: str) -> None:
    harm(part(tmp_path))
    with pytest.raises(FOREIGN_KINDS) as caught:
        AutoencoderKL.from_pretrained(tmp_path, local_files_only=True, use_safetensors=True)
    told = faults.unloadable(caught.value)
    assert told == words
    assert not [one for one in FOREIGN if one in told]


def test_tensors_that_do_not_fit_a_network_are_told_so(tmp_path: Path) -> None:
    part(tmp_path)
    (path,) = tmp_path.glob("*.safetensors")
    tensors = {name: tensor[:1] for name, tensor in load_file(path).items()}
    save_file({name: tensor.clone() for name, tensor in tensors.items()}, path)
    network = AutoencoderKL(block_out_channels=(4,), norm_num_groups=2, latent_channels=2)
    with pytest.raises(RuntimeError, match="size mismatch") as caught:
        network.load_state_dict(load_file(path))
    assert faults.unloadable(caught.value) == "its weights have other sizes than its config says"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("CUDA error: no kernel image is available for execution on the device", "does not support it"),
        ("The NVIDIA driver on your system is too old (found version 11040).", "driver does not fit"),
        ("CUDA error: all CUDA-capable devices are busy or unavailable", "another program holds it"),
        ("CUDA error: device-side assert triggered", "(device-side assert)"),
        ("Torch is not able to use the GPU", "its driver or this build of torch is at fault"),
    ],
)
def test_a_device_that_does_not_compute_says_why(said: str, told: str) -> None:
    words = faults.idle(RuntimeError(said))
    assert told in words
    assert "CUDA error" not in words


@pytest.mark.parametrize(
    ("title", "said", "kind", "told"),
    [
        (
            "ZeroGPU quota exceeded",
            "You have exceeded your free ZeroGPU quota (60s requested vs. 23s left). Try again in 3:20:11. Subscribe",
            QuotaExceeded,
            "used up: 60 seconds are asked for, 23 are left; there is more in 3:20:11.",
        ),
        (
            "ZeroGPU quota exceeded",
            "Space app has reached its GPU limit. Try re-running",
            QuotaExceeded,
            "used up.",
        ),
        ("ZeroGPU worker error", "GPU task aborted", DeviceFailed, "The call on ZeroGPU was cut off."),
        ("A new title", "Something (RuntimeError)", DeviceFailed, "ZeroGPU does not take this call."),
    ],
)
def test_what_zerogpu_refuses_is_told_with_its_figures(title: str, said: str, kind: type, told: str) -> None:
    error = refusal(title, said)
    assert type(error) is kind
    assert error.message.endswith(told)
    assert error.hint
    assert "Subscribe" not in str(error)


def test_running_out_of_memory_is_no_lost_card() -> None:
    assert faults.lost([str(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))]) is None
