"""The queues of all lanes: which jobs wait, on which lane or for their weights, and what each lane runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from studio.jobs.fair_queue import FairQueue
from studio.jobs.item import DEVICE, QueueItem
from studio.jobs.job import Job
from studio.jobs.lane import Lane


@dataclass(frozen=True, eq=False)
class Run:
    """One call of a lane, which takes from the queue of this name, for some items of a job."""

    queue: str
    lane: Lane
    job: Job
    items: Sequence[QueueItem]

    @property
    def is_suspect(self) -> bool:
        """Whether it may be what ended the engine."""
        return self.queue == DEVICE and any(item.attempts for item in self.items)

    @property
    def models(self) -> Sequence[str]:
        """What it is made with."""
        return self.items[0].recipe.models if self.items else ()


class LaneQueues:
    """The fair queues by name, each with the lanes that take from it; `fetching` are the jobs whose weights are on
    their way.

    The caller holds the scheduler's lock.
    """

    def __init__(self) -> None:
        self.lanes: dict[str, list[Lane]] = {}
        self.fetching: dict[str, Job] = {}
        self._queues: dict[str, FairQueue] = {}
        self.running: list[Run] = []
        # What each lane made its last picture with, and so has at hand.
        self._models: dict[Lane, Sequence[str]] = {}

    def open(self, name: str, lanes: Sequence[Lane]) -> None:
        """Open an empty queue, with the lanes that take from it."""
        self.lanes[name], self._queues[name] = list(lanes), FairQueue()

    def add(self, job: Job, name: str, *, uncounted: bool = False) -> None:
        """Queue the job; `uncounted` as in `FairQueue.add`."""
        if job not in self._queues[name]:
            self._queues[name].add(job, uncounted=uncounted)

    def leave(self, job: Job) -> None:
        """Remove the job from queues where none of its items wait."""
        if not any(item.state == "waiting" for item in job.items):
            self.fetching.pop(job.id, None)
        for name, queue in self._queues.items():
            if job in queue and not job.waiting(name):
                queue.remove(job)

    def take(self, name: str, lane: Lane) -> Run | None:
        """Take the next job of a queue and the items for one call of a lane, and mark these as running.

        None where there is none, or another lane is to take it.
        """
        job = self._queues[name].first()
        if job is None:
            return None
        waiting, lanes = job.waiting(name), self.lanes[name]
        # Those that are raced stay together; of others each lane has its part.
        part = waiting if job.race else waiting[: -(-len(waiting) // len(lanes))]
        run = Run(name, lane, job, lane.chosen(job, part))
        better = [one for one in lanes if self._suits(one, run) > self._suits(lane, run)]
        if not self._is_free(lane, run) or any(self._is_free(one, run) for one in better):
            return None
        self._queues[name].take()
        for item in run.items:
            item.state = "running"
        job.state = "running"
        self.running.append(run)
        self._models[lane] = run.models
        return run

    def wants_turn(self, name: str, running: Job) -> bool:
        """Whether another job of a queue should come before the rest of one that runs."""
        return self._queues[name].wants_turn(running)

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
        return list(dict.fromkeys([*(run.job for run in self.running), *queued]))

    def places(self) -> dict[str, int]:
        """How many jobs run before each that waits and does not run, by its id; paused ones are not counted."""
        places: dict[str, int] = {}
        for name, queue in self._queues.items():
            ahead = sum(run.queue == name for run in self.running)
            for place, job in enumerate((job for job in queue.order() if not job.paused), start=ahead):
                if not any(run.job is job for run in self.running):
                    places[job.id] = min(place, places.get(job.id, place))
        return places

    def _is_free(self, lane: Lane, run: Run) -> bool:
        """Whether a lane can begin this now: what may end the engine is made with nothing beside it."""
        beside = self._on(lane)
        if beside and (run.is_suspect or any(one.is_suspect for one in beside)):
            return False
        return len(beside) < lane.capacity

    def _suits(self, lane: Lane, run: Run) -> tuple[int, int]:
        """How well a lane suits: it runs less than others, then it has the models at hand, or none that would go."""
        models = self._models.get(lane)
        return -len(self._on(lane)), 1 if models is None else 2 if models == run.models else 0

    def _on(self, lane: Lane) -> list[Run]:
        """What a lane runs."""
        return [one for one in self.running if one.lane is lane]
