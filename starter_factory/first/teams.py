"""Puts a training to work: in one process on a GPU, else in several of one thread each, which train one network."""

import os
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn

from starter_factory.first.loop import Team

GPU_BATCH_FACTOR = 16


def work_together(job: Callable[[Team], None], work: Path, processes: int) -> None:
    """Do the job, which must be picklable, in each process of a team."""
    if torch.cuda.is_available():
        loaders = max(2, (os.cpu_count() or 4) - 2)
        job(Team(work, device=torch.device("cuda"), loader_processes=loaders, batch_factor=GPU_BATCH_FACTOR))
    elif processes == 1:
        torch.set_num_threads(1)
        job(Team(work))
    else:
        meeting = work / "meeting"
        meeting.unlink(missing_ok=True)
        spawn(_member, (job, work, processes, meeting), nprocs=processes, daemon=True)  # type: ignore[no-untyped-call]


def _member(rank: int, job: Callable[[Team], None], work: Path, count: int, meeting: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=count)
    job(Team(work, rank, count))
    dist.destroy_process_group()
