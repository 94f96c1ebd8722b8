"""What stays off the device between its turns, and what to try when memory runs out; decisions, in words."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import torch

from studio.engine.device import Kind
from studio.engine.ram import GIGABYTE
from studio.errors import DeviceError

T = TypeVar("T")

Offload = Literal["none", "model", "sequential"]
# What is running when memory ends; "edit" reads pictures before it denoises.
Phase = Literal["denoise", "edit", "decode"]

# What one image takes beside the weights, in bytes a pixel at two bytes a number: the tensors that are there at once,
# counted layer by layer (denoising with guidance 320 to 520, decoding 1536), and room for what convolutions work with.
DENOISING_BYTES_PER_PIXEL = 900
DECODING_BYTES_PER_PIXEL = 2_500
# Padding of the VAE's tiles in pixels: the smallest, and what all are a multiple of.
SMALLEST_TILE = 128
TILE_STEP = 64
# Whose allocations fail beside torch's own: the libraries of CUDA and ROCm, in words of their own.
RAN_OUT = re.compile(
    r"out of memory|DefaultCPUAllocator|ALLOC(ATION)?_FAILED|CU(BLAS|DNN)_STATUS_NOT_INITIALIZED|CUDACachingAllocator",
    re.IGNORECASE,
)
BATCH_LIMIT: Mapping[Kind, int] = {"cuda": 8, "xpu": 8, "mps": 4, "cpu": 4}


@dataclass(frozen=True)
class Plan:
    """How a model uses the device. `batch` images are denoised at once; those larger than `tile` pixels go through the
    VAE in such tiles, all at once where it is None.
    """

    offload: Offload = "none"
    batch: int = 1
    tile: int | None = None


def choose_offload(parts: Mapping[str, int], denoising: int, decoding: int, free: int, kind: Kind) -> Offload:
    """What a model of `parts` (bytes by name) has to keep off a device with `free` bytes, where an image takes
    `denoising` and then `decoding` bytes beside them.

    A decode beside the VAE alone takes the same however the rest is offloaded.
    """
    if kind == "cpu" or sum(parts.values()) + max(denoising, decoding) <= free:
        return "none"
    return "model" if max(parts.values(), default=0) + denoising <= free else "sequential"


def farther(offload: Offload, kind: Kind) -> Offload | None:
    """What keeps more off a device of this kind; None where nothing does."""
    if kind == "cpu" or offload == "sequential":
        return None
    return "model" if offload == "none" else "sequential"


def words(offload: Offload, parts: Mapping[str, int], free: int) -> str:
    """The policy as a person reads it."""
    whole, largest, room = map(_gigabytes, (sum(parts.values()), max(parts.values(), default=0), free))
    if offload == "none":
        return f"fits: {whole} of {room} GB"
    if offload == "model":
        return f"offloads between its parts: the largest takes {largest} of {room} GB, all {whole}"
    return f"streams layer by layer, slowly: {whole} GB through {room} GB"


def _gigabytes(size_bytes: int) -> str:
    return f"{size_bytes / GIGABYTE:.1f}" if size_bytes > 0.05 * GIGABYTE else "under 0.1"


def denoising_bytes(width: int, height: int, bytes_per_number: int) -> int:
    """What one image of this size takes beside the weights while it is denoised, roughly."""
    return width * height * DENOISING_BYTES_PER_PIXEL * bytes_per_number // 2


def decoding_bytes(width: int, height: int, bytes_per_number: int) -> int:
    """The same while it is decoded."""
    return width * height * DECODING_BYTES_PER_PIXEL * bytes_per_number // 2


def batch_size(width: int, height: int, bytes_per_number: int, free: int, kind: Kind) -> int:
    """How many images of this size are denoised at once; at least one."""
    return max(1, min(BATCH_LIMIT[kind], free // denoising_bytes(width, height, bytes_per_number)))


def relieve(plan: Plan, kind: Kind, stage: Phase, side: int) -> tuple[Plan, str] | None:
    """The next smaller plan after memory ran out in `stage`, and what it changes in words; None where none is left.

    `side` is the longer one of the image, in pixels. Images are decoded one at a time, so a smaller batch helps while
    denoising only, and tiles where the VAE runs only.
    """
    if stage != "decode" and plan.batch > 1:
        smaller = plan.batch // 2
        return replace(plan, batch=smaller), f"Memory ran out; making {smaller} at a time."
    tile = min(plan.tile or side, side) // 2 // TILE_STEP * TILE_STEP
    if stage != "denoise" and tile >= SMALLEST_TILE:
        doing = "decoding" if stage == "decode" else "reading"
        return replace(plan, tile=tile), f"Memory ran out; {doing} the image in tiles of {tile} pixels."
    offload = farther(plan.offload, kind)
    if offload is None:
        return None
    doing = "keeping the model's parts off the device between turns"
    if offload == "sequential":
        doing = "streaming the model layer by layer, which is slow"
    return replace(plan, offload=offload), f"Memory ran out; {doing}."


def relieved(attempt: Callable[[], T], ease: Callable[[], None]) -> T:
    """What `attempt` returns; each time that memory runs out in it, `ease` has less asked of it, or raises."""
    while True:
        try:
            return attempt()
        except (RuntimeError, MemoryError, DeviceError) as error:
            if not ran_out(error):
                raise
        # Behind the handler, where the error no longer holds the frames that hold the tensors.
        ease()


def bytes_of(part: torch.nn.Module) -> int:
    """What the weights of a part take."""
    return sum(tensor.nbytes for tensor in [*part.parameters(), *part.buffers()])


def ran_out(error: BaseException | None) -> bool:
    """Whether an error says that memory ran out, or was raised because of one that does.

    A CPU, an Apple GPU and the libraries of a card say so in a plain RuntimeError.
    """
    if isinstance(error, DeviceError):
        return ran_out(error.__cause__)
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and bool(RAN_OUT.search(str(error)))
