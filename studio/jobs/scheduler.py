"""The scheduler: the items of all jobs, handed to lanes, fairly between owners."""

import contextvars
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import replace

from studio.backends.base import Backend, Rendered
from studio.downloads.queue import Errand, Hear
from studio.errors import (
    Busy,
    Cancelled,
    Closing,
    DeviceLost,
    InternalError,
    InUse,
    NotFound,
    OutOfMemory,
    StorageError,
    StudioError,
)
from studio.events import (
    Done,
    Downloading,
    Event,
    Failed,
    Finished,
    Halted,
    ImageFailed,
    Preview,
    Queued,
    Started,
    Step,
    Stopped,
)
from studio.gate.identity import Identity
from studio.jobs.fair_queue import FairQueue
from studio.jobs.item import DEVICE, QueueItem
from studio.jobs.job import Job, Listener
from studio.jobs.kinds import KINDS
from studio.jobs.kinds.base import Priority
from studio.jobs.lane import Lane
from studio.jobs.store import Beside, JobStore
from studio.library import Library, Saved
from studio.recipe import Recipe
from studio.storage.database import Database

# Ended jobs that stay findable, of each owner.
KEPT = 50
# Ended jobs that stay in memory, of all owners; the others are read from the disk when they are asked for.
RECENT = 1000
# An image that ends the whole process this often is not tried again.
ATTEMPTS = 3
# Beside the jobs on disk: why none is run any more.
HALTED = "halted.txt"
BROKEN_HINT = "Try again with other settings; the details are in the studio's log."
GIVEN_UP_HINT = "The device or the memory may be too small for it: try a smaller size, fewer images or another model."

# Makes the lane of a name that an item has; StudioError where there can be none.
LaneFor = Callable[[str], Lane]
# Seconds that the studio's end waits for a call which nothing here is held by.
LEAVING_SECONDS = 1.0

# Lets what these recipes lack come, and tells of it; None where they lack nothing.
Fetch = Callable[[Sequence[Recipe], Hear], Errand | None]

# The part of the line that one address may fill: a quarter, and one browser at it half of that.
STRANGERS_SHARE = 4

log = logging.getLogger(__name__)


class Scheduler:
    """Hands the items of jobs to lanes, fairly between owners; a database in a file keeps them.

    `backend` is the lane of this machine's device; `lanes` are others, by name, and `lane_for` makes one that an item
    names when it is first needed. A job whose weights have to be downloaded waits for its turn when `fetch` has brought
    them. A long job lets others in between its batches. A job of another owner is treated as if it were not there.
    Without `takes_up`, for one command, what an earlier one left in the database goes on when it is retried, and other
    programs may use it meanwhile.
    """

    def __init__(
        self,
        backend: Backend,
        library: Library,
        database: Database,
        max_waiting: int,
        fetch: Fetch | None = None,
        lanes: Mapping[str, Lane] | None = None,
        lane_for: LaneFor | None = None,
        *,
        takes_up: bool = True,
    ) -> None:
        self._lanes: dict[str, Lane] = {}
        self._queues: dict[str, FairQueue] = {}
        self._workers: list[tuple[threading.Thread, Lane]] = []
        self._lane_for = lane_for
        self._library = library
        self.database = database
        self._store = JobStore(database, alone=takes_up)
        self._max_waiting = max_waiting
        self._fetch = fetch
        self._fetching: dict[str, Job] = {}
        self._lock = threading.Condition()
        self._jobs: dict[str, Job] = {}
        self._listeners: dict[str, Listener] = {}
        self._places: dict[str, int] = {}
        # What each call that is under way makes, by the lane.
        self._running: list[tuple[str, Job]] = []
        self._closing = False
        self._halted: DeviceLost | None = None
        self._marker = database.path.with_name(HALTED) if database.path and takes_up else None
        if self._marker:
            self._marker.unlink(missing_ok=True)
        with self._lock:  # which lets the workers begin when all is taken up
            for name, lane in {DEVICE: Lane(backend), **(lanes or {})}.items():
                self._add_lane(name, lane)
            restored = self._restore() if takes_up else []
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

    def submit(
        self,
        recipes: Sequence[Recipe],
        who: Identity,
        id: str = "",  # noqa: A002
        *,
        kind: str = "images",
        priority: Priority | None = None,
        lanes: Sequence[str] = (),
        beside: Beside | None = None,
    ) -> Job:
        """Put settled recipes in line as one job; Busy where it is full, Closing or DeviceLost where none are taken.

        `id` is for who has to know the job's before there is one; no other job has it. `lanes` are those of the
        recipes, the device's where none are given; `priority` is the kind's where none is. What is written `beside` the
        job is on the disk with it, or neither is.
        """
        named = lanes or [DEVICE] * len(recipes)
        items = [QueueItem(number, *pair) for number, pair in enumerate(zip(recipes, named, strict=True))]
        name = id or secrets.token_urlsafe(12)
        job = Job(name, who, items, time.time(), kind=kind, priority=priority or KINDS[kind].priority)
        with self._lock:
            job.listeners = self._listeners
            self._check_open(job)
            for lane in job.lanes:
                self._open(lane)
            self._store.add(job, beside)
            self._jobs[job.id] = self._fetching[job.id] = job
        self._bring(job)
        return job

    def listen(self, kind: str, listener: Listener) -> None:
        """Call this after each event of a job of this kind; it returns at once, and asks the scheduler nothing."""
        self._listeners[kind] = listener

    def stop(self, id: str, owner: str) -> None:  # noqa: A002
        """End a job: at once where it waits, at its next step where it runs; nothing where it is over."""
        with self._lock:
            job = self.get(id, owner)
            job.stopping.set()
            self._drop(job, [item for item in job.items if item.state == "waiting"])
            self._move_up()
        if job.errand:
            job.errand.cancel()

    def stop_item(self, id: str, owner: str, number: int) -> None:  # noqa: A002
        """Do not make one image of a job; one that is being made beside others is thrown away when it comes."""
        with self._lock:
            job = self.get(id, owner)
            item = next((one for one in job.items if one.number == number), None)
            if item is None:
                raise NotFound("There is no such picture in this job.", "Choose another one.")
            if item.is_open:
                self._drop(job, [item])
                self._move_up()

    def retry(self, id: str, owner: str) -> Job:  # noqa: A002
        """Make what failed or was stopped of an ended job once more; NotFound where nothing did."""
        with self._lock:
            job = self.get(id, owner)
            again = [item for item in job.items if item.state in ("failed", "stopped")]
            if job.state in ("waiting", "running") or not again:
                raise NotFound("Nothing of this job is to be made again.", "Start it anew from the page.")
            self._check_open(job)
            self._store.reopen(job, again)
            for item in again:
                item.state, item.fault, item.attempts, item.alone = "waiting", None, 0, False
            job.stopping.clear()
            job.state, job.restored, job.errand, job.fault, job.paused = "waiting", True, None, None, False
            job.context = contextvars.copy_context()
            job.reopen(Queued(0))
            self._jobs[job.id] = self._fetching[job.id] = job
        self._bring(job)
        return job

    def pause(self, id: str, owner: str, *, paused: bool = True) -> None:  # noqa: A002
        """Begin nothing more of a job until it is resumed; what is being made is finished."""
        with self._lock:
            job = self.get(id, owner)
            job.paused = paused
            self._store.keep(job)
            self._move_up()
            self._lock.notify_all()

    def prioritise(self, id: str, owner: str, priority: Priority) -> None:  # noqa: A002
        """Let a job come before the owner's others, or in the background, when nothing else of anybody waits."""
        with self._lock:
            job = self.get(id, owner)
            job.priority = priority
            self._resort(job)

    def move(self, id: str, owner: str, before: str | None = None) -> None:  # noqa: A002
        """Put a waiting job before another of the owner's; at the end where none is named. Priorities stay."""
        with self._lock:
            job = self.get(id, owner)
            others = sorted(
                (one for one in self._jobs.values() if one.owner == owner and _is_open(one) and one is not job),
                key=lambda one: one.place,
            )
            at = others.index(self.get(before, owner)) if before else len(others)
            places = [one.place for one in others]
            low = places[at - 1] if at else (places[0] - 2 if places else job.place)
            high = places[at] if at < len(places) else low + 2
            job.place = (low + high) / 2
            self._resort(job)

    def remove(self, id: str, owner: str) -> None:  # noqa: A002
        """Forget a job that is over, and what refers to it; its images stay. InUse where it is not over."""
        with self._lock:
            if _is_open(self.get(id, owner)):
                raise InUse("This job is not over.", "Stop it first.")
            self._store.remove(id)
            self._jobs.pop(id, None)

    def get(self, id: str, owner: str) -> Job:  # noqa: A002
        """The owner's job; NotFound where there is none of this id."""
        with self._lock:
            job = self._known(id)
        if job is None or job.owner != owner:
            raise NotFound("There is no such job.", "It may have ended long ago; its images are in the library.")
        return job

    def of(self, owner: str) -> list[Job]:
        """The owner's jobs, newest first; of those that ended the newest."""
        with self._lock:
            return [job for id in self._store.of(owner, KEPT) if (job := self._known(id))]  # noqa: A001

    def waiting(self) -> int:
        """How many jobs wait, of all owners."""
        with self._lock:
            return len(self._in_line())

    def unfinished(self) -> list[Job]:
        """All jobs that wait or run, of all owners; those that run first, then as they would be begun."""
        with self._lock:
            order = [job for _, job in self._running]
            order += [job for queue in self._queues.values() for job in queue.order()]
            return list(dict.fromkeys([*order, *(job for job in self._jobs.values() if _is_open(job))]))

    def position(self, job: Job) -> int | None:
        """How many jobs run before this one; None where it does not wait."""
        with self._lock:
            return self._places.get(job.id)

    def close(self) -> None:
        """Stop what runs at its next step and end the workers; on disk, unfinished jobs wait for a new start."""
        with self._lock:
            self._closing = True
            self._put_all_back()
            self._lock.notify_all()
        for worker, lane in self._workers:
            # A call of a hosted model that is left is asked for by the same name at the next start.
            worker.join(LEAVING_SECONDS if lane.can_leave else None)
        for job in self.unfinished():
            if job.errand:
                job.errand.cancel()
            job.state = "stopped"
            job.tell(Stopped())
        self._store.close()

    def _put_all_back(self) -> None:
        """What this machine makes waits again at once: the process may end before its next step, and that is no try."""
        for name, job in self._running:
            begun = [item for item in job.items if item.state == "running" and item.lane == name]
            if not self._lanes[name].can_leave and not job.stopping.is_set():
                self._put_back(job, begun)

    def _check_open(self, job: Job) -> None:
        """Busy, Closing or DeviceLost where no more jobs are taken, or not this one."""
        self._check_crowd(job)
        if self._closing:
            raise Closing("The studio is closing.", "Start it again and repeat the request.")
        if self._halted:
            raise copy(self._halted)
        if len(self._in_line()) >= self._max_waiting:
            raise Busy(f"{self._max_waiting} jobs are waiting already.", "Try again when some are done.")

    def _check_crowd(self, job: Job) -> None:
        """Busy where one address, or one browser at it, has as many jobs waiting as strangers may have."""
        if not job.turn.startswith("address:"):
            return
        beside = [one for one in self._in_line() if one.turn == job.turn]
        most = max(1, self._max_waiting // STRANGERS_SHARE)
        if len(beside) >= most:
            raise Busy(f"{most} jobs from your address are waiting already.", "Try again when some are done.")
        own = max(1, most // 2)
        if sum(one.owner == job.owner for one in beside) >= own:
            raise Busy(f"{own} of your jobs are waiting already.", "Try again when some are done.")

    def _in_line(self) -> list[Job]:
        """The jobs that wait: for their turn, or for their weights."""
        queued = (job for queue in self._queues.values() for job in queue)
        return list(dict.fromkeys([*queued, *self._fetching.values()]))

    def _bring(self, job: Job) -> None:
        """Let the job's weights come, where they are not here, and put it in line then. The lock is not held."""
        try:
            missing = [item.recipe for item in job.waiting()]
            fetch = self._fetch if missing else None
            job.errand = fetch(missing, lambda news: self._heard(job, news)) if fetch else None
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
            del self._fetching[job.id]
            if news is None:
                self._line_up(job)
                self._conclude(job)  # an earlier studio may have made it all
                if self._halted:
                    job.tell(Halted(self._halted.message, self._halted.hint))
            else:
                self._fail(job, [item for item in job.items if item.is_open], news)
            self._move_up()
            self._lock.notify_all()

    def _line_up(self, job: Job, *, uncounted: bool = False) -> None:
        """Let the job wait for its turn on each lane that has to make something of it."""
        for name in job.lanes:
            try:
                self._open(name)
            except StudioError as error:  # there was one when the job was submitted
                for item in job.waiting(name):
                    self._fail(job, [item], error)
                continue
            if job not in self._queues[name]:
                self._queues[name].add(job, uncounted=uncounted)

    def _open(self, name: str) -> None:
        """See that there is a lane of this name; StudioError where there can be none."""
        if name in self._lanes:
            return
        if self._lane_for is None:
            raise NotFound(f"Nothing here makes pictures for “{name}”.", "Choose another model.")
        self._add_lane(name, self._lane_for(name))

    def _add_lane(self, name: str, lane: Lane) -> None:
        self._lanes[name], self._queues[name] = lane, FairQueue()
        for _ in range(lane.capacity):
            worker = threading.Thread(target=self._work, args=(name,), name=f"lane {name}", daemon=True)
            self._workers.append((worker, lane))
            worker.start()

    def _leave(self, job: Job) -> None:
        """The job waits no more where nothing of it does."""
        if not any(item.state == "waiting" for item in job.items):
            self._fetching.pop(job.id, None)
        for name, queue in self._queues.items():
            if job in queue and not job.waiting(name):
                queue.remove(job)

    def _resort(self, job: Job) -> None:
        """The job stands elsewhere among its owner's."""
        self._store.keep(job)
        for queue in self._queues.values():
            queue.sort()
        self._move_up()

    def _move_up(self) -> None:
        """Tell each waiting job whose place has changed."""
        before, self._places = self._places, {}
        for name, queue in self._queues.items():
            ahead = sum(lane == name for lane, _ in self._running)
            for place, job in enumerate((job for job in queue.order() if not job.paused), start=ahead):
                if not any(one is job for _, one in self._running):
                    self._places[job.id] = min(place, self._places.get(job.id, place))
        for job_id, place in self._places.items():
            if place != before.get(job_id) and not self._halted:
                self._jobs[job_id].tell(Queued(place))

    def _work(self, name: str) -> None:
        while (run := self._next(name)) is not None:
            job, items = run
            # A copy, as another lane may be at the same job.
            job.context.copy().run(self._run, name, job, items)

    def _next(self, name: str) -> tuple[Job, list[QueueItem]] | None:
        """Wait for what the lane makes next; None when closing."""
        queue = self._queues[name]
        with self._lock:
            while True:
                if self._closing:
                    return None
                if not self._halted and (job := queue.take()):
                    break
                self._move_up()
                self._lock.wait()
            items = self._lanes[name].chosen(job.waiting(name))
            for item in items:
                item.state = "running"
            job.state = "running"
            self._running.append((name, job))
            self._line_up(job)
            self._move_up()
            return job, items

    def _run(self, name: str, job: Job, items: list[QueueItem]) -> None:
        """One call of a lane, to its end; whatever becomes of it, each of its items has a state afterwards."""
        begun = time.monotonic()
        fault: StudioError | None = None
        try:
            self._store.begin(job, items)
            self._render(name, job, items)
        except Cancelled:
            pass
        except StudioError as error:
            fault = error
        except Exception as error:
            log.exception("Job %s failed", job.id)
            fault = InternalError(error, BROKEN_HINT)
        with self._lock:
            self._running.remove((name, job))
            if self._store.closed:  # what came after the end is found in the library at the next start
                return
            job.seconds += time.monotonic() - begun
            left = [item for item in items if item.state == "running"]
            if isinstance(fault, DeviceLost):
                self._halt(job, left, fault)
            elif fault is None:
                self._put_back(job, left)
            else:
                self._fail(job, left, fault)
            self._lock.notify_all()

    def _render(self, name: str, job: Job, items: list[QueueItem]) -> None:
        job.tell(Started())
        missing = [item for item in items if not self._found(job, item)]

        def report(event: Event) -> None:
            made = [missing[image] for image in event.images] if isinstance(event, Step) else missing
            if self._closing or job.stopping.is_set() or all(item.state != "running" for item in made):
                raise Cancelled
            job.tell(_renumbered(event, missing))

        def wanted() -> bool:
            with self._lock:
                return not (self._closing or job.paused or self._queues[name].wants_turn(job))

        lane = self._lanes[name]
        images = lane.render(job, missing, report, wanted) if missing else iter(())
        try:
            for rendered in images:
                if missing[rendered.index].state == "running":
                    self._keep(job, missing[rendered.index], rendered)
        finally:
            # A generator that is left early would hold the device until it is collected.
            if close := getattr(images, "close", None):
                close()

    def _keep(self, job: Job, item: QueueItem, rendered: Rendered) -> None:
        """Store an image, then report it: who hears of it may rely on the file."""
        recipe = rendered.recipe or item.recipe
        saved = self._library.save(
            rendered.image, recipe, rendered.facts, seconds=rendered.seconds, job=job.id, index=item.number
        )
        self._finished(job, item, saved)

    def _finished(self, job: Job, item: QueueItem, saved: Saved) -> None:
        if self._store.closed:
            return
        self._store.finish(job, item, saved.path.relative_to(self._library.folder).as_posix(), saved.seconds)
        with self._lock:
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

    def _put_back(self, job: Job, items: list[QueueItem], *, uncounted: bool = False) -> None:
        """What a call left wants another turn; or is stopped with its job."""
        if job.stopping.is_set():
            self._drop(job, items)
            return
        begun = [item for item in items if item.state == "running"]
        for item in items:
            item.state = "waiting"
        if begun and not _runs(job):
            job.state = "waiting"
        if begun:
            self._written(lambda: self._store.put_back(job, begun), job)
        if items and not self._closing:
            self._line_up(job, uncounted=uncounted)
        self._conclude(job)

    def _fail(self, job: Job, items: list[QueueItem], error: StudioError) -> None:
        """These items cannot be made. Which one of several is at fault shows when each is made by itself."""
        ends = KINDS[job.kind].one_fault_ends
        if not ends and isinstance(error, StorageError):  # no other image would be spared
            job.fault = Failed.of(error)
            job.stopping.set()
            self._drop(job, [item for item in job.items if item.is_open])
            return
        if not ends and len(items) > 1:
            for item in items:
                item.alone = True
            self._put_back(job, items)
            return
        for item in items:
            item.state, item.fault = "failed", Failed.of(error)
            if not ends:
                job.tell(ImageFailed(item.number, item.fault))
        self._written(lambda: self._store.drop(job, items), job)
        if ends:
            job.stopping.set()
            self._drop(job, [item for item in job.items if item.state == "waiting"])
        self._leave(job)
        self._conclude(job)

    def _drop(self, job: Job, items: list[QueueItem]) -> None:
        """These items are not to be made any more."""
        for item in items:
            item.state = "stopped"
        if items:
            self._written(lambda: self._store.drop(job, items), job)
        self._leave(job)
        self._conclude(job)

    def _halt(self, job: Job, items: list[QueueItem], error: DeviceLost) -> None:
        """Run no more. What runs and all that wait go on at the next start, or have failed where nothing is on disk."""
        log.error("No more jobs are run: %s", error)
        self._halted = error
        self._put_back(job, items, uncounted=True)
        if self._marker:
            with suppress(OSError):  # tells `studio doctor`
                self._marker.write_text(str(error))
        for one in self._in_line():
            if self._marker:
                one.tell(Halted(error.message, error.hint))
            else:
                self._fail(one, [item for item in one.items if item.state == "waiting"], error)

    def _conclude(self, job: Job) -> None:
        """Where nothing of the job is left to be made: write down how it ended, then tell."""
        if any(item.is_open for item in job.items) or job.state not in ("waiting", "running"):
            return
        ending = _ending_of(job)
        job.state = "done" if isinstance(ending, Done) else "stopped" if isinstance(ending, Stopped) else "failed"
        job.context = contextvars.Context()
        self._written(lambda: self._store.end(job, ending), job)
        with suppress(StorageError):
            for old in self._store.forget_old(job.owner, KEPT):
                self._jobs.pop(old, None)
        job.tell(ending)
        self._remember(job)

    def _written(self, write: Callable[[], None], job: Job) -> None:
        """What cannot be written down does not keep the others waiting."""
        try:
            write()
        except StorageError:
            log.exception("What became of job %s could not be written down", job.id)

    def _remember(self, job: Job) -> None:
        """The ended job is the last one to leave memory."""
        self._jobs.pop(job.id, None)
        self._jobs[job.id] = job
        ended = [one.id for one in self._jobs.values() if not _is_open(one)]
        for old in ended[:-RECENT]:
            del self._jobs[old]

    def _known(self, id: str) -> Job | None:  # noqa: A002
        """The job of this id, where it has ended long ago from the disk; None where there is none."""
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

    def _restore(self) -> list[Job]:
        """Take up what an earlier studio left: those that are returned wait again."""
        for job, ending in self._store.unfinished():
            if ending:
                self._recall(job, ending)
                continue
            job.restored, job.state = True, "waiting"
            job.listeners = self._listeners
            self._jobs[job.id] = self._fetching[job.id] = job
            self._tell_images(job)
            self._take_up(job)
        return list(self._fetching.values())

    def _take_up(self, job: Job) -> None:
        """What a studio that died was making is made again, each by itself, but not for ever."""
        hopeless = []
        for item in job.items:
            if item.state == "running":
                item.state, item.alone = "waiting", True
                hopeless += [item] if item.attempts >= ATTEMPTS else []
        if hopeless:
            times = max(item.attempts for item in hopeless)
            self._fail(job, hopeless, OutOfMemory(f"The studio broke down {times} times on this job.", GIVEN_UP_HINT))

    def _recall(self, job: Job, ending: Event) -> Job:
        """An ended job with its log written again, as far as its images are still there."""
        job.restored = True
        job.tell(Started())
        self._tell_images(job)
        job.listeners = self._listeners  # of what happens from now on
        for item in job.items:
            if item.fault and not KINDS[job.kind].one_fault_ends:
                job.tell(ImageFailed(item.number, item.fault))
        job.tell(ending)
        self._remember(job)
        return job

    def _tell_images(self, job: Job) -> None:
        for number, name, seconds in self._store.images(job.id):
            path = self._library.at(name)
            if path and number in range(len(job.items)):
                job.tell(Finished(number, path, job.items[number].recipe, seconds))


def _is_open(job: Job) -> bool:
    return job.state in ("waiting", "running")


def _runs(job: Job) -> bool:
    return any(item.state == "running" for item in job.items)


def _ending_of(job: Job) -> Done | Stopped | Failed:
    """How a job ended of which nothing is left to be made."""
    if job.fault:
        return job.fault
    faults = [item.fault for item in job.items if item.state == "failed" and item.fault]
    if faults and (KINDS[job.kind].one_fault_ends or all(item.state == "failed" for item in job.items)):
        return faults[0]
    if any(item.state == "stopped" for item in job.items):
        return Stopped()
    return Done(job.seconds)


def _renumbered(event: Event, items: Sequence[QueueItem]) -> Event:
    """The backend counts the images it was given; readers count those of the job."""
    if isinstance(event, Step):
        return replace(event, images=tuple(items[image].number for image in event.images))
    if isinstance(event, Preview):
        return replace(event, image=items[event.image].number)
    return event
