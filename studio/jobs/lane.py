"""A lane: whoever makes images, and how many calls at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from studio.backends.base import Backend
from studio.jobs.item import QueueItem


@dataclass(frozen=True)
class Lane:
    """`backend` is asked by `capacity` calls at a time, each for items of one job."""

    backend: Backend
    capacity: int = 1

    def chosen(self, waiting: Sequence[QueueItem]) -> list[QueueItem]:
        """Which of a job's waiting items one call is for: the first ones, up to one that is made alone."""
        chosen: list[QueueItem] = []
        for item in waiting[: self.backend.most]:
            if item.alone and chosen:
                break
            chosen.append(item)
            if item.alone:
                break
        return chosen
