"""What stays off the device between its turns, and what to try when memory runs out; decisions, in words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch

from studio.engine.device import Kind

Offload = Literal["none", "model", "sequential"]
# What is running when memory ends; "edit" reads pictures before it denoises.
Stage = Literal["denoise", "edit", "decode"]

# What one image takes beside the weights while it is denoised and decoded, in bytes a pixel at two bytes a number:
# the widest layers of a VAE's decoder at full size, read and written.
WORKING_BYTES_PER_PIXEL = 2_500
# Weights stored in two bytes a number take four on a CPU, and loading needs room to breathe.
LOADING_FACTOR = 2.5
BATCH_LIMIT: Mapping[Kind, int] = {"cuda": 8, "mps": 4, "cpu": 4}
GIGABYTE = 1e9


@dataclass(frozen=True)
class Plan:
    """How a model uses the device. `batch` images are denoised at once; `tiling` takes large ones through the VAE in
    pieces.
    """

    offload: Offload = "none"
    batch: int = 1
    tiling: bool = False


def choose_offload(parts: Mapping[str, int], working: int, free: int, kind: Kind) -> Offload:
    """What a model of `parts` (bytes by name) has to keep off a device with `free` bytes and `working` for images."""
    if kind == "cpu" or sum(parts.values()) + working <= free:
        return "none"
    return "model" if max(parts.values(), default=0) + working <= free else "sequential"


def words(offload: Offload, parts: Mapping[str, int], free: int) -> str:
    """The policy as a person reads it."""
    whole, largest = sum(parts.values()) / GIGABYTE, max(parts.values(), default=0) / GIGABYTE
    room = free / GIGABYTE
    if offload == "none":
        return f"fits: {whole:.1f} of {room:.1f} GB"
    if offload == "model":
        return f"offloads between its parts: the largest takes {largest:.1f} of {room:.1f} GB, all {whole:.1f}"
    return f"streams layer by layer, slowly: {whole:.1f} GB through {room:.1f} GB"


def working_bytes(width: int, height: int, bytes_per_number: int) -> int:
    """What one image of this size takes beside the weights, roughly."""
    return width * height * WORKING_BYTES_PER_PIXEL * bytes_per_number // 2


def batch_size(width: int, height: int, bytes_per_number: int, free: int, kind: Kind) -> int:
    """How many images of this size are denoised at once; at least one."""
    return max(1, min(BATCH_LIMIT[kind], free // working_bytes(width, height, bytes_per_number)))


def relieve(plan: Plan, kind: Kind, stage: Stage) -> tuple[Plan, str] | None:
    """The next smaller plan after memory ran out in `stage`, and what it changes in words; None where none is left.

    Images are decoded one at a time, so a smaller batch helps while denoising only, and tiles where the VAE runs only.
    """
    if stage != "decode" and plan.batch > 1:
        smaller = plan.batch // 2
        return replace(plan, batch=smaller), f"Memory ran out; making {smaller} at a time."
    if stage != "denoise" and not plan.tiling:
        doing = "decoding" if stage == "decode" else "reading"
        return replace(plan, tiling=True), f"Memory ran out; {doing} the image in tiles."
    if kind == "cpu" or plan.offload == "sequential":
        return None
    if plan.offload == "none":
        return replace(plan, offload="model"), "Memory ran out; keeping the model's parts off the device between turns."
    return replace(plan, offload="sequential"), "Memory ran out; streaming the model layer by layer, which is slow."


def bytes_of(part: torch.nn.Module) -> int:
    """What the weights of a part take."""
    return sum(tensor.nbytes for tensor in [*part.parameters(), *part.buffers()])


def ran_out(error: BaseException) -> bool:
    """Whether an error says that memory ran out; a CPU and an Apple GPU say so in a plain RuntimeError."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and bool(re.search(r"out of memory|DefaultCPUAllocator", str(error)))
