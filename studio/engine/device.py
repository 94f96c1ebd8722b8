"""The device that models run on: which one there is, its number format, its memory."""

import gc
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil
import torch

from studio.errors import DeviceError
from studio.families.base import Family

Kind = Literal["cuda", "mps", "cpu"]

CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
CGROUP_USED = Path("/sys/fs/cgroup/memory.current")


@dataclass(frozen=True)
class Device:
    """Where models run. `limit_bytes` makes its memory smaller than it is; None takes all there is."""

    kind: Kind
    limit_bytes: int | None = None

    @classmethod
    def choose(cls, wanted: Literal["auto", "cuda", "mps", "cpu"]) -> "Device":
        """The wanted device, or the fastest one where it is "auto"; DeviceError where it is not there."""
        there = available()
        if wanted == "auto":
            return cls(there[0])
        if wanted not in there:
            raise DeviceError(
                f"The device {wanted!r} is not available on this machine.",
                f"Set the device to {' or '.join(there)}, or to auto; for a GPU, install a torch built for it.",
            )
        return cls(wanted)

    @property
    def torch_device(self) -> torch.device:
        """What torch calls it."""
        return torch.device(self.kind)

    @property
    def name(self) -> str:
        """What a person calls it, such as "NVIDIA A10"."""
        if self.kind == "cuda":
            return torch.cuda.get_device_name()
        return {"mps": "Apple GPU", "cpu": "CPU"}[self.kind]

    def dtype(self, family: Family) -> torch.dtype:
        """The number format a family runs in here.

        On a CPU without matrix units bfloat16 takes 12 times as long as float32. On a GPU the UNets were trained for
        float16, while flow transformers overflow it.
        """
        if self.kind == "cpu":
            return torch.float32
        if family.process == "flow" and (self.kind == "mps" or torch.cuda.is_bf16_supported()):
            return torch.bfloat16
        return torch.float16 if family.process == "diffusion" else torch.float32

    def total_bytes(self) -> int:
        """All memory of the device."""
        if self.kind == "cuda":
            total = torch.cuda.mem_get_info()[1]
        elif self.kind == "mps":
            total = torch.mps.recommended_max_memory()
        else:
            total = min(psutil.virtual_memory().total, _container_limit())
        return min(total, self.limit_bytes or total)

    def free_bytes(self) -> int:
        """What can be had now, with what torch keeps in reserve."""
        if self.kind == "cuda":
            reserve = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
            free = torch.cuda.mem_get_info()[0] + reserve
        elif self.kind == "mps":
            free = torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
        else:
            free = min(psutil.virtual_memory().available, _container_free())
        return max(0, min(free, self.limit_bytes or free))

    def release(self) -> None:
        """Give back what nobody holds any more; torch's reserve outlives the tensors."""
        gc.collect()
        if self.kind == "cuda":
            torch.cuda.empty_cache()
        elif self.kind == "mps":
            torch.mps.empty_cache()


def available() -> list[Kind]:
    """The devices of this machine, fastest first."""
    kinds: list[Kind] = []
    if torch.cuda.is_available():
        kinds.append("cuda")
    if torch.backends.mps.is_available():
        kinds.append("mps")
    return [*kinds, "cpu"]


def _container_limit() -> int:
    """What a container may use: psutil sees the whole machine."""
    try:
        return int(CGROUP_LIMIT.read_text())
    except (OSError, ValueError):
        return 2**63


def _container_free() -> int:
    try:
        return _container_limit() - int(CGROUP_USED.read_text())
    except (OSError, ValueError):
        return 2**63
