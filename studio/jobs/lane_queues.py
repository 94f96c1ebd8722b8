"""The line: the jobs that wait, on which lane or for their weights, and what each lane is at."""

from studio.jobs.fair_queue import FairQueue
from studio.jobs.item import QueueItem
from studio.jobs.job import Job
from studio.jobs.lane import Lane


class LaneQueues:
    """The lanes by name, each with its fair queue; `fetching` are the jobs whose weights are on their way.

    Whoever calls holds the scheduler's lock.
    """

    def __init__(self) -> None:
        self.lanes: dict[str, Lane] = {}
        self.fetching: dict[str, Job] = {}
        self._queues: dict[str, FairQueue] = {}
        # The calls that are under way, each with its lane.
        self.running: list[tuple[str, Job]] = []

    def open(self, name: str, lane: Lane) -> None:
        """A lane on which nothing waits yet."""
        self.lanes[name], self._queues[name] = lane, FairQueue()

    def add(self, job: Job, lane: str, *, uncounted: bool = False) -> None:
        """Let the job wait on a lane; `uncounted` as `FairQueue.add` has it."""
        if job not in self._queues[lane]:
            self._queues[lane].add(job, uncounted=uncounted)

    def leave(self, job: Job) -> None:
        """The job waits no more where nothing of it does."""
        if not any(item.state == "waiting" for item in job.items):
            self.fetching.pop(job.id, None)
        for name, queue in self._queues.items():
            if job in queue and not job.waiting(name):
                queue.remove(job)

    def take(self, lane: str) -> tuple[Job, list[QueueItem]] | None:
        """The job whose turn it is on a lane, and which of its items one call is for; they run from now on."""
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
        """Whether another job should come before what is left of the one that a lane is at."""
        return self._queues[lane].wants_turn(running)

    def sort(self) -> None:
        """The jobs of an owner have changed their places."""
        for queue in self._queues.values():
            queue.sort()

    def waiting(self) -> list[Job]:
        """The jobs that wait: for their turn, or for their weights."""
        queued = (job for queue in self._queues.values() for job in queue)
        return list(dict.fromkeys([*queued, *self.fetching.values()]))

    def order(self) -> list[Job]:
        """The jobs that run, then those that wait for their turn as they would be begun."""
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
