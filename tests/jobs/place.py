"""Where the schedulers of one test live, one after the other, and what jobs tell."""

from contextlib import closing
from pathlib import Path
from typing import Any

from studio.events import Event
from studio.jobs.item import QueueItem
from studio.jobs.job import Job
from studio.jobs.scheduler import Scheduler
from studio.jobs.store import JobStore
from studio.library import Library
from studio.recipe import Recipe
from studio.storage.database import FILE, Database
from tests.drawer import Drawer, picture, resolved
from tests.people import who


def wait_for(job: Job, kind: type[Event]) -> Any:
    return next(event for event in job.follow() if isinstance(event, kind))


def end_of(job: Job) -> Event:
    return list(job.follow())[-1]


class Place:
    """Where queues of one test live, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.library = Library(folder / "images")

    def queue(self, drawer: Drawer, max_waiting: int = 100) -> Scheduler:
        return Scheduler(drawer, self.library, Database(self.path), max_waiting)

    def store(self) -> JobStore:
        return JobStore(Database(self.path))


def job_of(name: str, recipes: list[Recipe], owner: str = "ann") -> Job:
    return Job(name, who(owner), [QueueItem(number, recipe) for number, recipe in enumerate(recipes)], 0.0)


def add_crashed(place: Place, attempts: int, stored: int) -> None:
    """What a studio leaves that died while it ran a job of three images."""
    recipes = [resolved("a", seed) for seed in (1, 2, 3)]
    with closing(place.store()) as store:
        job = job_of("crashed", recipes)
        store.add(job)
        for _ in range(attempts):
            store.begin(job, job.items)
    for index in range(stored):
        place.library.save(picture(recipes[index]), recipes[index], {}, seconds=1, job="crashed", index=index)
