"""The thread that owns the steps: whoever makes a picture asks it for each forward, and it answers many with one.

The loops are those of diffusers' pipelines, each in the thread of its own picture, with its own scheduler, guidance,
masks and maps. What they share is the network: `shared.py` stands in for it. So a picture joins at the next step and
leaves when it is done, nothing but the company in a forward differs from the bare pipeline, and a picture that is
alone goes through the very calls of that pipeline.
"""

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from threading import Condition, Thread, current_thread
from typing import Any, Generic, TypeVar

import torch

from studio.engine.memory import ran_out
from studio.engine.pools import Batch, Participant, PendingCall, Pools
from studio.engine.profile import Profile
from studio.engine.row_loras import Stacks
from studio.engine.step import Call, forward
from studio.errors import Cancelled, Closing

T = TypeVar("T")
# How long a step waits for whoever was in the one before, as a share of what that one took: about what it takes longer
# without them, as their rows would have cost less beside others than by themselves.
PATIENCE = 0.25
# How many seconds it waits at least for one on the way to a first step.
MOMENT = 0.005

log = logging.getLogger(__name__)


class Batcher:
    """Answers calls of networks in steps, and does errands between them, all on one thread: `start` it, or `turn` it.

    One thread, because torch's own threads are those of whoever asks for work: two who ask keep twice as many, which
    then wait for one another (`threads.py`).
    """

    def __init__(
        self,
        profile: Callable[[Call], Profile],
        *,
        patience: float = PATIENCE,
        release: Callable[[], None] = lambda: None,
        exact_where_cheap: bool = False,
    ) -> None:
        """`release` gives back what memory is kept for later, and is called when memory ran out."""
        self._pools = Pools(profile, exact_where_cheap=exact_where_cheap)
        self._stacks = Stacks()
        self._patience = patience
        self._release = release
        self._changed = Condition()
        self._waiting: list[PendingCall] = []
        self._errands: deque[_Errand[Any]] = deque()
        self._open: set[Participant] = set()
        # Who was in a step and has not asked again.
        self._late: dict[Participant, _Late] = {}
        # Who is on the way to a first step, and until when the next step waits for that.
        self._coming: tuple[Participant, float] | None = None
        self._step_seconds = 0.0
        self._came = 0
        self._closing = False
        self._thread: Thread | None = None

    def start(self) -> None:
        """Answer from now on, in a thread of its own; nothing where it does so already."""
        with self._changed:
            if self._thread is None:
                self._thread = Thread(target=self._work, name="steps", daemon=True)
                self._thread.start()

    @contextmanager
    def joined(self, participant: Participant) -> Iterator[Participant]:
        """While this lasts, the participant may take part in steps."""
        with self._changed:
            self._open.add(participant)
            self._came += 1
            participant.number = self._came
        try:
            yield participant
        finally:
            with self._changed:
                self._open.discard(participant)
                self._late.pop(participant, None)
                self._arrived(participant)
                if not self._open:  # what LoRAs are stacked of is no more needed
                    self._stacks = Stacks()
                self._changed.notify_all()

    def rest(self, participant: Participant) -> None:
        """It asks for nothing for now: no step waits for it."""
        with self._changed:
            self._late.pop(participant, None)
            self._changed.notify_all()

    @property
    def company(self) -> int:
        """How many take part in steps now."""
        return len(self._open)

    def ask(self, participant: Participant, call: Call) -> Any:
        """The network's answer to a call; whatever that raises."""
        if current_thread() is self._thread:
            return forward([call], call.rows, self._stacks)[0]
        pending = PendingCall(participant, call)
        with self._changed:
            self._check_open()
            self._waiting.append(pending)
            self._late.pop(participant, None)
            self._arrived(participant)
            self._changed.notify_all()
        return pending.answer.result()

    def run(self, work: Callable[[], T], participant: Participant | None = None) -> T:
        """What `work` returns or raises, done between two steps on the thread that has the device.

        What a `participant` has done before its first step is done at a stretch: a step between each two of its errands
        would let it come that many steps later.
        """
        if current_thread() is self._thread:
            return work()
        errand = _Errand(work, participant)
        with self._changed:
            self._check_open()
            self._errands.append(errand)
            self._arrived(participant)
            self._changed.notify_all()
        return errand.done.result()

    def turn(self) -> bool:
        """Wait for what is next, an errand or a step, and do it; False where the batcher is closed."""
        with self._changed:
            while not (self._closing or self._errands or self._ready()):
                self._changed.wait(self._patient_for())
            if self._closing:
                return False
            errand = self._errands.popleft() if self._errands else None
            self._dismiss()
            ready = self._ready()
        # Not with the lock held: who asks meanwhile is to wait for the next step only.
        with torch.no_grad():
            if errand:
                self._do(errand)
            elif ready:
                self._step(self._chosen(ready))
        return True

    def close(self) -> None:
        """Answer no more; whoever waits is told that the studio is closing."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread:
            self._thread.join()
        for pending in self._waiting:
            pending.answer.set_exception(_closing())
        for errand in self._errands:
            errand.abandon()

    def _work(self) -> None:
        while self.turn():
            pass

    def _check_open(self) -> None:
        if self._closing:
            raise _closing()

    def _do(self, errand: "_Errand[Any]") -> None:
        """Do it; the next step waits a moment for what a participant on its way to its first one asks then."""
        who = errand.participant
        coming = who if who in self._open and who and not who.trail.buckets else None
        with self._changed:  # before it is done: who is answered may ask at once
            self._coming = (coming, math.inf) if coming else self._coming
        errand()
        with self._changed:
            if coming and self._coming and self._coming[0] is coming:
                moment = max(MOMENT, self._patience * self._step_seconds)
                self._coming = (coming, time.monotonic() + moment)

    def _arrived(self, participant: Participant | None) -> None:
        """Nothing waits for this participant any more."""
        if self._coming and self._coming[0] is participant:
            self._coming = None

    def _dismiss(self) -> None:
        """Send away whoever waits for what nobody wants any more."""
        for pending in [one for one in self._waiting if one.participant.turn.over()]:
            self._waiting.remove(pending)
            pending.answer.set_exception(Cancelled())

    def _ready(self) -> list[PendingCall]:
        """The calls that wait and need wait no longer for others."""
        now = time.monotonic()
        if self._coming and self._coming[1] > now:
            return []
        late = [one for one in self._late.values() if one.until > now]
        pools, urgent = {one.pool for one in late}, not all(one.background for one in late)
        return [one for one in self._waiting if one.pool not in pools and not (urgent and one.background)]

    def _patient_for(self) -> float | None:
        """The seconds until some calls wait for others no longer; None where only news can change anything."""
        if not self._waiting:
            return None
        coming = self._coming[1] if self._coming else math.inf
        until = min((late.until for late in self._late.values()), default=math.inf)
        until = min(until, coming)
        return None if until == math.inf else max(0.0, until - time.monotonic())

    def _chosen(self, ready: Sequence[PendingCall]) -> Batch:
        """The next step; one call alone where no more can be said, as where the device fails while it is measured."""
        try:
            return self._pools.choose(ready)
        except Exception:
            log.exception("How many pictures go together could not be found out; one goes by itself.")
            first = ready[0]
            return Batch([first], first.call.rows, first.participant.exact)

    def _step(self, batch: Batch) -> None:
        """One forward; each of its calls is answered, or is still waiting where memory allows fewer at a time only."""
        started, fault = time.monotonic(), None
        try:
            calls = [pending.call for pending in batch.pending]
            answers = forward(calls, batch.rows, self._stacks, exact=batch.exact)
        except Exception as error:  # noqa: BLE001 - whoever asked gets it; the thread goes on for the others
            fault = error
        # Behind the handler, where no frame holds the tensors any more.
        if fault is not None:
            self._failed(batch, fault)
            return
        seconds = time.monotonic() - started
        self._step_seconds = seconds
        self._pools.used(batch, seconds)
        self._note(batch, seconds)
        for pending, answer in zip(batch.pending, answers, strict=True):
            pending.answer.set_result(answer)

    def _failed(self, batch: Batch, fault: Exception) -> None:
        """Fewer at a time where memory ran out; else each alone, so that the one at fault fails alone."""
        ended = ran_out(fault)
        if ended:
            fault.with_traceback(None)
            self._release()
        if ended and self._pools.shrink(batch):
            return
        if len(batch.pending) > 1:
            for pending in batch.pending:
                exact = pending.participant.exact
                self._step(Batch([pending], batch.rows if exact else pending.call.rows, exact))
            return
        self._note(batch, 0.0)
        batch.pending[0].answer.set_exception(fault)

    def _note(self, batch: Batch, seconds: float) -> None:
        """A step is over; who was in it is expected in the next one."""
        with self._changed:
            until = time.monotonic() + self._patience * seconds
            for pending in batch.pending:
                self._waiting.remove(pending)
                pending.participant.trail.add(batch.rows, pending.call.rows)
                if pending.participant in self._open:
                    self._late[pending.participant] = _Late(pending.pool, until, pending.background)


@dataclass(frozen=True)
class _Late:
    """Who was in the last step of a `pool` is expected `until` then, by the monotonic clock."""

    pool: Hashable
    until: float
    background: bool


class _Errand(Generic[T]):
    """Work for the thread of the steps, and its outcome."""

    def __init__(self, work: Callable[[], T], participant: Participant | None) -> None:
        self.participant = participant
        self.done: Future[T] = Future()
        self._work = work
        self._context = copy_context()

    def __call__(self) -> None:
        try:
            self.done.set_result(self._context.run(self._work))
        except BaseException as error:  # noqa: BLE001 - whoever waits for it gets it
            self.done.set_exception(error)

    def abandon(self) -> None:
        self.done.set_exception(_closing())


def _closing() -> Closing:
    return Closing("The studio is closing.", "Start it again and repeat the request.")
