"""The queue of one lane, fair between owners."""

from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush

from studio.jobs.job import Job
from studio.jobs.kinds.base import PRIORITIES


class FairQueue:
    """The jobs that wait on one lane: next is the owner whose turn is longest ago, with the first of that owner's jobs.

    An owner's jobs stand by priority, then by place. What is in the background comes when nothing else waits. Owners of
    one address that nobody vouches for share a turn (`Job.turn`): anybody can invent owners.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, list[Job]] = {}
        # Per waiting owner: when the last turn was, and for those without one who came first.
        self._turns: dict[str, tuple[int, int]] = {}
        self._turn = 0
        self._arrivals = 0
        self._last_owner = ""

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def __contains__(self, job: object) -> bool:
        return any(job in jobs for jobs in self._waiting.values())

    def __iter__(self) -> Iterator[Job]:
        return (job for jobs in self._waiting.values() for job in jobs)

    def add(self, job: Job, *, uncounted: bool = False) -> None:
        """Queue a job. A returning owner comes before the one who just had a turn, not before others; `uncounted`: nor
        behind them.
        """
        if job.turn not in self._waiting:
            self._arrivals += 1
            turn = self._turn if job.turn == self._last_owner and not uncounted else self._turn - 1
            self._turns[job.turn] = (turn, self._arrivals)
        jobs = self._waiting.setdefault(job.turn, [])
        jobs.append(job)
        jobs.sort(key=rank)

    def order(self) -> list[Job]:
        """All waiting jobs in the order in which they would start."""
        return [job for jobs in self._parted() for job in self._fairly(jobs)]

    def first(self) -> Job | None:
        """The job whose turn it is; None where all that wait are paused."""
        return next((job for job in self.order() if not job.paused), None)

    def take(self) -> Job | None:
        """Remove and return the job whose turn it is."""
        job = self.first()
        if job is None:
            return None
        arrival = self._turns[job.turn][1]
        self._turn += 1
        self._last_owner = job.turn
        self._turns[job.turn] = (self._turn, arrival)
        self.remove(job)
        return job

    def wants_turn(self, running: Job) -> bool:
        """Whether a waiting job should come before what is left of the one that runs."""
        return any(_goes_before(job, running) for job in self if not job.paused)

    def sort(self) -> None:
        """Put each owner's jobs in order again, whose place has changed."""
        for jobs in self._waiting.values():
            jobs.sort(key=rank)

    def remove(self, job: Job) -> None:
        """Take a job out."""
        self._waiting[job.turn].remove(job)
        if not self._waiting[job.turn]:
            del self._waiting[job.turn], self._turns[job.turn]

    def _parted(self) -> tuple[list[Job], list[Job]]:
        """What is made first, and what is made when nothing of that waits."""
        jobs = list(self)
        return [job for job in jobs if not _is_background(job)], [job for job in jobs if _is_background(job)]

    def _fairly(self, jobs: Iterable[Job]) -> list[Job]:
        owned: dict[str, list[Job]] = {}
        for job in jobs:
            owned.setdefault(job.turn, []).append(job)
        turns = [(*self._turns[owner], iter(jobs), len(jobs)) for owner, jobs in owned.items()]
        heapify(turns)
        order: list[Job] = []
        while turns:
            _, arrival, rest, left = heappop(turns)
            order.append(next(rest))
            if left > 1:
                heappush(turns, (self._turn + len(order), arrival, rest, left - 1))
        return order


def rank(job: Job) -> tuple[int, float]:
    """Where a job stands among its owner's: by priority, then by place."""
    return PRIORITIES.index(job.priority), job.place


def _is_background(job: Job) -> bool:
    return job.priority == "background"


def _goes_before(job: Job, running: Job) -> bool:
    if _is_background(job) != _is_background(running):
        return _is_background(running)
    if job.turn != running.turn:
        return True
    return PRIORITIES.index(job.priority) < PRIORITIES.index(running.priority)
