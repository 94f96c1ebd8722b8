"""The stages of the starter's training, and the processes that train one together."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn

from studio.training.starter.autoencoder import train_autoencoder
from studio.training.starter.diffusion import train_full, train_small
from studio.training.starter.loop import Team
from studio.training.starter.probe import train_probe
from studio.training.starter.text import train_text

GPU_BATCH_FACTOR = 16
# Each stage with its share of the time.
STAGES: Mapping[str, tuple[float, Callable[[float, Team], None]]] = {
    "probe": (0.08, train_probe),
    "autoencoder": (0.22, train_autoencoder),
    "text": (0.08, train_text),
    "diffusion_small": (0.22, train_small),
    "diffusion": (0.4, train_full),
}


def run_stage(name: str, seconds: float, work: Path, count: int) -> None:
    """Train one stage: in one process on a GPU, else in `count` processes of one thread each."""
    if torch.cuda.is_available():
        loaders = max(2, (os.cpu_count() or 4) - 2)
        team = Team(work, device=torch.device("cuda"), loader_processes=loaders, batch_factor=GPU_BATCH_FACTOR)
        STAGES[name][1](seconds, team)
        return
    meeting = work / "meeting"
    meeting.unlink(missing_ok=True)
    spawn(_member, (name, seconds, work, count, meeting), nprocs=count, daemon=True)  # type: ignore[no-untyped-call]


def _member(rank: int, name: str, seconds: float, work: Path, count: int, meeting: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=count)
    STAGES[name][1](seconds, Team(work, rank, count))
    dist.destroy_process_group()
