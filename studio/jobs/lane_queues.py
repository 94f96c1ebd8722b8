"""The queues of all lanes: which jobs wait, on which lane or for their weights, and what each lane runs."""

from studio.jobs.fair_queue import FairQueue
from studio.jobs.item import QueueItem
from studio.jobs.job import Job
from studio.jobs.lane import Lane


class LaneQueues:
    """The lanes by name, each with its fair queue; `fetching` are the jobs whose weights are on their way.

    The caller holds the scheduler's lock.
    """

    def __init__(self) -> None:
        self.lanes: dict[str, Lane] = {}
        self.fetching: dict[str, Job] = {}
        self._queues: dict[str, FairQueue] = {}
        # The running calls, each with its lane.
        self.running: list[tuple[str, Job]] = []

    def open(self, name: str, lane: Lane) -> None:
        """Open a lane with an empty queue."""
        self.lanes[name], self._queues[name] = lane, FairQueue()

    def add(self, job: Job, lane: str, *, uncounted: bool = False) -> None:
        """Queue the job on a lane; `uncounted` as in `FairQueue.add`."""
        if job not in self._queues[lane]:
            self._queues[lane].add(job, uncounted=uncounted)

    def leave(self, job: Job) -> None:
        """Remove the job from queues where none of its items wait."""
        if not any(item.state == "waiting" for item in job.items):
            self.fetching.pop(job.id, None)
        for name, queue in self._queues.items():
            if job in queue and not job.waiting(name):
                queue.remove(job)

    def take(self, lane: str) -> tuple[Job, list[QueueItem]] | None:
        """Take the next job of a lane and the items for one call, and mark these as running."""
        job = self._queues[lane].take()
        if job is None:
            return None
        items = self.lanes[lane].chosen(job.waiting(lane))
        for item in items:
            item.state = "running"
        job.state = "running"
        self.running.append((lane, job))
        return job, items

    def wants_turn(self, lane: str, running: Job) -> bool:
        """Whether another job should come before the rest of the one that a lane runs."""
        return self._queues[lane].wants_turn(running)

    def sort(self) -> None:
        """Sort again after an owner's jobs have changed their places."""
        for queue in self._queues.values():
            queue.sort()

    def waiting(self) -> list[Job]:
        """The jobs that wait: for their turn, or for their weights."""
        queued = (job for queue in self._queues.values() for job in queue)
        return list(dict.fromkeys([*queued, *self.fetching.values()]))

    def order(self) -> list[Job]:
        """The running jobs, then the waiting ones in the order in which they would start."""
        queued = (job for queue in self._queues.values() for job in queue.order())
        return list(dict.fromkeys([*(job for _, job in self.running), *queued]))

    def places(self) -> dict[str, int]:
        """How many jobs run before each that waits and does not run, by its id; paused ones are not counted."""
        places: dict[str, int] = {}
        for name, queue in self._queues.items():
            ahead = sum(lane == name for lane, _ in self.running)
            for place, job in enumerate((job for job in queue.order() if not job.paused), start=ahead):
                if not any(one is job for _, one in self.running):
                    places[job.id] = min(place, places.get(job.id, place))
        return places
