"""The outcomes of items and jobs: requeued, stopped, failed or done; stored first, then reported."""

import contextvars
import logging
from collections.abc import Callable, Sequence

from studio.errors import OutOfMemory, StorageError, StudioError
from studio.events import Done, Failed, ImageFailed, Stopped
from studio.jobs.item import DEVICE, QueueItem
from studio.jobs.job import Job
from studio.jobs.kinds import KINDS
from studio.jobs.lane_queues import LaneQueues
from studio.jobs.register import Register
from studio.jobs.store import JobStore
from studio.logs import FACTS

# Queues a job; `uncounted` as in `FairQueue.add`.
LineUp = Callable[..., None]

# An image that ends the whole process this often is not tried again.
ATTEMPTS = 3
GIVEN_UP_HINT = "The device or the memory may be too small for it: try a smaller size, fewer images or another model."

log = logging.getLogger(__name__)


class Outcomes:
    """Changes the states of items, in the database too, and ends jobs that have no open items.

    The caller holds the scheduler's lock.
    """

    def __init__(self, store: JobStore, queues: LaneQueues, register: Register, line_up: LineUp) -> None:
        self._store = store
        self._queues = queues
        self._register = register
        self._line_up = line_up

    def put_back(self, job: Job, items: Sequence[QueueItem], *, uncounted: bool = False) -> None:
        """Requeue the items that a call left, or stop them with their job."""
        if job.stopping.is_set():
            self.drop(job, items)
            return
        begun = [item for item in items if item.state == "running"]
        for item in items:
            item.state = "waiting"
        if begun and not _runs(job):
            job.state = "waiting"
        if begun:
            self._written(lambda: self._store.put_back(job, begun), job)
        if items:
            self._line_up(job, uncounted=uncounted)
        self.conclude(job)

    def put_all_back(self) -> None:
        """Requeue what this machine runs: the process may end before its next step, which does not count as an
        attempt.
        """
        for run in self._queues.running:
            begun = [item for item in run.job.items if item.state == "running" and item.lane == run.queue]
            if not run.lane.can_leave and not run.job.stopping.is_set():
                self.put_back(run.job, begun)

    def fail(self, job: Job, items: Sequence[QueueItem], error: StudioError) -> None:
        """Fail these items; of several, each is retried alone first, to find the one at fault."""
        ends = KINDS[job.kind].one_fault_ends
        if not ends and isinstance(error, StorageError):  # no other image would be spared
            job.fault = Failed.of(error)
            job.stopping.set()
            self.drop(job, [item for item in job.items if item.is_open])
            return
        if not ends and len(items) > 1:
            for item in items:
                item.alone = True
            self.put_back(job, items)
            return
        for item in items:
            item.state, item.fault = "failed", Failed.of(error)
            if not ends:
                job.tell(ImageFailed(item.number, item.fault))
        self._written(lambda: self._store.drop(job, items), job)
        if ends:
            job.stopping.set()
            self.drop(job, [item for item in job.items if item.state == "waiting"])
        self._queues.leave(job)
        self.conclude(job)

    def try_again(self, job: Job, items: Sequence[QueueItem]) -> None:
        """Requeue what an engine that ended was making: one of it may be why, so each by itself, and not for ever."""
        if job.stopping.is_set():
            self.drop(job, items)
            return
        for item in items:
            item.alone, item.attempts = True, item.attempts + 1
        for item in [one for one in items if one.attempts >= ATTEMPTS]:
            self.fail(job, [item], _given_up("The engine ended", item.attempts))
        left = [item for item in items if item.state == "running"]
        for item in left:
            item.state = "waiting"
        if left:
            job.state = "running" if _runs(job) else "waiting"
            self._written(lambda: self._store.try_again(job, left), job)
            self._line_up(job)

    def drop(self, job: Job, items: Sequence[QueueItem]) -> None:
        """Cancel these items."""
        for item in items:
            item.state = "stopped"
        if items:
            self._written(lambda: self._store.drop(job, items), job)
        self._queues.leave(job)
        self.conclude(job)

    def conclude(self, job: Job) -> None:
        """End the job where it has no open items: store its final state, then report it."""
        if any(item.is_open for item in job.items) or not job.is_open:
            return
        ending = _ending_of(job)
        job.state = "done" if isinstance(ending, Done) else "stopped" if isinstance(ending, Stopped) else "failed"
        job.context = contextvars.Context()
        self._written(lambda: self._store.end(job, ending), job)
        facts = {"job": job.id, "kind": job.kind, "state": job.state, "seconds": round(job.seconds, 3)}
        log.info("Job %s is %s", job.id, job.state, extra={FACTS: facts})
        job.tell(ending)
        self._register.ended(job)

    def _written(self, write: Callable[[], None], job: Job) -> None:
        """A failed write does not block the others."""
        try:
            write()
        except StorageError:
            log.exception("What became of job %s could not be written down", job.id)

    def take_up(self, job: Job) -> None:
        """What a studio that died was making is made again, each by itself; what this machine makes not for ever."""
        hopeless = []
        for item in job.items:
            if item.state == "running":
                item.state, item.alone = "waiting", True
                hopeless += [item] if item.lane == DEVICE and item.attempts >= ATTEMPTS else []
        if hopeless:
            times = max(item.attempts for item in hopeless)
            self.fail(job, hopeless, _given_up("The studio broke down", times))


def _given_up(what: str, times: int) -> OutOfMemory:
    """What is most likely behind it."""
    return OutOfMemory(f"{what} {times} times on this job.", GIVEN_UP_HINT)


def _runs(job: Job) -> bool:
    return any(item.state == "running" for item in job.items)


def _ending_of(job: Job) -> Done | Stopped | Failed:
    """The final state of a job without open items."""
    if job.fault:
        return job.fault
    faults = [item.fault for item in job.items if item.state == "failed" and item.fault]
    if faults and (KINDS[job.kind].one_fault_ends or all(item.state == "failed" for item in job.items)):
        return faults[0]
    if any(item.state == "stopped" for item in job.items):
        return Stopped()
    return Done(job.seconds)
