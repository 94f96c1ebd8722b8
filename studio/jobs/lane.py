"""A lane: a backend that makes images, and how many calls it takes at a time."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from studio.backends.base import Backend, Rendered, Report, Turn, Wanted
from studio.backends.hosted import HostedImages
from studio.errors import Cancelled
from studio.events import Preview
from studio.jobs.item import QueueItem
from studio.jobs.job import Job
from studio.jobs.kinds import KINDS
from studio.jobs.kinds.base import PRIORITIES

# Calls of one hosted model at a time; more and services slow one down.
SIDE_BY_SIDE = 3


@dataclass(frozen=True)
class Lane:
    """`backend` takes `capacity` calls at a time, each for items of one job.

    A lane is given the job, not recipes alone: whose it is and which of its images this is decide whose key is used
    and what a call is named, and unlike a context variable both are on disk, so that they outlive the process.
    """

    backend: Backend
    capacity: int = 1

    @property
    def can_leave(self) -> bool:
        """Whether the studio may close during a call, as the call holds nothing of this process."""
        return False

    def chosen(self, job: Job, waiting: Sequence[QueueItem]) -> list[QueueItem]:
        """Which of a job's waiting items one call is for: the first ones, up to one that is made alone.

        Those that are raced are made in one call.
        """
        chosen: list[QueueItem] = []
        for item in waiting[: self.backend.most]:
            alone = item.alone or (not job.race and self.backend.alone(item.recipe))
            if alone and chosen:
                break
            chosen.append(item)
            if alone:
                break
        return chosen

    def render(self, job: Job, items: Sequence[QueueItem], report: Report, wanted: Wanted) -> Iterator[Rendered]:
        """The images of these items of the job, as they are done; as `Backend.generate` has it."""

        def over() -> bool:
            return job.stopping.is_set() or all(item.state != "running" for item in items)

        turn = Turn(
            job.turn,
            PRIORITIES.index(job.priority),
            job.priority == "background",
            over,
            KINDS[job.kind].each_step,
            job.race,
        )
        return self.backend.generate([item.recipe for item in items], report, wanted, turn)


@dataclass(frozen=True)
class HostedLane(Lane):
    """One hosted model: one image a call."""

    backend: HostedImages
    capacity: int = SIDE_BY_SIDE

    @property
    def can_leave(self) -> bool:
        return True

    def render(self, job: Job, items: Sequence[QueueItem], report: Report, wanted: Wanted) -> Iterator[Rendered]:
        del wanted
        for index, item in enumerate(items):

            def look(jpeg: bytes, index: int = index) -> None:
                with suppress(Cancelled):  # what is under way is paid for: its picture is kept
                    report(Preview(index, jpeg))

            made = self.backend.make(
                item.recipe,
                self.backend.hosted.budget.call(f"{job.id}-{item.number}"),
                job.who,
                look=look,
                pause=job.stopping.wait,
            )
            yield replace(made, index=index)
