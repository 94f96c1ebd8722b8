"""The device that models run on: which one there is, its number format, its memory."""

import gc
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from studio import hf_space
from studio.engine import faults, ram
from studio.errors import InvalidSetting
from studio.families.base import Family
from studio.settings import Settings

Kind = Literal["cuda", "xpu", "mps", "cpu"]
# What computes on a chip of its own, with memory of its own that torch counts alike.
CARDS: tuple[Kind, ...] = ("cuda", "xpu")
Precision = Literal["auto", "float32", "float16", "bfloat16"]

log = logging.getLogger(__name__)

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
    def choose(
        cls,
        wanted: Literal["auto", "cuda", "xpu", "mps", "cpu"],
        precision: Precision = "auto",
        limit_bytes: int | None = None,
    ) -> "Device":
        """The wanted device, or the fastest one where it is "auto"; InvalidSetting where it is not there."""
        kinds = CARDS if wanted == "auto" else [kind for kind in CARDS if kind == wanted]
        faults = {kind: fault for kind in kinds if (fault := card_fault(kind))}
        if wanted in faults:
            raise InvalidSetting(faults[wanted], BUILD)
        there = [kind for kind in available() if kind not in faults]
        if wanted == "auto":
            note = " ".join(f"{fault} It is not used." for fault in faults.values())
            return cls(there[0], limit_bytes, note, precision)
        if wanted not in there:
            raise InvalidSetting(
                f"The device {wanted!r} is not available on this machine.",
                f"Set the device to {' or '.join(there)}, or to auto; for a GPU, install a torch built for it.",
            )
        return cls(wanted, limit_bytes, precision=precision)

    @classmethod
    def of(cls, settings: Settings) -> "Device":
        """The device that the settings name, and as much of its memory: torch itself refuses more, as a smaller card
        would.
        """
        limit = int(settings.memory_gb * ram.GIGABYTE) if settings.memory_gb else None
        chosen = cls.choose(settings.device, settings.precision, limit)
        if limit and chosen.kind in CARDS:
            share = min(1.0, limit / _memory(chosen.kind)[1])
            _module(chosen.kind).memory.set_per_process_memory_fraction(share)
        return chosen

    @property
    def torch_device(self) -> torch.device:
        """What torch calls it."""
        return torch.device(self.kind)

    @property
    def name(self) -> str:
        """What a person calls it, such as "NVIDIA A10"."""
        if self.kind in CARDS:
            return str(_module(self.kind).get_device_name())
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
        if family.process == "flow" and (self.kind == "mps" or _module(self.kind).is_bf16_supported(NATIVE)):
            return torch.bfloat16
        return torch.float16

    @property
    def has_graphs(self) -> bool:
        """Whether what is launched on it can be captured as CUDA graphs."""
        return self.kind == "cuda" and torch.version.hip is None

    def holds(self, part: torch.nn.Module) -> bool:
        """Whether all weights of a module are on it."""
        return all(weight.device.type == self.kind for weight in part.parameters())

    def lost(self, error: BaseException) -> str | None:
        """What is said of a card that does nothing more for this process after an error; None where it still works.

        An error names the fault of whatever ran before it, so a card is asked to work where its words say nothing.
        """
        messages = [str(one) for one in _chain(error) if isinstance(one, RuntimeError)]
        if self.kind == "cpu" or not messages:
            return None
        if fault := faults.lost(messages) or self._refusal():
            log.error("%s failed: %s", self.kind.upper(), messages[0])
            return f"{self.kind.upper()} failed: {fault}."
        return None

    def _refusal(self) -> str | None:
        """Why it does no work; memory that is full is none."""
        try:
            compute(self.torch_device)
        except torch.OutOfMemoryError:
            return None
        except RuntimeError as error:
            return None if "out of memory" in str(error) else faults.idle(error)
        return None

    def total_bytes(self) -> int:
        """All memory of the device."""
        if self.kind in CARDS:
            total = _memory(self.kind)[1]
        elif self.kind == "mps":
            total = torch.mps.recommended_max_memory()
        else:
            total = ram.total_bytes()
        return min(total, self.limit_bytes or total)

    def free_bytes(self) -> int:
        """What can be had now, with what torch keeps in reserve."""
        if self.kind in CARDS:
            card = _module(self.kind)
            free = _memory(self.kind)[0] + int(card.memory_reserved() - card.memory_allocated())
        elif self.kind == "mps":
            free = torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
        else:
            free = ram.free_bytes()
        return max(0, min(free, self.limit_bytes or free))

    def release(self) -> None:
        """Give back what nobody holds any more; torch's reserve outlives the tensors."""
        gc.collect()
        if self.kind != "cpu":
            _module(self.kind).empty_cache()


def torch_build() -> str:
    """Which torch is installed, and what it was built for: "torch 2.14.1, built for NVIDIA cards (CUDA 13.0)"."""
    number, built = str(torch.__version__).partition("+")[0], "the processor"
    if hip := torch.version.hip:
        built = f"AMD cards (ROCm {hip})"
    elif cuda := torch.version.cuda:
        built = f"NVIDIA cards (CUDA {cuda})"
    elif getattr(torch.version, "xpu", None):
        built = "Intel cards (XPU)"
    elif torch.backends.mps.is_built():
        built = "Apple's GPUs"
    return f"torch {number}, built for {built}"


def available() -> list[Kind]:
    """The devices of this machine, fastest first."""
    kinds: list[Kind] = []
    kinds += [kind for kind in CARDS if _module(kind).is_available()]
    if torch.backends.mps.is_available():
        kinds.append("mps")
    return [*kinds, "cpu"]


def card_fault(kind: Kind) -> str | None:
    """Why torch cannot compute on the graphics card of this kind that it sees; None where it can, or sees none."""
    if not _module(kind).is_available() or hf_space.has_zero_gpu():  # where a card is lent only later
        return None
    name = _module(kind).get_device_name()
    if kind == "cuda" and (lacking := _without_code(name)):
        return lacking
    try:
        compute(torch.device(kind))
    except RuntimeError as error:
        return f"{name} does not compute: {faults.idle(error)}."
    return None


def _without_code(name: str) -> str | None:
    """What is said of an NVIDIA card that this torch has no code for; None where it has."""
    built, (major, minor) = torch.cuda.get_arch_list(), torch.cuda.get_device_capability()
    if torch.version.hip is not None or covers(built, (major, minor)):
        return None
    card = f"{name} (sm_{major}{minor})"
    return f"This build of torch does not support {card}: it is made for {', '.join(built)}."


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


def _module(kind: Kind) -> Any:
    """What torch has for a kind of device, such as `torch.xpu`."""
    return getattr(torch, kind)


def _memory(kind: Kind) -> tuple[int, int]:
    """Free and total bytes of a card; where its driver does not tell what is free, what torch has not taken."""
    card = _module(kind)
    try:
        free, total = card.mem_get_info()
    except RuntimeError:
        if kind != "xpu":
            raise
        total = card.get_device_properties().total_memory
        free = total - card.memory_reserved()
    return int(free), int(total)


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
