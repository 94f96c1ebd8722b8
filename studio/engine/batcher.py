"""The thread that owns the device: all that torch computes for pictures is done on it, and pictures share its steps.

The loops are those of diffusers' pipelines, each with its own scheduler, guidance, masks and maps. What they share is
the network: `shared.py` stands in for it. Each loop is a greenlet of this one thread, which is left where it asks for a
forward and gone on with when that is there. So a picture joins at the next step and leaves when it is done, nothing but
the company in a forward differs from the bare pipeline, and a picture that is alone goes through its very calls.
"""

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import copy_context
from threading import Condition, Thread, current_thread
from typing import Any, TypeVar

import torch
from greenlet import getcurrent, greenlet

from studio.engine.memory import ran_out
from studio.engine.noise import unmixed
from studio.engine.pools import Batch, Participant, PendingCall, Pools
from studio.engine.profile import Profile
from studio.engine.row_loras import Stacks
from studio.engine.step import Call, Runner, eager, forward
from studio.errors import Cancelled, Closing

T = TypeVar("T")
# How long a step waits for one whose picture has been prepared and not asked yet: this share of what the last one took,
# and so many seconds at least.
PATIENCE, MOMENT = 0.25, 0.005

log = logging.getLogger(__name__)


class Batcher:
    """Does work, and answers what it asks of networks in steps, all on one thread.

    That is its own from `start` on, else that of whoever waits for an `outcome`.

    One thread, because torch's own threads are those of whoever asks for work: two who ask keep twice as many, which
    then wait for one another asleep (`threads.py`).
    """

    def __init__(
        self,
        profile: Callable[[Call], Profile],
        *,
        release: Callable[[], None] = lambda: None,
        exact_where_cheap: bool = False,
        run: Runner = eager,
    ) -> None:
        """`run` computes each step; `release` gives back what memory is kept for later, when memory ran out."""
        self._pools = Pools(profile, exact_where_cheap=exact_where_cheap)
        self._stacks = Stacks()
        self._release = release
        self._run = run
        self._changed = Condition()
        self._errands: deque[_Errand] = deque()
        self._waiting: dict[PendingCall, _Strand] = {}
        # Who waits for something else than a step, and who of them may go on.
        self._asleep: set[_Strand] = set()
        self._woken: deque[_Strand] = deque()
        self._open: set[Participant] = set()
        # Who is on the way to a first step, and until when the next step waits for that.
        self._coming: tuple[Participant, float] | None = None
        self._step_seconds = 0.0
        self._came = 0
        self._closing = False
        self._thread: Thread | None = None
        # Who turns: a greenlet goes on in the thread that began it.
        self._turning: Thread | None = None

    def start(self) -> None:
        """Work from now on, in a thread of its own; nothing where it does so already."""
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
                self._arrived(participant)
                if not self._open:  # what LoRAs are stacked of is no more needed
                    self._stacks = Stacks()
                self._changed.notify_all()

    @property
    def company(self) -> int:
        """How many take part in steps now."""
        return len(self._open)

    @property
    def unwanted(self) -> bool:
        """Whether nobody wants what is waited for any more, as when the studio ends."""
        return all(pending.participant.turn.over() for pending in self._waiting)

    def ask(self, participant: Participant, call: Call) -> Any:
        """The network's answer to a call, from one of the next steps; whatever that raises."""
        strand = getcurrent()
        if not isinstance(strand, _Strand) or strand.batcher is not self:
            return self.run(lambda: self.ask(participant, call), participant)
        if self._closing:
            raise _closing()
        self._waiting[PendingCall(participant, call)] = strand
        self._arrived(participant)
        return self._answered(strand, participant)

    def run(self, work: Callable[[], T], participant: Participant | None = None) -> T:
        """What `work` returns or raises, done on the thread that has the device."""
        if isinstance(strand := getcurrent(), _Strand) and strand.batcher is self:
            return work()
        errand = self.submit(work, participant)
        try:
            return self.outcome(errand)
        finally:
            del errand  # an error would hold this frame, and this frame the error

    def outcome(self, done: "Future[T]") -> T:
        """What comes of this, waited for: by work while others go on, by a thread, which does it if none does."""
        if isinstance(strand := getcurrent(), _Strand) and strand.batcher is self:
            self._sleep(strand, done)
        elif self._thread is None and self._turning in (None, current_thread()):
            while not done.done() and self.turn():
                pass
            if not (self._waiting or self._asleep or self._woken or self._errands):
                self._turning = None
        return done.result()

    def submit(self, work: Callable[[], T], participant: Participant | None = None) -> "Future[T]":
        """The same, without waiting for it. Work is begun between two steps, and what it asks for is in the next one.

        What a `participant` has done before its first step is done at a stretch: a step between each two of its errands
        would let it come that many steps later.
        """
        errand = _Errand(work, participant)
        with self._changed:
            if self._closing:
                raise _closing()
            self._errands.append(errand)
            self._arrived(participant)
            self._changed.notify_all()
        return errand.done

    def turn(self) -> bool:
        """Wait for what is next, an errand or a step, and do it; False where the batcher is closed."""
        with self._changed:
            self._turning = current_thread()
            while not (self._closing or self._woken or self._errands or self._ready()):
                self._changed.wait(self._patient_for())
            if self._closing:
                return False
            woken = self._woken.popleft() if self._woken else None
            errand = self._errands.popleft() if self._errands and not woken else None
        # Not with the lock held: who asks meanwhile is to wait for the next step only.
        with torch.no_grad():
            if woken:
                woken.switch()
            elif errand:
                self._do(errand)
            else:
                self._dismiss()
                if self._waiting:
                    self._step(self._chosen(list(self._waiting)))
        return True

    def close(self) -> None:
        """Answer no more; whoever waits is told that the studio is closing."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread:
            self._thread.join()
        else:
            self._end()

    def _work(self) -> None:
        while self.turn():
            pass
        self._end()

    def _end(self) -> None:
        """Nobody waits any longer."""
        for pending in list(self._waiting):
            self._waiting.pop(pending).throw(_closing())
        sleeping = [*self._asleep, *self._woken]
        self._asleep.clear()
        for strand in sleeping:
            strand.throw(_closing())
        for errand in self._errands:
            errand.done.set_exception(_closing())

    def _answered(self, strand: "_Strand", participant: Participant) -> Any:
        """Leave a strand until its call is answered."""
        started = time.monotonic()
        try:
            with unmixed():
                return strand.parent.switch()
        finally:
            participant.others_seconds += time.monotonic() - started

    def _sleep(self, strand: "_Strand", done: "Future[Any]") -> None:
        """Leave a strand until this is done."""
        self._asleep.add(strand)
        done.add_done_callback(lambda _: self._wake(strand))
        with unmixed():
            strand.parent.switch()

    def _wake(self, strand: "_Strand") -> None:
        with self._changed:
            if strand in self._asleep:
                self._asleep.discard(strand)
                self._woken.append(strand)
                self._changed.notify_all()

    def _do(self, errand: "_Errand") -> None:
        """Do it; the next step waits a moment for what a participant on its way to its first one asks then."""
        who = errand.participant
        coming = who if who in self._open and who and not who.trail.buckets else None
        with self._changed:  # before it is done: who is answered may ask at once
            self._coming = (coming, math.inf) if coming else self._coming
        _Strand(self, errand).switch()
        with self._changed:
            if coming and self._coming and self._coming[0] is coming:
                moment = max(MOMENT, PATIENCE * self._step_seconds)
                self._coming = (coming, time.monotonic() + moment)

    def _arrived(self, participant: Participant | None) -> None:
        """Nothing waits for this participant any more."""
        if self._coming and self._coming[0] is participant:
            self._coming = None

    def _dismiss(self) -> None:
        """Send away whoever waits for what nobody wants any more."""
        for pending in [one for one in self._waiting if one.participant.turn.over()]:
            self._waiting.pop(pending).throw(Cancelled())

    def _ready(self) -> bool:
        """Whether there is a step to make, and nobody on the way whom it waits for."""
        return bool(self._waiting) and not (self._coming and self._coming[1] > time.monotonic())

    def _patient_for(self) -> float | None:
        """The seconds until a step waits no longer; None where only news can change anything."""
        if not self._waiting or not self._coming or self._coming[1] == math.inf:
            return None
        return max(0.0, self._coming[1] - time.monotonic())

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
            answers = forward(calls, batch.rows, self._stacks, exact=batch.exact, run=self._run)
        except Exception as error:  # noqa: BLE001 - whoever asked gets it; the thread goes on for the others
            fault = error
        # Behind the handler, where no frame holds the tensors any more.
        if fault is not None:
            self._failed(batch, fault)
            return
        self._step_seconds = time.monotonic() - started
        self._pools.used(batch, self._step_seconds)
        seconds_a_row = self._step_seconds / sum(call.rows for call in calls)
        for pending, answer in zip(batch.pending, answers, strict=True):
            pending.participant.others_seconds -= seconds_a_row * pending.call.rows
            self._left(batch, pending).switch(answer)

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
        self._left(batch, batch.pending[0]).throw(fault)

    def _left(self, batch: Batch, pending: PendingCall) -> "_Strand":
        """Who asked for what this step has answered, and waits no more."""
        pending.participant.trail.add(batch.rows, pending.call.rows)
        return self._waiting.pop(pending)


class _Errand:
    """Work for the thread of the steps, and its outcome."""

    def __init__(self, work: Callable[[], Any], participant: Participant | None) -> None:
        self.participant = participant
        self.done: Future[Any] = Future()
        self.work = work
        self.context = copy_context()


class _Strand(greenlet):  # type: ignore[misc] # it has no types
    """An errand under way on the thread of the steps: left where it asks for one, gone on with when that is there."""

    def __init__(self, batcher: Batcher, errand: _Errand) -> None:
        super().__init__()
        self.batcher = batcher
        self.gr_context = errand.context
        self._done, self._work = errand.done, errand.work

    def run(self) -> None:
        """Do the work."""
        done, work = self._done, self._work
        del self._done, self._work
        try:
            outcome = work()
        except BaseException as error:  # noqa: BLE001 - whoever waits for it gets it
            done.set_exception(error)
            del done  # an error would hold this frame, and this frame the error
        else:
            done.set_result(outcome)


def _closing() -> Closing:
    return Closing("The studio is closing.", "Start it again and repeat the request.")
