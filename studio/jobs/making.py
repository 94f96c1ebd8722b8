"""One call of a lane: renders items of one job into the library; each image is reported once it is stored."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from studio.backends.base import Rendered
from studio.errors import Cancelled
from studio.events import Dropped, Event, Finished, Preview, Started, Step
from studio.jobs.item import QueueItem
from studio.jobs.job import Job
from studio.jobs.lane import Lane
from studio.jobs.store import JobStore
from studio.library import Library, Saved
from studio.library.facts import item_id
from studio.recipe import Recipe
from studio.safety.layer import SafeImage, Safety

# What more is kept in the file of a picture of this recipe.
MadeWith = Callable[[Recipe], Mapping[str, Any]]


class Maker:
    """Lets lanes render, stores the images and reports them; `lock` is the scheduler's."""

    def __init__(
        self,
        library: Library,
        store: JobStore,
        lock: threading.Condition,
        made_with: MadeWith | None = None,
        safety: Safety | None = None,
    ) -> None:
        self._made_with = made_with
        self._safety = safety
        self._library = library
        self._store = store
        self._lock = lock

    def make(
        self,
        lane: Lane,
        job: Job,
        items: Sequence[QueueItem],
        *,
        stopped: Callable[[], bool],
        wanted: Callable[[], bool],
    ) -> None:
        """Render these items unless an earlier attempt did; items that are left keep their running state.

        Cancelled where it is `stopped` between two steps, or none of the items is to be made any more; where `wanted`
        says no between two batches, the rest is left.
        """
        job.tell(Started())
        missing = [item for item in items if not self._found(job, item)]

        def report(event: Event) -> None:
            made = [missing[image] for image in event.images] if isinstance(event, Step) else missing
            if stopped() or all(item.state != "running" for item in made):
                raise Cancelled
            if isinstance(event, Preview):
                event = replace(event, jpeg=self._look(event.jpeg, missing[event.image]))
                if not event.jpeg:
                    return
            if isinstance(event, Dropped):
                self._drop(job, missing[event.image], event)
                return
            job.tell(_for_all(_renumbered(event, missing), job, time.monotonic() - begun))

        begun = time.monotonic()
        images = lane.render(job, missing, report, wanted) if missing else iter(())
        try:
            for rendered in images:
                item = missing[rendered.index]
                if self._takes(item):
                    try:
                        self._keep(job, item, rendered)
                    finally:
                        item.keeping = False
        finally:
            # A generator that is left early would hold the device until it is collected.
            if close := getattr(images, "close", None):
                close()

    def _look(self, jpeg: bytes, item: QueueItem) -> bytes:
        """A look at an item as it may be shown; empty where it may not."""
        return self._safety.look(jpeg, item.recipe) if self._safety and jpeg else jpeg

    def _drop(self, job: Job, item: QueueItem, event: Dropped) -> None:
        """Keep what is left of an image that fell behind."""
        item.fell = replace(event, image=item.number, jpeg=self._look(event.jpeg, item))
        with self._lock:  # up to the report: else another call could end the job in between, and tell so first
            if item.state != "running":
                return
            item.state = "dropped"
            self._store.drop(job, [item])
            job.tell(item.fell)

    def _takes(self, item: QueueItem) -> bool:
        """Whether an image that has come is stored: not where its item was stopped, or another call stores it."""
        with self._lock:
            if item.state != "running" or item.keeping:
                return False
            item.keeping = True
            return True

    def _keep(self, job: Job, item: QueueItem, rendered: Rendered) -> None:
        """Store an image, then report it: a listener may rely on the file."""
        recipe = rendered.recipe or item.recipe
        safe = self._safe(job, item, rendered, recipe)
        for verdict in safe.verdicts:
            job.tell(verdict)
        facts = {**rendered.facts, **(self._made_with(recipe) if self._made_with else {}), **safe.facts}
        saved = self._library.save(
            safe.image,
            recipe,
            facts,
            seconds=rendered.seconds,
            job=job.id,
            index=item.number,
            kind=job.kind,
            who=job.who,
            frames=() if safe.is_withheld else rendered.frames,
        )
        self._finished(job, item, saved)

    def _safe(self, job: Job, item: QueueItem, rendered: Rendered, recipe: Recipe) -> SafeImage:
        if self._safety is None:
            return SafeImage(rendered.image)
        picture = item_id(job.id, item.number)
        return self._safety.finish(rendered.image, recipe, rendered.facts, number=item.number, picture=picture)

    def _finished(self, job: Job, item: QueueItem, saved: Saved) -> None:
        if self._store.closed:
            return
        name = saved.path.relative_to(self._library.folder).as_posix()
        self._library.record(saved, job.who, lambda: self._store.finish(job, item, name, saved.seconds))
        with self._lock:  # also the report, as in `_drop`
            item.state = "done"
            job.tell(Finished(item.number, saved.path, saved.recipe, saved.seconds))

    def _found(self, job: Job, item: QueueItem) -> bool:
        """Whether an earlier attempt stored this image; reports it if so."""
        if not job.restored:
            return False
        saved = self._library.find(item.recipe, job.id, item.number)
        if saved is None:
            return False
        self._finished(job, item, saved)
        return True


def _for_all(event: Event, job: Job, seconds: float) -> Event:
    """A call knows how long its own images take; readers are told of all that the job has left.

    What waits is made as this call's images are, which took so many `seconds` up to here, and as many at a time.
    """
    if not isinstance(event, Step):
        return event
    waiting, running = (sum(item.state == state for item in job.items) for state in ("waiting", "running"))
    return replace(event, seconds_left=event.seconds_left + (seconds + event.seconds_left) * waiting / max(1, running))


def _renumbered(event: Event, items: Sequence[QueueItem]) -> Event:
    """The backend counts the images it was given; readers count those of the job."""
    if isinstance(event, Step):
        return replace(event, images=tuple(items[image].number for image in event.images))
    if isinstance(event, Preview):
        return replace(event, image=items[event.image].number)
    return event
