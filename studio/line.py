"""The line of jobs: who is next, fairly between owners."""

from collections import deque
from heapq import heapify, heappop, heappush

from studio.job import Job


class Line:
    """Who is next: the owner whose turn is longest ago, and of each owner the oldest job.

    Owners of one address that nobody vouches for share a turn (`Job.turn`): anybody can invent owners.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Job]] = {}
        # Per waiting owner: when the last turn was, and for those without one who came first.
        self._turns: dict[str, tuple[int, int]] = {}
        self._turn = 0
        self._arrivals = 0
        self._last_owner = ""

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def add(self, job: Job) -> None:
        """Behind the owner's other jobs; who was away comes before the one who just had a turn, not before others."""
        if job.turn not in self._waiting:
            self._arrivals += 1
            turn = self._turn if job.turn == self._last_owner else self._turn - 1
            self._turns[job.turn] = (turn, self._arrivals)
        self._waiting.setdefault(job.turn, deque()).append(job)

    def order(self) -> list[Job]:
        """All waiting jobs as they would run."""
        turns = [(*self._turns[owner], iter(jobs), len(jobs)) for owner, jobs in self._waiting.items()]
        heapify(turns)
        order = []
        while turns:
            _, arrival, jobs, left = heappop(turns)
            order.append(next(jobs))
            if left > 1:
                heappush(turns, (self._turn + len(order), arrival, jobs, left - 1))
        return order

    def take(self) -> Job:
        """Remove and return the job whose turn it is."""
        job = self.order()[0]
        arrival = self._turns[job.turn][1]
        self._turn += 1
        self._last_owner = job.turn
        self._turns[job.turn] = (self._turn, arrival)
        self.remove(job)
        return job

    def put_back(self, job: Job) -> None:
        """The job that was taken last is the first of its owner again."""
        if job.turn not in self._waiting:
            self._arrivals += 1
            self._turns[job.turn] = (self._turn - 1, self._arrivals)
        self._waiting.setdefault(job.turn, deque()).appendleft(job)

    def remove(self, job: Job) -> None:
        """Take a job out of the line."""
        self._waiting[job.turn].remove(job)
        if not self._waiting[job.turn]:
            del self._waiting[job.turn], self._turns[job.turn]
