"""One training loop for all stages: it goes on from its last checkpoint, may be paused by a file, keeps an average.

The learning rate rises shortly, then stays: a stage may be taken up again at any time; `cooling` lets it fall to
nothing over a run's last part, which makes weights to be stored.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from starter_factory import parallel

CHECKPOINT_SECONDS = 240.0
LOG_SECONDS = 30.0
WARM_UP_STEPS = 200
EMA_DECAY = 0.998
MAX_GRADIENT_NORM = 1.0
PAUSE = "pause"
# Several processes go apart for so many steps, then on from the mean of their weights: they seldom wait for each other.
STEPS_APART = 20

Batch = dict[str, Tensor]
# What a training took.
Taken = dict[str, float]
NOTHING: Taken = {"steps": 0, "samples": 0, "minutes": 0.0}


@dataclass(frozen=True, slots=True)
class Session:
    """Where a stage works, on what, and for how long: `minutes` of wall time or up to `steps` in all.

    `workers` are processes that draw beside the training one; pictures are `shrink` times smaller. `rate` is the share
    of the stage's learning rate: all of it makes weights that have cooled down worse for tens of thousands of samples.
    `before` is what the weights had taken that the stage begins with; a checkpoint keeps it.
    """

    work: Path
    device: torch.device
    minutes: float = 1e9
    steps: int | None = None
    cooling: float = 0.0
    rate: float = 1.0
    workers: int = 0
    shrink: float = 1
    before: Taken = field(default_factory=lambda: dict(NOTHING))

    def path(self, name: str) -> Path:
        return self.work / f"{name}.pt"


def fit(
    name: str,
    module: nn.Module,
    batches: Iterator[Batch],
    loss_of: Callable[[Batch, torch.Generator], Tensor],
    session: Session,
    learning_rate: float,
) -> "Run":
    """Train `module` in place from its checkpoint, if there is one, and leave its averaged weights in it."""
    run = Run(name, module, session, learning_rate)
    started = time.monotonic()
    with _end_asked() as asked:
        while not run.ends(started, asked):
            _wait_while_paused(session.work)
            batch = {key: value.to(session.device) for key, value in next(batches).items()}
            run.advance(loss_of(batch, run.noise()), len(next(iter(batch.values()))))
    run.stopped = parallel.any_of(bool(asked))
    run.save()
    run.use_average()
    return run


@contextmanager
def _end_asked() -> Iterator[list[int]]:
    """A list that SIGTERM makes non-empty, so that what was learned is saved first."""
    asked: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, before)


def _wait_while_paused(work: Path) -> None:
    """A file `pause` in the work folder stops all stages there until it is removed."""
    while (work / PAUSE).exists():
        time.sleep(5)


class Run:
    """Weights, optimizer, average and count of one stage."""

    def __init__(self, name: str, module: nn.Module, session: Session, learning_rate: float) -> None:
        self.name, self.session, self.learning_rate = name, session, session.rate * learning_rate
        self.module = module.to(session.device)
        self.parameters: list[Tensor] = [part for part in module.parameters() if part.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.parameters, self.learning_rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True
        )
        parallel.share(module.state_dict().values())
        self.average = [parameter.detach().clone() for parameter in self.parameters]
        self.step, self.samples, self.seconds, self.loss, self.left = 0, 0, 0.0, 0.0, 1.0
        self.before = session.before
        self.stopped = False  # whether it was asked to end
        if session.path(name).exists():
            self._restore(load_state(name, session.work))
        self.saved = self.logged = self.ticked = time.monotonic()

    def ends(self, started: float, asked: Sequence[int]) -> bool:
        """Whether this run has had its time, or was asked to end; notes what is left of it, for the learning rate."""
        if self.session.steps is not None:
            self.left = 1 - self.step / self.session.steps
        else:
            self.left = 1 - (time.monotonic() - started) / (60 * self.session.minutes)
        return self._meets() and parallel.any_of(self.left <= 0 or bool(asked))

    def _meets(self) -> bool:
        """Whether all processes are together now."""
        last = self.session.steps is not None and self.step >= self.session.steps
        return last or parallel.count() == 1 or self.step % STEPS_APART == 0

    def noise(self) -> torch.Generator:
        """A generator that depends on the step and the process alone, so that a resumed run draws the same noise."""
        return torch.Generator(self.session.device).manual_seed(self.step + parallel.number() * parallel.SEEDS)

    def advance(self, loss: Tensor, count: int) -> None:
        loss.backward()  # type: ignore[no-untyped-call]
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * self._pace()
        torch.nn.utils.clip_grad_norm_(self.parameters, MAX_GRADIENT_NORM)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.samples += count * parallel.count()
        decay = min(EMA_DECAY, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            if self._meets():
                parallel.average(self.parameters)
            torch._foreach_lerp_(self.average, self.parameters, 1 - decay)
        self._report(loss)

    def _pace(self) -> float:
        """Learning rate over its peak."""
        rise = min(1.0, (self.step + 1) / WARM_UP_STEPS)
        fall = min(1.0, max(0.02, self.left / self.session.cooling)) if self.session.cooling else 1.0
        return rise * fall

    def _report(self, loss: Tensor) -> None:
        now = time.monotonic()
        self.seconds += now - self.ticked
        self.ticked = now
        if self.step % 8 == 0:
            self.loss += (float(loss.detach()) - self.loss) * max(0.02, 8 / self.step)
        if parallel.number():
            return
        if now - self.logged > LOG_SECONDS:
            self.logged = now
            rate = self.samples / max(self.seconds, 1e-6)
            print(
                f"{time.strftime('%H:%M:%S')} {self.name}: step {self.step}, {self.samples} samples, "
                f"loss {self.loss:.4f}, {rate:.1f} samples/s",
                file=sys.stderr,
                flush=True,
            )
        if now - self.saved > CHECKPOINT_SECONDS and self._meets():
            self.save()

    def save(self) -> None:
        if parallel.number():
            return
        self.saved = time.monotonic()
        state = {
            "weights": self.module.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "samples": self.samples,
            "seconds": self.seconds,
            "loss": self.loss,
            "before": self.before,
        }
        path = self.session.path(self.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, path.with_suffix(".tmp"))
        path.with_suffix(".tmp").replace(path)

    def _restore(self, state: dict[str, Any]) -> None:
        self.module.load_state_dict(state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average = [average.to(self.session.device) for average in state["average"]]
        self.step, self.samples, self.seconds, self.loss, self.before = (
            state[key] for key in ("step", "samples", "seconds", "loss", "before")
        )

    def use_average(self) -> None:
        with torch.no_grad():
            torch._foreach_copy_(self.parameters, self.average)


def load_state(name: str, work: Path) -> dict[str, Any]:
    """The last stored state of a stage. Raises FileNotFoundError where it never ran."""
    state: dict[str, Any] = torch.load(work / f"{name}.pt", map_location="cpu", weights_only=True)
    return state


def samples_of(name: str, session: Session) -> int:
    """How many samples a stage has seen, with those of the weights it began with; none where it never ran.

    Each process counts from a place of its own.
    """
    seen, before = 0.0, session.before
    if session.path(name).exists():
        state = load_state(name, session.work)
        seen, before = state["samples"], state["before"]
    return int(seen + before["samples"]) + parallel.number() * parallel.SEEDS


def load_average(name: str, module: nn.Module, work: Path) -> None:
    """Give the module a stage's averaged weights, and freeze it."""
    state = load_state(name, work)
    module.load_state_dict(state["weights"])
    with torch.no_grad():
        torch._foreach_copy_([part.data for part in module.parameters() if part.requires_grad], state["average"])
    module.requires_grad_(requires_grad=False).eval()


def autocast(device: torch.device) -> torch.autocast:
    """bf16 where the processor multiplies in it, else plain fp32."""
    capable = device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()  # noqa: SLF001 - no public name yet
    return torch.autocast(device.type, torch.bfloat16, enabled=capable)
