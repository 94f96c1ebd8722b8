"""The known jobs: open and recently ended ones in memory, the others in the database."""

from contextlib import suppress

from studio.errors import NotFound, StorageError
from studio.events import Event, Finished, ImageFailed, NotContinued, Started, Stopped
from studio.gate.identity import Identity
from studio.jobs.fair_queue import rank
from studio.jobs.job import Job, Listener
from studio.jobs.kinds import KINDS
from studio.jobs.store import JobStore
from studio.library import Library

# Ended jobs that stay findable, of each owner.
KEPT = 50
# Ended jobs that stay in memory, of all owners; the others are read from the disk when they are asked for.
RECENT = 1000


class Register:
    """Finds jobs by their ids, and forgets old ones; `listeners` are called with the events of jobs of a kind.

    The caller holds the scheduler's lock.
    """

    def __init__(self, store: JobStore, library: Library) -> None:
        self.listeners: dict[str, list[Listener]] = {}
        self._store = store
        self._library = library
        self._jobs: dict[str, Job] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, job: Job) -> None:
        """Add an open job."""
        job.listeners = self.listeners
        self._jobs[job.id] = job

    def find(self, id: str) -> Job | None:  # noqa: A002
        """Return the job of this id, from the database where it ended long ago; None where there is none."""
        if id in self._jobs:
            return self._jobs[id]
        found = self._store.get(id)
        if found is None:
            return None
        job, ending = found
        if ending is None:  # it was killed with the command that began it
            job.state = "stopped"
            for item in job.items:
                item.state = "stopped" if item.is_open else item.state
        return self._recall(job, ending or Stopped())

    def of(self, who: Identity) -> list[Job]:
        """The owner's jobs, newest first; of the ended ones only the newest."""
        return [job for id in self._store.of(who.owner, KEPT) if (job := self.find(id))]  # noqa: A001

    def hand_over(self, earlier: Identity, who: Identity) -> None:
        """Those jobs of one owner that are in memory are another's now."""
        for job in self._jobs.values():
            if job.owner == earlier.owner:
                job.who, job.owner = who, who.owner

    def open(self) -> list[Job]:
        """The open jobs."""
        return [job for job in self._jobs.values() if job.is_open]

    def move(self, job: Job, before: Job | None) -> None:
        """Give a job the place before another of its owner's that is not over, or behind all of them; and the priority
        of the one whose neighbour it becomes, without which it would not stand there. NotFound where that is over.
        """
        others = sorted((one for one in self.open() if one.owner == job.owner and one is not job), key=rank)
        if before and before not in others:
            raise NotFound("That job is over.", "Choose another place.")
        if not others:
            return
        job.priority = (before or others[-1]).priority
        places = [one.place for one in others if one.priority == job.priority]
        at = places.index(before.place) if before else len(places)
        low = places[at - 1] if at else places[0] - 2
        job.place = (low + (places[at] if at < len(places) else low + 2)) / 2

    def left_over(self) -> list[Job]:
        """What an earlier studio left: those that are returned are not over, and tell what is there of them."""
        left = []
        for job, ending in self._store.unfinished():
            if ending:
                self._recall(job, ending)
                continue
            job.restored, job.state = True, "waiting"
            self.add(job)
            self._tell_images(job)
            left.append(job)
        return left

    def ended(self, job: Job) -> None:
        """The job is the last one to leave memory, and of its owner's the last one to be forgotten, if it is wanted."""
        if job.is_unwanted:
            with suppress(StorageError):
                self.drop(job)
            return
        with suppress(StorageError):
            for old in self._store.forget_old(job.owner, KEPT):
                self._jobs.pop(old, None)
        self._remember(job)

    def drop(self, job: Job) -> None:
        """Forget a job and what refers to it."""
        self._store.remove(job.id)
        self._jobs.pop(job.id, None)

    def _remember(self, job: Job) -> None:
        self._jobs.pop(job.id, None)
        self._jobs[job.id] = job
        for old in [one.id for one in self._jobs.values() if not one.is_open][:-RECENT]:
            del self._jobs[old]

    def _recall(self, job: Job, ending: Event) -> Job:
        """An ended job with its log written again, as far as its images are still there."""
        job.restored = True
        job.tell(Started())
        self._tell_images(job)
        job.listeners = self.listeners  # of what happens from now on
        for item in job.items:
            if item.fault and not KINDS[job.kind].one_fault_ends:
                job.tell(ImageFailed(item.number, item.fault))
            if item.not_continued:
                job.tell(NotContinued(item.number, item.not_continued))
        job.tell(ending)
        self._remember(job)
        return job

    def _tell_images(self, job: Job) -> None:
        for number, name, seconds in self._store.images(job.id):
            path = self._library.at(name)
            if path and number in range(len(job.items)):
                job.tell(Finished(number, path, job.items[number].recipe, seconds))
        for item in job.items:
            if item.state == "dropped" and item.fell:
                job.tell(item.fell)
