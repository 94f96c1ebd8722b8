"""Several processes that train one network, each on pictures of its own; torchrun begins them, else there is one."""

import os
from collections.abc import Iterable, Sequence
from datetime import timedelta

import torch
from torch import Tensor, distributed

# A pause is no failure, however long.
PATIENCE = timedelta(days=30)
# So many seeds are each process's own.
SEEDS = 2**36


def join() -> None:
    """Meet the others that were begun together with this process, if there are any."""
    if "LOCAL_RANK" in os.environ and not distributed.is_initialized():
        distributed.init_process_group("gloo", timeout=PATIENCE)


def number() -> int:
    """Which of the processes this is; the first, 0, saves and reports."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def count() -> int:
    """How many processes there are."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def any_of(flag: bool) -> bool:
    """Whether any process says so; each waits here for all."""
    if count() == 1:
        return flag
    said = torch.tensor(int(flag))
    distributed.all_reduce(said, distributed.ReduceOp.MAX)
    return bool(said)


def share(tensors: Iterable[Tensor]) -> None:
    """Give all processes what the first has, in place."""
    if count() > 1:
        for tensor in tensors:
            distributed.broadcast(tensor, 0)


def average(tensors: Sequence[Tensor]) -> None:
    """Put the average over all processes in the place of each tensor."""
    if count() == 1:
        return
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    distributed.all_reduce(flat)
    flat /= count()
    torch._foreach_copy_(list(tensors), [part.view_as(one) for part, one in _parted(flat, tensors)])


def _parted(flat: Tensor, like: Sequence[Tensor]) -> Iterable[tuple[Tensor, Tensor]]:
    return zip(torch.split(flat, [tensor.numel() for tensor in like]), like, strict=True)
