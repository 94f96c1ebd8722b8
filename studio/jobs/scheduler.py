"""The scheduler: the items of all jobs, handed to lanes, fairly between owners."""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from copy import copy
from sqlite3 import Connection

from studio.backends.base import Backend
from studio.downloads.queue import Errand, OnNews
from studio.errors import Cancelled, Closing, DeviceLost, EngineEnded, InternalError, NotFound, StudioError
from studio.events import Downloading, Failed, Halted, NotContinued, Queued, Stopped
from studio.gate.identity import Identity, check_creates
from studio.jobs.admission import Admission, Limits
from studio.jobs.item import DEVICE, QueueItem
from studio.jobs.job import Job, Listener
from studio.jobs.kinds import KINDS
from studio.jobs.kinds.base import Priority
from studio.jobs.lane import Lane
from studio.jobs.lane_queues import LaneQueues, Run
from studio.jobs.making import MadeWith, Maker
from studio.jobs.outcomes import Outcomes
from studio.jobs.register import Register
from studio.jobs.store import Beside, JobStore
from studio.library import Library
from studio.logs import job_id
from studio.racing import Race
from studio.recipe import ResolvedRecipe
from studio.safety.layer import Safety
from studio.storage.database import Database

# Beside the jobs on disk: why none is run any more.
HALTED = "halted.txt"
BROKEN_HINT = "Try again with other settings; the details are in the studio's log."

# Makes the lane of a name that an item has; StudioError where there can be none.
LaneFor = Callable[[str], Lane]
# Seconds that the studio's end waits for a call which nothing here is held by.
LEAVING_SECONDS = 1.0

# Lets what these recipes lack come, and tells of it; None where they lack nothing.
Fetch = Callable[[Sequence[ResolvedRecipe], OnNews], Errand | None]

log = logging.getLogger(__name__)


class Scheduler:
    """Hands the items of jobs to lanes, fairly between owners; a database in a file keeps them.

    `backend` is the lane of this machine's device; `lanes` are others, by name, and `lane_for` makes one that an item
    names when it is first needed. A job whose weights have to be downloaded waits for its turn when `fetch` has brought
    them. A long job lets others in between its batches. A job of another owner is treated as if it were not there.
    Without `takes_up`, for one command, what an earlier one left in the database goes on when it is retried, and other
    programs may use it meanwhile. `made_with` tells what else is kept in the file of a picture.
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
        limits: Limits | None = None,
        takes_up: bool = True,
        made_with: MadeWith | None = None,
        safety: Safety | None = None,
    ) -> None:
        self._queues = LaneQueues()
        self._workers: list[tuple[threading.Thread, Lane]] = []
        self._lane_for = lane_for
        self.database = database
        self._lock = threading.Condition()
        self._store = JobStore(database, alone=takes_up)
        self._register = Register(self._store, library)
        self._maker = Maker(library, self._store, self._lock, made_with, safety)
        self._admission = Admission(max_waiting, limits or Limits())
        self._fetch = fetch
        self._outcomes = Outcomes(self._store, self._queues, self._register, self._line_up)
        self._places: dict[str, int] = {}
        self._closing = False
        self._halted: DeviceLost | None = None
        self._marker = database.path.with_name(HALTED) if database.path and takes_up else None
        if self._marker:
            self._marker.unlink(missing_ok=True)
        with self._lock:  # which lets the workers begin when all is taken up
            self._add_lanes(DEVICE, [Lane(one, one.side_by_side) for one in backend.devices])
            for name, lane in (lanes or {}).items():
                self._add_lanes(name, [lane])
            restored = self._register.left_over() if takes_up else []
            for job in restored:
                self._queues.fetching[job.id] = job
                self._outcomes.take_up(job)
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
        recipes: Sequence[ResolvedRecipe],
        who: Identity,
        id: str = "",  # noqa: A002
        *,
        kind: str = "images",
        priority: Priority | None = None,
        lanes: Sequence[str] = (),
        beside: Beside | None = None,
        race: Race | None = None,
    ) -> Job:
        """Queue resolved recipes as one job; Busy where it is full, Closing or DeviceLost where none are taken.

        `id` is for who has to know the job's before there is one; no other job has it. `lanes` are those of the
        recipes, the device's where none are given; `priority` is the kind's where none is. What is written `beside` the
        job is on the disk with it, or neither is. With a `race`, those that fall behind are not made to their end.
        """
        named = lanes or [DEVICE] * len(recipes)
        items = [QueueItem(number, *pair) for number, pair in enumerate(zip(recipes, named, strict=True))]
        name = id or secrets.token_urlsafe(12)
        job = Job(name, who, items, time.time(), kind=kind, priority=priority or KINDS[kind].priority, race=race)
        with self._lock:
            self._check_open(job)
            for lane in job.lanes:
                self._open(lane)
            self._store.add(job, beside)
            self._register.add(job)
            self._queues.fetching[job.id] = job
        self._bring(job)
        return job

    def listen(self, kind: str, listener: Listener) -> None:
        """Call `listener` after each event of a job of this kind; it must return at once and not call the scheduler."""
        self._register.listeners.setdefault(kind, []).append(listener)

    def not_continued(self, job: Job, faults: Mapping[int, StudioError]) -> None:
        """Say of images of a job that is over, by their numbers, why what was to follow them cannot be done."""
        items = [job.items[number] for number in faults]
        for item in items:
            item.not_continued = Failed.of(faults[item.number])
            job.tell_late(NotContinued(item.number, item.not_continued))
        self._store.not_continued(job, items)

    def stop(self, id: str, who: Identity) -> None:  # noqa: A002
        """End a job: at once where it waits, at its next step where it runs; nothing where it is over."""
        with self._lock:
            job = self.get(id, who)
            job.stopping.set()
            self._outcomes.drop(job, [item for item in job.items if item.state == "waiting"])
            self._move_up()
        if job.errand:
            job.errand.cancel()

    def stop_item(self, id: str, who: Identity, number: int) -> None:  # noqa: A002
        """Do not make one image of a job; one that is being made beside others is thrown away when it comes.

        One that is made, and only being stored, is kept.
        """
        with self._lock:
            job = self.get(id, who)
            item = next((one for one in job.items if one.number == number), None)
            if item is None:
                raise NotFound("There is no such picture in this job.", "Choose another one.")
            if item.is_open and not item.keeping:
                self._outcomes.drop(job, [item])
                self._move_up()

    def retry(self, id: str, who: Identity, numbers: Collection[int] | None = None) -> Job:  # noqa: A002
        """Make what failed or was stopped of a job once more, or of that these items; NotFound where nothing did.

        What is being made of a job that was stopped is wanted again. One that fell behind in a race is made to its end
        where it is named.
        """
        check_creates(who)
        with self._lock:
            job = self.get(id, who)
            chosen = [item for item in job.items if numbers is None or item.number in numbers]
            states = ("failed", "stopped") if numbers is None else ("failed", "stopped", "dropped")
            again = [item for item in chosen if item.state in states]
            if not again and not (job.is_open and job.stopping.is_set()):
                raise NotFound("Nothing in this job needs to be made again.", "Start it again from the page.")
            self._check_open(job)
            errand = job.errand
            self._store.reopen(job, again, who)
            job.begin_again(again, who)
            self._register.add(job)
            self._queues.fetching[job.id] = job
        if errand:
            errand.cancel()
        self._bring(job)
        return job

    def pause(self, id: str, who: Identity, *, paused: bool = True) -> None:  # noqa: A002
        """Begin nothing more of a job until it is resumed; what is being made is finished."""
        with self._lock:
            job = self.get(id, who)
            job.paused = paused
            self._store.keep(job)
            self._move_up()
            self._lock.notify_all()

    def set_background(self, id: str, who: Identity, *, background: bool) -> None:  # noqa: A002
        """Let a job run when nothing else of anybody waits; or again as jobs of its kind do."""
        with self._lock:
            job = self.get(id, who)
            job.priority = "background" if background else KINDS[job.kind].priority
            self._resort(job)

    def move(self, id: str, who: Identity, before: str | None = None) -> None:  # noqa: A002
        """Put a waiting job before another of the owner's, at the end where none is named, with its priority."""
        with self._lock:
            job = self.get(id, who)
            self._register.move(job, self.get(before, who) if before else None)
            self._resort(job)

    def remove(self, id: str, who: Identity) -> None:  # noqa: A002
        """Forget a job and what refers to it; its images stay. One that is not over is stopped, and forgotten then."""
        check_creates(who)
        with self._lock:
            job = self.get(id, who)
            job.is_unwanted = True
            if not job.is_open:
                self._register.drop(job)
                return
        self.stop(id, who)

    def get(self, id: str, who: Identity) -> Job:  # noqa: A002
        """Return the owner's job of this id; NotFound where there is none."""
        with self._lock:
            job = self._register.find(id)
        if job is None or job.owner != who.owner:
            raise NotFound("There is no such job.", "It may have ended long ago; its images are in the library.")
        return job

    def hand_over(self, earlier: Identity, who: Identity, beside: Callable[[Connection], None]) -> None:
        """Make all jobs of one owner another's, in one transaction with what is written `beside`.

        Those that wait keep their turn.
        """
        with self._lock, self.database.write() as rows:
            beside(rows)
            self._register.hand_over(earlier, who)

    def of(self, who: Identity) -> list[Job]:
        """The owner's jobs, newest first; of the ended ones only the newest."""
        with self._lock:
            return self._register.of(who)

    def waiting(self) -> int:
        """The number of waiting jobs of all owners."""
        with self._lock:
            return len(self._queues.waiting())

    def unfinished(self) -> list[Job]:
        """All jobs that wait or run, of all owners; those that run first, then as they would be begun."""
        with self._lock:
            return list(dict.fromkeys([*self._queues.order(), *self._register.open()]))

    def position(self, job: Job) -> int | None:
        """The number of jobs before this one; None where it does not wait."""
        with self._lock:
            return self._places.get(job.id)

    def close(self) -> None:
        """Stop what runs at its next step and end the workers; on disk, unfinished jobs wait for a new start."""
        with self._lock:
            self._closing = True
            self._outcomes.put_all_back()
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

    def _check_open(self, job: Job) -> None:
        """Busy, Closing or DeviceLost where no more jobs are taken, or not this one."""
        if self._closing:
            raise Closing("The studio is closing.", "Start it again and repeat the request.")
        if self._halted:
            raise copy(self._halted)
        self._admission.check(job, self._queues.waiting())

    def _bring(self, job: Job) -> None:
        """Queue the job, for the device once its weights are here. The lock is not held."""
        with self._lock:
            self._line_up(job)
            self._lock.notify_all()
        try:
            missing = [item.recipe for item in job.waiting()]
            fetch = self._fetch if missing else None
            job.errand = fetch(missing, lambda news: self._on_news(job, news)) if fetch else None
        except StudioError as error:  # a model that was there when the job was
            self._on_news(job, error)
            return
        if job.errand is None:
            self._on_news(job, None)
        elif job.stopping.is_set() or self._closing:
            job.errand.cancel()

    def _on_news(self, job: Job, news: Downloading | StudioError | None) -> None:
        """What became of the job's weights: on their way, here, or not to be had."""
        with self._lock:
            if job.id not in self._queues.fetching or self._closing:
                return
            if isinstance(news, Downloading):
                job.tell(news)
                return
            del self._queues.fetching[job.id]
            if news is None:
                self._line_up(job)
                self._outcomes.conclude(job)  # an earlier studio may have made it all
                if self._halted:
                    job.tell(Halted(self._halted.message, self._halted.hint))
            else:
                self._outcomes.fail(job, [item for item in job.items if item.is_open and item.lane == DEVICE], news)
            self._move_up()
            self._lock.notify_all()

    def _line_up(self, job: Job, *, uncounted: bool = False) -> None:
        """Queue the job on each lane that has to render something of it; not while the studio closes.

        The device's waits for weights that are on their way.
        """
        if self._closing:
            return
        for name in job.lanes:
            if name == DEVICE and job.id in self._queues.fetching:
                continue
            try:
                self._open(name)
            except StudioError as error:  # there was one when the job was submitted
                for item in job.waiting(name):
                    self._outcomes.fail(job, [item], error)
                continue
            self._queues.add(job, name, uncounted=uncounted)

    def _open(self, name: str) -> None:
        """Open the lane of this name; StudioError where there can be none."""
        if name in self._queues.lanes:
            return
        if self._lane_for is None:
            raise NotFound(f"Nothing here makes pictures for “{name}”.", "Choose another model.")
        self._add_lanes(name, [self._lane_for(name)])

    def _add_lanes(self, name: str, lanes: Sequence[Lane]) -> None:
        """Let these lanes take from the queue of this name."""
        self._queues.open(name, lanes)
        for lane in lanes:
            for _ in range(lane.capacity):
                worker = threading.Thread(target=self._work, args=(name, lane), name=f"lane {name}", daemon=True)
                self._workers.append((worker, lane))
                worker.start()

    def _resort(self, job: Job) -> None:
        """The job stands elsewhere among its owner's."""
        self._store.keep(job)
        self._queues.sort()
        self._move_up()

    def _move_up(self) -> None:
        """Report the new position to each waiting job that has moved."""
        before, self._places = self._places, self._queues.places()
        for job in self._queues.waiting():
            place = self._places.get(job.id)
            if place not in (None, before.get(job.id)) and not self._halted:
                job.tell(Queued(place))

    def _work(self, name: str, lane: Lane) -> None:
        while (run := self._next(name, lane)) is not None:
            # A copy, as another lane may be at the same job.
            run.job.context.copy().run(self._run, run)

    def _next(self, name: str, lane: Lane) -> Run | None:
        """Wait for what the lane makes next; None when closing, or where its device is lost."""
        with self._lock:
            while not self._closing and lane in self._queues.lanes[name]:
                if not self._halted and (taken := self._queues.take(name, lane)):
                    self._line_up(taken.job)
                    self._move_up()
                    self._lock.notify_all()  # another lane may have left it to this one, and be next
                    return taken
                self._move_up()
                self._lock.wait()
            return None

    def _run(self, run: Run) -> None:
        """One call of a lane, to its end; whatever becomes of it, each of its items has a state afterwards."""
        job, items, name, begun = run.job, run.items, run.queue, time.monotonic()
        fault: StudioError | None = None
        job_id.set(job.id)
        log.info("Making %d of %d pictures on lane %s", len(items), len(job.items), name)
        try:
            self._store.begin(job, items)
            self._make(run)
        except Cancelled:
            pass
        except StudioError as error:
            fault = error
        except Exception as error:
            log.exception("Job %s failed", job.id)
            fault = InternalError(error, BROKEN_HINT)
        with self._lock:
            self._queues.running.remove(run)
            if self._store.closed:  # what came after the end is found in the library at the next start
                return
            job.seconds += time.monotonic() - begun
            left = [item for item in items if item.state == "running"]
            if isinstance(fault, DeviceLost):
                self._lose(run, left, fault)
            elif isinstance(fault, EngineEnded):
                self._outcomes.try_again(job, left)
            elif fault is None:
                self._outcomes.put_back(job, left)
            else:
                self._outcomes.fail(job, left, fault)
            self._lock.notify_all()

    def _make(self, run: Run) -> None:
        job = run.job

        def wanted() -> bool:
            with self._lock:
                return not (self._closing or job.paused or self._queues.wants_turn(run.queue, job))

        def stopped() -> bool:
            return self._closing or job.stopping.is_set()

        self._maker.make(run.lane, job, run.items, stopped=stopped, wanted=wanted)

    def _lose(self, run: Run, items: list[QueueItem], error: DeviceLost) -> None:
        """The lane takes no more; where another one is left, that goes on with what it had."""
        lanes = self._queues.lanes[run.queue]
        if lanes == [run.lane]:
            self._halt(run.job, items, error)
            return
        if run.lane in lanes:  # else another call of it was lost before
            log.error("One device less: %s", error)
            lanes.remove(run.lane)
        self._outcomes.put_back(run.job, items, uncounted=True)

    def _halt(self, job: Job, items: list[QueueItem], error: DeviceLost) -> None:
        """Run no more. What runs and all that wait go on at the next start, or have failed where nothing is on disk."""
        log.error("No more jobs are run: %s", error)
        self._halted = error
        self._outcomes.put_back(job, items, uncounted=True)
        if self._marker:
            with suppress(OSError):  # tells `studio doctor`
                self._marker.write_text(str(error))
        for one in self._queues.waiting():
            if self._marker:
                one.tell(Halted(error.message, error.hint))
            else:
                self._outcomes.fail(one, [item for item in one.items if item.state == "waiting"], error)
