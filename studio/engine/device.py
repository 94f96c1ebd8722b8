"""The device that models run on: which one there is, its number format, its memory."""

import gc
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from studio import space
from studio.engine import ram
from studio.errors import InvalidSetting
from studio.families.base import Family

Kind = Literal["cuda", "mps", "cpu"]
Precision = Literal["auto", "float32", "float16", "bfloat16"]

# After these a card answers nothing any more to the process that met them.
STICKY = re.compile(
    r"illegal (memory access|address|instruction)|device-side assert|launch (failure|timed out)|uncorrectable|"
    r"hardware stack error|misaligned address|invalid program counter|context is destroyed|device is lost|fallen off",
    re.IGNORECASE,
)
PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
# What torch is asked for: not whether a card can do bfloat16 somehow.
NATIVE = False
BUILD = "Install a build of torch for this card (pytorch.org lists them), or set the device to cpu."


@dataclass(frozen=True)
class Device:
    """Where models run. `limit_bytes` makes its memory smaller than it is; None takes all there is.

    `note` says why it is not a faster one that the machine has; `precision` is the number format of all families,
    "auto" what suits each.
    """

    kind: Kind
    limit_bytes: int | None = None
    note: str = ""
    precision: Precision = "auto"

    @classmethod
    def choose(cls, wanted: Literal["auto", "cuda", "mps", "cpu"], precision: Precision = "auto") -> "Device":
        """The wanted device, or the fastest one where it is "auto"; DeviceError where it is not there."""
        there, fault = available(), card_fault()
        if fault and wanted in ("auto", "cuda"):
            there.remove("cuda")
            if wanted == "cuda":
                raise InvalidSetting(fault, BUILD)
        if wanted == "auto":
            return cls(there[0], note=f"{fault} It is not used." if fault else "", precision=precision)
        if wanted not in there:
            raise InvalidSetting(
                f"The device {wanted!r} is not available on this machine.",
                f"Set the device to {' or '.join(there)}, or to auto; for a GPU, install a torch built for it.",
            )
        return cls(wanted, precision=precision)

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
        float16, while flow transformers can overflow it; a card older than Ampere emulates bfloat16, many times slower.
        """
        if self.precision != "auto":
            return PRECISIONS[self.precision]
        if self.kind == "cpu":
            return torch.float32
        if family.process == "flow" and (self.kind == "mps" or torch.cuda.is_bf16_supported(NATIVE)):
            return torch.bfloat16
        return torch.float16

    def holds(self, part: torch.nn.Module) -> bool:
        """Whether all weights of a module are on it."""
        return all(weight.device.type == self.kind for weight in part.parameters())

    def lost(self, error: BaseException) -> str | None:
        """What is said of a card that does nothing more for this process after an error; None where it still works.

        An error names the fault of whatever ran before it, so a card is asked to work where its words say nothing.
        """
        said = [str(one) for one in _chain(error) if isinstance(one, RuntimeError)]
        if self.kind == "cpu" or not said:
            return None
        fault = next((words for words in said if STICKY.search(words)), None) or self._refusal()
        return f"{self.kind.upper()} failed: {fault.strip().splitlines()[0].rstrip('.')}." if fault else None

    def _refusal(self) -> str | None:
        """Why it does no work; memory that is full is none."""
        try:
            compute(self.torch_device)
        except torch.OutOfMemoryError:
            return None
        except RuntimeError as error:
            return None if "out of memory" in str(error) else str(error)
        return None

    def total_bytes(self) -> int:
        """All memory of the device."""
        if self.kind == "cuda":
            total = torch.cuda.mem_get_info()[1]
        elif self.kind == "mps":
            total = torch.mps.recommended_max_memory()
        else:
            total = ram.total_bytes()
        return min(total, self.limit_bytes or total)

    def free_bytes(self) -> int:
        """What can be had now, with what torch keeps in reserve."""
        if self.kind == "cuda":
            reserve = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
            free = torch.cuda.mem_get_info()[0] + reserve
        elif self.kind == "mps":
            free = torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
        else:
            free = ram.free_bytes()
        return max(0, min(free, self.limit_bytes or free))

    def release(self) -> None:
        """Give back what nobody holds any more; torch's reserve outlives the tensors."""
        gc.collect()
        if self.kind == "cuda":
            torch.cuda.empty_cache()
        elif self.kind == "mps":
            torch.mps.empty_cache()


def torch_build() -> str:
    """Which torch is installed, and what it was built for: "torch 2.14.1, built for NVIDIA cards (CUDA 13.0)"."""
    number, built = str(torch.__version__).partition("+")[0], "the processor"
    if hip := torch.version.hip:
        built = f"AMD cards (ROCm {hip})"
    elif cuda := torch.version.cuda:
        built = f"NVIDIA cards (CUDA {cuda})"
    elif getattr(torch.version, "xpu", None):
        built = "Intel cards (XPU), which the studio does not use: it computes on the processor"
    elif torch.backends.mps.is_built():
        built = "Apple's GPUs"
    return f"torch {number}, built for {built}"


def available() -> list[Kind]:
    """The devices of this machine, fastest first."""
    kinds: list[Kind] = []
    if torch.cuda.is_available():
        kinds.append("cuda")
    if torch.backends.mps.is_available():
        kinds.append("mps")
    return [*kinds, "cpu"]


def card_fault() -> str | None:
    """Why torch cannot compute on the graphics card that it sees; None where it can, or sees none."""
    if not torch.cuda.is_available() or space.has_zero_gpu():  # where a card is lent only later
        return None
    name, built = torch.cuda.get_device_name(), torch.cuda.get_arch_list()
    major, minor = torch.cuda.get_device_capability()
    if torch.version.hip is None and not covers(built, (major, minor)):
        card = f"{name} (sm_{major}{minor})"
        return f"This torch has nothing that runs on {card}: it is built for {', '.join(built)}."
    try:
        compute(torch.device("cuda"))
    except RuntimeError as error:
        return f"{name} does not compute: {str(error).strip().splitlines()[0].rstrip('.')}."
    return None


def covers(built: Sequence[str], capability: tuple[int, int]) -> bool:
    """Whether code that is built for some architectures of CUDA runs on a card of this capability.

    Machine code (sm_86) runs on cards of its generation that are not older, an "a" at its end binds it to the one card;
    what is to be compiled at its start (compute_90) runs on every later one. An empty list says nothing.
    """
    for arch in built:
        found = re.fullmatch(r"(sm|compute)_(\d+)(\d)([af]?)", arch)
        if found is None:
            continue
        kind, major, minor, only = found[1], int(found[2]), int(found[3]), found[4]
        if only == "a":
            runs = capability == (major, minor)
        elif kind == "compute" and not only:
            runs = capability >= (major, minor)
        else:
            runs = capability[0] == major and capability[1] >= minor
        if runs:
            return True
    return not built


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that it came of."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def compute(place: torch.device) -> None:
    """Let a device do the work of a layer, and wait for the answer; RuntimeError where it cannot."""
    image, kernel = torch.ones(1, 4, 8, 8, device=place), torch.ones(4, 4, 3, 3, device=place)
    filtered = torch.nn.functional.conv2d(image, kernel)
    (filtered @ filtered.mT).sum().item()
