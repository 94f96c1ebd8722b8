"""The one training loop of all stages: resumable, paced by time or by steps, shared by several processes."""

import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

CHECKPOINT_SECONDS = 180.0
LOG_SECONDS = 20.0
WARM_UP = 0.02
EMA_DECAY = 0.998
MAX_GRADIENT_NORM = 1.0

Batch = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Plan:
    """How one stage trains: `batch` on one processor core, its length in `seconds`, or exactly in `steps`.

    Seconds are the processor's on a CPU: a busy machine trains later but no less. Another `seed` draws other noise.
    """

    name: str
    batch: int
    learning_rate: float
    seconds: float = 0.0
    steps: int | None = None
    seed: int = 0

    def progress(self, step: int, seconds: float) -> float:
        return step / self.steps if self.steps is not None else seconds / max(self.seconds, 1e-9)


@dataclass(frozen=True, slots=True)
class Team:
    """One process among those that train together, and where they work; a GPU takes `batch_factor` times the batch."""

    work: Path
    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    loader_processes: int = 0
    batch_factor: int = 1

    def mean(self, values: Tensor) -> Tensor:
        """The mean over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(values)
            values /= self.size
        return values


def fit(
    plan: Plan,
    module: nn.Module,
    data: Dataset[Batch],
    loss_of: Callable[[Batch, torch.Generator], Tensor],
    team: Team,
    *,
    stop_after: int | None = None,
) -> bool:
    """Train `module` in place, from its checkpoint if there is one, and leave its averaged weights in it.

    Returns whether the plan is complete; `stop_after` ends at that step with a checkpoint, as a kill would.
    """
    run = _Run(plan, module, team)
    if not run.finished():
        for batch in _batches(plan, data, team, run.step):
            run.advance(loss_of(batch, run.noise()))
            if run.finished() or run.step == stop_after:
                break
        run.save()
    run.use_average()
    return run.finished()


def checkpoint_of(name: str, work: Path) -> dict[str, Any]:
    """The last stored state of a stage. Raises FileNotFoundError where it never ran."""
    state: dict[str, Any] = torch.load(work / f"{name}.pt", map_location="cpu", weights_only=True)
    return state


def autocast(device: torch.device) -> torch.autocast:
    """bf16 where the processor multiplies in it (1.4 times the speed), else plain fp32."""
    capable = device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()  # noqa: SLF001 - the public name is newer than our floor
    return torch.autocast(device.type, torch.bfloat16, enabled=capable)


class _Run:
    """Weights, optimizer and clock of one stage."""

    def __init__(self, plan: Plan, module: nn.Module, team: Team) -> None:
        self.plan, self.team, self.module = plan, team, module.to(team.device)
        self.parameters: list[Tensor] = [part for part in module.parameters() if part.requires_grad]
        self.optimizer = torch.optim.AdamW(self.parameters, plan.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
        self.average = [parameter.detach().clone() for parameter in self.parameters]
        self.step, self.seconds, self.loss = 0, 0.0, 0.0
        if (team.work / f"{plan.name}.pt").exists():
            self._restore(checkpoint_of(plan.name, team.work))
        self.saved = self.logged = time.monotonic()
        self.now = time.process_time if team.device.type == "cpu" else time.monotonic
        self.started = self.now() - self.seconds
        self.clock = plan.progress(self.step, self.seconds)

    def finished(self) -> bool:
        """Whether the plan is complete; by the shared clock, or by the count of steps, which is the same for all."""
        return self.clock >= 1 if self.plan.steps is None else self.step >= self.plan.steps

    def noise(self) -> torch.Generator:
        """A generator that depends on stage position alone, so that a resumed run draws the same noise."""
        return torch.Generator().manual_seed((self.plan.seed << 32) + self.step * self.team.size + self.team.rank)

    def advance(self, loss: Tensor) -> None:
        loss.backward()  # type: ignore[no-untyped-call]
        self._share_gradients(float(loss.detach()))
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.learning_rate * _pace(self.clock)
        torch.nn.utils.clip_grad_norm_(self.parameters, MAX_GRADIENT_NORM)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        decay = min(EMA_DECAY, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.parameters, 1 - decay)
        self.seconds = self.now() - self.started
        self._report()

    def _share_gradients(self, loss: float) -> None:
        """Average gradients over the team, and with them the clock: all must pace and stop alike."""
        parts = [
            (parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)).reshape(-1)
            for parameter in self.parameters
        ]
        shared = torch.tensor([self.plan.progress(self.step, self.seconds), loss], device=self.team.device)
        flat = self.team.mean(torch.cat([*parts, shared]))
        offset = 0
        for parameter in self.parameters:
            parameter.grad = flat[offset : offset + parameter.numel()].view_as(parameter).clone()
            offset += parameter.numel()
        self.clock = float(flat[-2])
        self.loss += (float(flat[-1]) - self.loss) * max(0.01, 1 / (self.step + 1))

    def _report(self) -> None:
        if self.team.rank:
            return
        now = time.monotonic()
        if now - self.logged > LOG_SECONDS:
            self.logged = now
            left = self.seconds * (1 / max(self.clock, 1e-6) - 1)
            images = self.step * self.plan.batch * self.team.batch_factor * self.team.size
            print(
                f"{self.plan.name}: step {self.step}, loss {self.loss:.4f}, {images / self.seconds:.1f} samples/s, "
                f"{self.clock:.1%} done, {left / 60:.1f} min left",
                file=sys.stderr,
                flush=True,
            )
        if now - self.saved > CHECKPOINT_SECONDS:
            self.save()

    def save(self) -> None:
        self.saved = time.monotonic()
        if self.team.rank:
            return
        state = {
            "weights": self.module.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "loss": self.loss,
        }
        path = self.team.work / f"{self.plan.name}.pt"
        torch.save(state, path.with_suffix(".tmp"))
        path.with_suffix(".tmp").replace(path)

    def _restore(self, state: dict[str, Any]) -> None:
        self.module.load_state_dict(state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average = [average.to(self.team.device) for average in state["average"]]
        self.step, self.seconds, self.loss = state["step"], state["seconds"], state["loss"]

    def use_average(self) -> None:
        with torch.no_grad():
            torch._foreach_copy_(self.parameters, self.average)


def load_average(name: str, module: nn.Module, work: Path) -> None:
    """Give the module a stage's averaged weights, and freeze it."""
    state = checkpoint_of(name, work)
    module.load_state_dict(state["weights"])
    with torch.no_grad():
        torch._foreach_copy_([part.data for part in module.parameters() if part.requires_grad], state["average"])
    module.requires_grad_(False).eval()


def _pace(progress: float) -> float:
    """Learning rate over its peak: a short rise, then a cosine to nearly nothing."""
    if progress < WARM_UP:
        return max(progress / WARM_UP, 0.02)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


class _Turns:
    """Indices of this process's samples from a step on, without end: a sample's number is its seed."""

    def __init__(self, plan: Plan, team: Team, step: int) -> None:
        self.start = step * plan.batch * team.batch_factor * team.size + team.rank
        self.stride = team.size

    def __iter__(self) -> Iterator[int]:
        index = self.start
        while True:
            yield index
            index += self.stride


def _batches(plan: Plan, data: Dataset[Batch], team: Team, step: int) -> Iterator[Batch]:
    loader: DataLoader[Batch] = DataLoader(
        data,
        batch_size=plan.batch * team.batch_factor,
        sampler=_Turns(plan, team, step),
        num_workers=team.loader_processes,
        persistent_workers=team.loader_processes > 0,
    )
    for batch in loader:
        yield {name: value.to(team.device) for name, value in batch.items()}
