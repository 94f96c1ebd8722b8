"""The jobs: one line for everybody, and one worker for the device."""

import contextvars
import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import replace

from studio.backends.base import Backend, Rendered
from studio.downloads.queue import Errand, Hear
from studio.errors import Busy, Cancelled, Closing, DeviceLost, InternalError, NotFound, StorageError, StudioError
from studio.events import (
    Done,
    Downloading,
    Event,
    Failed,
    Finished,
    Halted,
    Preview,
    Queued,
    Started,
    Step,
    Stopped,
)
from studio.job import Job
from studio.ledger import Entry, Ledger, State
from studio.library import Library, Saved
from studio.line import Line
from studio.recipe import Recipe
from studio.storage.database import Database

__all__ = ["Job", "JobQueue"]

# Ended jobs that stay findable, of each owner.
KEPT = 50
# Ended jobs that stay in memory, of all owners; the others are read from the disk when they are asked for.
RECENT = 1000
# A job that ends the whole process this often is not tried again.
ATTEMPTS = 3
# Beside the jobs on disk: why none is run any more.
HALTED = "halted.txt"
BROKEN_HINT = "Try again with other settings; the details are in the studio's log."
GIVEN_UP_HINT = "The device or the memory may be too small for it: try a smaller size, fewer images or another model."

# Lets what these recipes lack come, and tells of it; None where they lack nothing.
Fetch = Callable[[Sequence[Recipe], Hear], Errand | None]

# Owners without an account of whom an address is remembered, and the part of the line that one address may fill: a
# quarter, and one browser at it half of that.
MOST_STRANGERS = 10_000
STRANGERS_SHARE = 4

log = logging.getLogger(__name__)


class JobQueue:
    """Runs jobs one after the other on one backend, fairly between owners; a database in a file keeps them.

    A job whose weights have to be downloaded joins the line when `fetch` has brought them. A job of another owner is
    treated as if it were not there.
    """

    def __init__(
        self, backend: Backend, library: Library, database: Database, max_waiting: int, fetch: Fetch | None = None
    ) -> None:
        self._fetch = fetch
        self._fetching: dict[str, Job] = {}
        self._backend = backend
        self._library = library
        self._max_waiting = max_waiting
        self._ledger = Ledger(database)
        self._lock = threading.Condition()
        self._addresses: dict[str, str] = {}
        self._jobs: dict[str, Job] = {}
        self._line = Line()
        self._places: dict[str, int] = {}
        self._running: Job | None = None
        self._closing = False
        self._halted: DeviceLost | None = None
        self._marker = database.path.with_name(HALTED) if database.path else None
        if self._marker:
            self._marker.unlink(missing_ok=True)
        restored = self._restore()
        self._worker = threading.Thread(target=self._work, name="jobs", daemon=True)
        self._worker.start()
        for job in restored:
            self._bring(job)

    @property
    def closing(self) -> bool:
        """Whether no more jobs are taken, because the studio is closing."""
        return self._closing

    @property
    def halted(self) -> DeviceLost | None:
        """Why no job is run any more until the studio is started again; None where they run."""
        return self._halted

    def submit(self, recipes: Sequence[Recipe], owner: str, id: str = "") -> Job:  # noqa: A002
        """Put settled recipes in line; Busy where that is full, Closing or DeviceLost where no more is taken.

        `id` is for who has to know the job's before there is one; no other job has it.
        """
        job = Job(id or secrets.token_urlsafe(12), owner, tuple(recipes), time.time())
        with self._lock:
            job.turn = self._addresses.get(owner, owner)
            self._check_crowd(job)
            if self._closing:
                raise Closing("The studio is closing.", "Start it again and repeat the request.")
            if self._halted:
                raise copy(self._halted)
            if len(self._line) + len(self._fetching) >= self._max_waiting:
                raise Busy(f"{self._max_waiting} jobs are waiting already.", "Try again when some are done.")
            self._ledger.add(job.id, owner, job.created, job.recipes)
            self._jobs[job.id] = self._fetching[job.id] = job
        self._bring(job)
        return job

    def comes_from(self, owner: str, address: str) -> None:
        """Let an owner whom nobody vouches for share the turns of all others at his address."""
        with self._lock:
            self._addresses.pop(owner, None)
            self._addresses[owner] = f"address:{address}"
            while len(self._addresses) > MOST_STRANGERS:
                del self._addresses[next(iter(self._addresses))]

    def _check_crowd(self, job: Job) -> None:
        """Busy where one address, or one browser at it, has as many jobs waiting as strangers may have."""
        if not job.turn.startswith("address:"):
            return
        beside = [one for one in (*self._line.order(), *self._fetching.values()) if one.turn == job.turn]
        most = max(1, self._max_waiting // STRANGERS_SHARE)
        if len(beside) >= most:
            raise Busy(f"{most} jobs from your address are waiting already.", "Try again when some are done.")
        own = max(1, most // 2)
        if sum(one.owner == job.owner for one in beside) >= own:
            raise Busy(f"{own} of your jobs are waiting already.", "Try again when some are done.")

    def stop(self, id: str, owner: str) -> None:  # noqa: A002
        """End a job: at once where it waits, at its next step where it runs; nothing where it is over."""
        with self._lock:
            job = self.get(id, owner)
            job.stopping.set()
            if job.state == "waiting":
                self._leave(job)
                self._end(job, Stopped())
                self._move_up()
        if job.errand:
            job.errand.cancel()

    def get(self, id: str, owner: str) -> Job:  # noqa: A002
        """The owner's job; NotFound where there is none of this id."""
        with self._lock:
            job = self._known(id)
        if job is None or job.owner != owner:
            raise NotFound("There is no such job.", "It may have ended long ago; its images are in the library.")
        return job

    def of(self, owner: str) -> list[Job]:
        """The owner's jobs, newest first."""
        with self._lock:
            return [job for id in self._ledger.of(owner) if (job := self._known(id))]  # noqa: A001

    def waiting(self) -> int:
        """How many jobs wait, of all owners."""
        with self._lock:
            return len(self._line) + len(self._fetching)

    def unfinished(self) -> list[Job]:
        """All jobs that wait or run, of all owners."""
        with self._lock:
            return [job for job in self._jobs.values() if job.state in ("waiting", "running")]

    def position(self, job: Job) -> int | None:
        """How many jobs run before this one; None where it does not wait."""
        with self._lock:
            return self._places.get(job.id)

    def close(self) -> None:
        """Stop the running job at its next step and end the worker; on disk, unfinished jobs wait for a new start."""
        with self._lock:
            self._closing = True
            self._lock.notify_all()
        self._worker.join()
        for job in [*self._line.order(), *self._fetching.values()]:
            if job.errand:
                job.errand.cancel()
            self._leave(job)
            job.state = "stopped"
            job.tell(Stopped())
        self._ledger.close()

    def _bring(self, job: Job) -> None:
        """Let the job's weights come, where they are not here, and put it in line then. The lock is not held."""
        try:
            job.errand = self._fetch(job.recipes, lambda news: self._heard(job, news)) if self._fetch else None
        except StudioError as error:  # a model that was there when the job was
            self._heard(job, error)
            return
        if job.errand is None:
            self._heard(job, None)
        elif job.stopping.is_set() or self._closing:
            job.errand.cancel()

    def _heard(self, job: Job, news: Downloading | StudioError | None) -> None:
        """What became of the job's weights: on their way, here, or not to be had."""
        with self._lock:
            if job.id not in self._fetching or self._closing:
                return
            if isinstance(news, Downloading):
                job.tell(news)
                return
            self._leave(job)
            if news is None:
                self._line.add(job)
                if self._halted:
                    job.tell(Halted(self._halted.message, self._halted.hint))
            else:
                self._end(job, Failed.of(news))
            self._move_up()
            self._lock.notify_all()

    def _leave(self, job: Job) -> None:
        """The job waits no more where it waited."""
        if self._fetching.pop(job.id, None) is None:
            self._line.remove(job)

    def _move_up(self) -> None:
        """Tell each waiting job whose place has changed."""
        ahead = 0 if self._running is None else 1
        before = self._places
        order = self._line.order()
        self._places = {job.id: place for place, job in enumerate(order, start=ahead)}
        for job in order:
            if self._places[job.id] != before.get(job.id) and not self._halted:
                job.tell(Queued(self._places[job.id]))

    def _work(self) -> None:
        while (job := self._next()) is not None:
            job.context.run(self._run, job)

    def _next(self) -> Job | None:
        """Wait for a job to run; None when closing."""
        with self._lock:
            self._lock.wait_for(lambda: self._closing or (len(self._line) > 0 and not self._halted))
            if self._closing:
                return None
            self._running = job = self._line.take()
            job.state = "running"
            self._move_up()
            return job

    def _run(self, job: Job) -> None:
        begun = time.monotonic()
        ending: Done | Stopped | Failed
        try:
            self._ledger.begin(job.id)
            self._render(job)
            ending = Done(time.monotonic() - begun)
        except Cancelled:
            ending = Stopped()
        except DeviceLost as error:
            self._halt(job, error)
            return
        except StudioError as error:
            ending = Failed.of(error)
        except Exception as error:
            log.exception("Job %s failed", job.id)
            ending = Failed.of(InternalError(error, BROKEN_HINT))
        with self._lock:
            self._running = None
            self._end(job, ending)

    def _halt(self, job: Job, error: DeviceLost) -> None:
        """Run no more. The job and all that wait go on at the next start, or have failed where nothing is on disk."""
        log.error("No more jobs are run: %s", error)
        with self._lock:
            self._halted, self._running = error, None
            if job.stopping.is_set():
                self._end(job, Stopped())
            else:
                self._return(job)
            if self._marker:
                with suppress(OSError):  # tells `studio doctor`
                    self._marker.write_text(str(error))
            for one in self._line.order():
                if self._marker:
                    one.tell(Halted(error.message, error.hint))
                else:
                    self._leave(one)
                    self._end(one, Failed.of(error))

    def _return(self, job: Job) -> None:
        """The job waits again, first of its owner's, as if it had not been begun."""
        job.state = "waiting"
        self._line.put_back(job)
        try:
            self._ledger.put_back(job.id)
        except StorageError:
            log.exception("That job %s waits again could not be written down", job.id)

    def _render(self, job: Job) -> None:
        job.tell(Started())
        missing = [index for index in range(len(job.recipes)) if not self._found(job, index)]

        def report(event: Event) -> None:
            if self._closing or job.stopping.is_set():
                raise Cancelled
            job.tell(_renumbered(event, missing))

        images = self._backend.generate([job.recipes[index] for index in missing], report) if missing else iter(())
        try:
            for rendered in images:
                self._store(job, missing[rendered.index], rendered)
        finally:
            # A generator that is left early would hold the device until it is collected.
            if close := getattr(images, "close", None):
                close()

    def _store(self, job: Job, index: int, rendered: Rendered) -> None:
        """Store an image, then report it: who hears of it may rely on the file."""
        recipe = rendered.recipe or job.recipes[index]
        saved = self._library.save(
            rendered.image, recipe, rendered.facts, seconds=rendered.seconds, job=job.id, index=index
        )
        self._finished(job, index, saved)

    def _finished(self, job: Job, index: int, saved: Saved) -> None:
        self._ledger.add_image(job.id, index, saved.path.relative_to(self._library.folder).as_posix(), saved.seconds)
        job.tell(Finished(index, saved.path, saved.recipe, saved.seconds))

    def _found(self, job: Job, index: int) -> bool:
        """Whether an attempt before a restart stored this image; reports it if so."""
        if not job.restored:
            return False
        saved = self._library.find(job.recipes[index], job.id, index)
        if saved is None:
            return False
        self._finished(job, index, saved)
        return True

    def _end(self, job: Job, ending: Done | Stopped | Failed) -> None:
        """Write down how a job ended, then tell; on the disk a job that only the closing interrupted waits again."""
        job.state = _state(ending)
        job.context = contextvars.Context()
        try:
            if isinstance(ending, Stopped) and not job.stopping.is_set():
                self._ledger.put_back(job.id)
            else:
                # The part at fault means something beside the form that was sent, which no later start has.
                told = {name: value for name, value in vars(ending).items() if name not in ("part", "code")}
                self._ledger.end(job.id, job.state, **told)
                for old in self._ledger.forget_old(job.owner, KEPT):
                    self._jobs.pop(old, None)
        except StorageError:
            log.exception("The end of job %s could not be written down", job.id)
        job.tell(ending)
        self._remember(job)

    def _remember(self, job: Job) -> None:
        """The ended job is the last one to leave memory."""
        self._jobs.pop(job.id, None)
        self._jobs[job.id] = job
        ended = [one.id for one in self._jobs.values() if one.state not in ("waiting", "running")]
        for old in ended[:-RECENT]:
            del self._jobs[old]

    def _known(self, id: str) -> Job | None:  # noqa: A002
        """The job of this id, where it has ended long ago from the disk; None where there is none."""
        if id in self._jobs:
            return self._jobs[id]
        entry = self._ledger.entry(id)
        if entry is None or entry.state in ("waiting", "running"):
            return None
        return self._recall(entry)

    def _restore(self) -> list[Job]:
        """Take up what an earlier studio left: those that are returned wait again."""
        for entry in self._ledger.unfinished():
            if entry.state == "failed":
                self._recall(entry)
                continue
            job = _job(entry)
            self._jobs[job.id] = job
            if entry.state == "running" and entry.attempts >= ATTEMPTS:
                self._end(job, Failed(f"The studio broke down {entry.attempts} times on this job.", GIVEN_UP_HINT))
            else:
                self._fetching[job.id] = job
        return list(self._fetching.values())

    def _recall(self, entry: Entry) -> Job:
        """An ended job with its log written again, as far as its images are still there."""
        job = _job(entry)
        job.state = entry.state
        job.tell(Started())
        for image, name, seconds in self._ledger.images(job.id):
            path = self._library.at(name)
            if path and image in range(len(job.recipes)):
                job.tell(Finished(image, path, job.recipes[image], seconds))
        job.tell(_ending(entry))
        self._remember(job)
        return job


def _job(entry: Entry) -> Job:
    """A job as an earlier studio left it."""
    job = Job(entry.id, entry.owner, entry.recipes, entry.created)
    job.restored = True
    return job


def _renumbered(event: Event, images: Sequence[int]) -> Event:
    """The backend counts the images it was given; readers count those of the job."""
    if isinstance(event, Step):
        return replace(event, images=tuple(images[image] for image in event.images))
    if isinstance(event, Preview):
        return replace(event, image=images[event.image])
    return event


def _state(ending: Done | Stopped | Failed) -> State:
    return "done" if isinstance(ending, Done) else "stopped" if isinstance(ending, Stopped) else "failed"


def _ending(entry: Entry) -> Done | Stopped | Failed:
    if entry.state == "failed":
        return Failed(entry.message, entry.hint, entry.field)
    return Done(entry.seconds) if entry.state == "done" else Stopped()
