"""The jobs on disk: what waits survives a restart, and what was finished can be found again."""

import json
import logging
import time
from collections.abc import Callable, Sequence
from sqlite3 import Connection, Row
from typing import Any, get_args

from studio.errors import InternalError, InvalidRecipe, StorageError, Unreadable
from studio.events import Done, Event, Failed, Stopped
from studio.gate.identity import Identity
from studio.jobs.fallen import fallen_text, race_text, read_fallen, read_race
from studio.jobs.item import DEVICE, QueueItem, State
from studio.jobs.job import Job
from studio.jobs.kinds import KINDS
from studio.jobs.kinds.base import PASSES, PRIORITIES
from studio.parsing import ParseError
from studio.recipe import HostedRecipe, Recipe, ResolvedRecipe, as_resolved
from studio.storage.database import Database
from studio.unused import named_in, release

log = logging.getLogger(__name__)

JOBS = (
    "SELECT id, owner, kind, priority, place, paused, here, created, state, seconds, message, hint, field, code, race "
    "FROM jobs"
)
ITEMS = "SELECT job, number, lane, recipe, state, attempts, message, hint, field, code, fell FROM items"
OPEN = "state NOT IN ('done', 'stopped', 'failed')"
AGAIN = "UPDATE jobs SET state = 'waiting', paused = 0, message = '', hint = '', field = NULL, code = '', here = ?"
ITEM_AGAIN = "UPDATE items SET state = 'waiting', attempts = 0, message = '', hint = '', field = NULL, code = ''"
EVENT = "INSERT INTO events SELECT ?, COALESCE(MAX(position), -1) + 1, ?, ?, ? FROM events WHERE job = ?"

# A pass that is empty is still to come.
TO_MEASURE = "INSERT OR IGNORE INTO scores (job, item, quick, slow) VALUES (?, ?, ?, ?)"

# What is written in the same transaction as a job.
Beside = Callable[[Connection], None]

# The end of the times that a calendar can show, in seconds.
LAST = 250_000_000_000.0
OTHER_VERSION = "It was made by another version of the studio: start it again from the page."


class JobStore:
    """All jobs, oldest first. Safe to call from any thread. StorageError where the database cannot be used.

    `alone`: it belongs to the one studio of its database; InUse where there is another.
    """

    def __init__(self, database: Database, *, alone: bool = True) -> None:
        self._database = database
        self._closed = False
        if alone:
            database.hold()

    def add(self, job: Job, beside: Beside | None = None) -> None:
        """A new job, waiting, and what is written `beside` it: both or neither."""
        priority, race = PRIORITIES.index(job.priority), race_text(job.race)
        row = (job.id, job.owner, job.kind, priority, job.place, job.created, job.who.here, race)
        columns = "id, owner, kind, priority, place, created, here, race"
        items = [(job.id, item.number, item.lane, item.recipe.to_json()) for item in job.items]
        with self._database.write() as rows:
            rows.execute(f"INSERT INTO jobs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608
            rows.executemany("INSERT INTO items (job, number, lane, recipe) VALUES (?, ?, ?, ?)", items)
            _note(rows, job, "queued")
            if beside:
                beside(rows)

    def begin(self, job: Job, items: Sequence[QueueItem]) -> None:
        """These items are being made; it counts as an attempt until they end or are put back."""
        self._turn(job, items, "running", 1, "started")

    def put_back(self, job: Job, items: Sequence[QueueItem]) -> None:
        """These items wait again; through no fault of their own, so the attempt does not count."""
        self._turn(job, items, "waiting", -1, "returned")

    def try_again(self, job: Job, items: Sequence[QueueItem]) -> None:
        """These items wait again; the attempt counts, as it may have been their own fault."""
        self._turn(job, items, "waiting", 0, "returned")

    def finish(self, job: Job, item: QueueItem, path: str, seconds: float) -> None:
        """The image of an item is stored at `path`, below the library's folder."""
        change = (
            "UPDATE items SET state = 'done', path = ?1, seconds = ? WHERE job = ? AND number = ? AND path IS NOT ?1"
        )
        with self._database.write() as rows:
            if rows.execute(change, (path, seconds, job.id, item.number)).rowcount:
                _note(rows, job, "finished", item)
                if passes := KINDS[job.kind].measured:
                    not_wanted = [None if name in passes else "{}" for name in PASSES]
                    rows.execute(TO_MEASURE, (job.id, item.number, *not_wanted))

    def drop(self, job: Job, items: Sequence[QueueItem]) -> None:
        """These items failed, were stopped or fell behind, as they say."""
        change = (
            "UPDATE items SET state = ?, message = ?, hint = ?, field = ?, code = ?, fell = ? "
            "WHERE job = ? AND number = ?"
        )
        with self._database.write() as rows:
            for item in items:
                outcome = (*_fault_columns(item.fault), fallen_text(item.fell))
                rows.execute(change, (item.state, *outcome, job.id, item.number))
                _note(rows, job, item.state, item)

    def not_continued(self, job: Job, items: Sequence[QueueItem]) -> None:
        """What was to follow these images cannot be done, as their items say."""
        change = "UPDATE items SET message = ?, hint = ?, field = ?, code = ? WHERE job = ? AND number = ?"
        with self._database.write() as rows:
            rows.executemany(change, [(*_fault_columns(one.not_continued), job.id, one.number) for one in items])

    def end(self, job: Job, ending: Event) -> None:
        """The job is over; so are those of its items that were not."""
        fault = _fault_columns(ending if isinstance(ending, Failed) else None)
        change = "UPDATE jobs SET state = ?, seconds = ?, message = ?, hint = ?, field = ?, code = ? WHERE id = ?"
        with self._database.write() as rows:
            rows.execute(change, (job.state, job.seconds, *fault, job.id))
            rows.execute(
                "UPDATE items SET state = 'stopped' WHERE job = ? AND state IN ('waiting', 'running')", (job.id,)
            )
            _note(rows, job, job.state)

    def reopen(self, job: Job, items: Sequence[QueueItem], who: Identity) -> None:
        """These items, and so the job, are tried again, as if they never had been, for who asks now."""
        with self._database.write() as rows:
            rows.execute(f"{AGAIN} WHERE id = ?", (who.here, job.id))
            rows.executemany(f"{ITEM_AGAIN} WHERE job = ? AND number = ?", [(job.id, item.number) for item in items])
            _note(rows, job, "retried")

    def keep(self, job: Job) -> None:
        """How the job stands among others: its place and priority, and whether it is paused."""
        row = (job.place, PRIORITIES.index(job.priority), job.paused, job.id)
        with self._database.write() as rows:
            rows.execute("UPDATE jobs SET place = ?, priority = ?, paused = ? WHERE id = ?", row)

    def forget_old(self, owner: str, kept: int) -> list[str]:
        """Remove the owner's ended jobs but for the newest `kept`, and say which; their images stay in the library."""
        kinds = json.dumps([name for name, kind in KINDS.items() if not kind.referred])
        which = "owner = ? AND kind IN (SELECT value FROM json_each(?))"
        query = f"SELECT id FROM jobs WHERE {which} AND NOT {OPEN} ORDER BY number DESC LIMIT -1 OFFSET ?"  # noqa: S608
        old = [job for (job,) in self._read(query, owner, kinds, kept)]
        if old:
            with self._database.write() as rows:
                for job in old:
                    _delete(rows, job)
        return old

    def remove(self, job: str) -> None:
        """Forget a job and what refers to it; its images stay in the library."""
        with self._database.write() as rows:
            _delete(rows, job)

    def images(self, job: str) -> list[tuple[int, str, float]]:
        """The stored images of a job: number, path, seconds; in the order they came."""
        query = """SELECT number, path, items.seconds FROM items LEFT JOIN (
            SELECT item, MIN(position) AS position FROM events WHERE job = ?1 AND kind = 'finished' GROUP BY item
            ) ON item = number WHERE job = ?1 AND path IS NOT NULL ORDER BY position, number"""
        rows = [tuple(row) for row in self._read(query, job)]
        return [row for row in rows if [*map(type, row)] in ([int, str, float], [int, str, int])]

    def unfinished(self) -> list[tuple[Job, Event | None]]:
        """Every job that waits or was begun, oldest first, each with its end; None where it has none.

        One that cannot be read has failed with the reason, and stays on disk as it is; one without id or owner is left
        out.
        """
        return [_job(row, items) for row, items in self._whole(f"WHERE {OPEN}") if _belongs(row)]

    def get(self, job: str) -> tuple[Job, Event | None] | None:
        """One job and how it ended, None where it did not; None where there is no such job."""
        found = (_job(row, items) for row, items in self._whole("WHERE id = ?", job) if _belongs(row))
        return next(found, None)

    def of(self, owner: str, most: int) -> list[str]:
        """The ids of the owner's jobs, newest first: those that are not over, and of the others the newest `most`."""
        ended = f"SELECT number FROM jobs WHERE owner = ?1 AND NOT {OPEN} ORDER BY number DESC LIMIT ?2"  # noqa: S608
        which = f"owner = ?1 AND ({OPEN} OR number IN ({ended}))"
        rows = self._read(f"SELECT id FROM jobs WHERE {which} ORDER BY number DESC", owner, most)  # noqa: S608
        return [job for (job,) in rows if job and isinstance(job, str)]

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more."""
        return self._closed

    def close(self) -> None:
        """Let go of the database, for another studio."""
        self._closed = True
        self._database.close()

    def _turn(self, job: Job, items: Sequence[QueueItem], state: State, attempts: int, kind: str) -> None:
        change = (
            "UPDATE items SET state = ?, attempts = COALESCE(attempts, 0) + ? "
            "WHERE job = ? AND number = ? AND state != 'done'"
        )
        with self._database.write() as rows:
            rows.execute("UPDATE jobs SET state = ?, seconds = ? WHERE id = ?", (job.state, job.seconds, job.id))
            rows.executemany(change, [(state, attempts, job.id, item.number) for item in items])
            _note(rows, job, kind)

    def _whole(self, which: str, *values: object) -> list[tuple[Row, list[Row]]]:
        """The rows of these jobs, oldest first, each with those of its items."""
        jobs = self._read(f"{JOBS} {which} ORDER BY number", *values)
        items: dict[str, list[Row]] = {}
        query = f"{ITEMS} WHERE job IN (SELECT id FROM jobs {which}) ORDER BY job, number"  # noqa: S608 - from above
        for item in self._read(query, *values):
            items.setdefault(item["job"], []).append(item)
        return [(job, items.get(job["id"], [])) for job in jobs]

    def _read(self, query: str, *values: object) -> list[Row]:
        """The rows of a query; none after the end, when a page may still ask."""
        if self._closed:
            return []
        try:
            with self._database.read() as rows:
                return rows.execute(query, values).fetchall()
        except StorageError as error:  # a page of the file that broke after the start
            log.warning("Some of the list of jobs cannot be read: %s", error)
            return []


def _delete(rows: Connection, job: str) -> None:
    """Remove a job with its items, and let go of the stored pictures that they alone named."""
    query = "SELECT recipe FROM items WHERE job = ?1 UNION ALL SELECT later FROM repeats WHERE job = ?1"
    recipes = rows.execute(query, (job,)).fetchall()
    rows.execute("DELETE FROM jobs WHERE id = ?", (job,))
    release(rows, set().union(*(named_in(recipe) for (recipe,) in recipes)))


def damaged_jobs(database: Database) -> list[Unreadable]:
    """What is wrong with jobs on disk, also beside the studio that runs them."""
    with database.read() as rows:
        jobs = rows.execute(JOBS).fetchall()
        items: dict[str, list[Row]] = {}
        for item in rows.execute(f"{ITEMS} ORDER BY job, number"):
            items.setdefault(item["job"], []).append(item)
    found = [
        Unreadable("A job without an id or owner is left out.", OTHER_VERSION) for job in jobs if not _belongs(job)
    ]
    read = [_job(job, items.get(job["id"], [])) for job in jobs if _belongs(job)]
    failed = [(job.id, ending) for job, ending in read if isinstance(ending, Failed) and ending.hint == OTHER_VERSION]
    return found + [Unreadable(f"{name}: {ending.message}", ending.hint) for name, ending in failed]


def _note(rows: Connection, job: Job, kind: str, item: QueueItem | None = None) -> None:
    """Add to the log of a job."""
    rows.execute(EVENT, (job.id, time.time(), kind, item.number if item else None, job.id))


def _belongs(row: Row) -> bool:
    """Whether it can be found: it has an id and an owner."""
    return all(row[name] and isinstance(row[name], str) for name in ("id", "owner"))


def _job(row: Row, items: Sequence[Row]) -> tuple[Job, Event | None]:
    """A job from whatever its rows hold, and its end; None where it goes on."""
    created = _seconds(row["created"])
    try:
        who = Identity.earlier(row["owner"], here=row["here"] == 1)
        job = Job(row["id"], who, _items(items), created, kind=_kind(row), race=read_race(row["race"]))
    except (ParseError, InvalidRecipe) as error:
        job = Job(row["id"], Identity.earlier(row["owner"]), (), created)
        job.state = "failed"
        return job, Failed(f"The job cannot be read ({str(error).removesuffix('.')}).", OTHER_VERSION)
    job.priority = PRIORITIES[row["priority"]] if row["priority"] in range(len(PRIORITIES)) else job.priority
    job.place, job.seconds = _seconds(row["place"]) or created, _seconds(row["seconds"])
    job.paused = row["paused"] == 1
    job.state = row["state"]
    return job, _ending(row, job)


def _kind(row: Row) -> str:
    state, kind = row["state"], row["kind"]
    if state not in get_args(State):
        raise ParseError(f"its state is {state!r}", OTHER_VERSION)
    if kind not in KINDS:
        raise ParseError(f"its kind is {kind!r}", OTHER_VERSION)
    return str(kind)


def _ending(row: Row, job: Job) -> Event | None:
    endings: dict[State, Event] = {
        "done": Done(job.seconds),
        "stopped": Stopped(),
        "failed": _fault(row),
    }
    return endings.get(job.state)


def _items(rows: Sequence[Row]) -> list[QueueItem]:
    whole = rows and all(row["number"] == at and isinstance(row["recipe"], str) for at, row in enumerate(rows))
    if not whole:
        raise ParseError("it lacks a recipe", OTHER_VERSION)
    return [_item(row) for row in rows]


def _item(row: Row) -> QueueItem:
    lane = row["lane"] if isinstance(row["lane"], str) else DEVICE
    item = QueueItem(row["number"], _recipe(row, lane), lane)
    item.attempts = row["attempts"] if isinstance(row["attempts"], int) else 0
    item.state = row["state"] if row["state"] in get_args(State) else "waiting"
    if item.state == "failed":
        item.fault = _fault(row)
    elif item.state == "done" and row["message"]:
        item.not_continued = _fault(row)
    item.fell = read_fallen(item.number, row["fell"])
    item.alone = item.fell is not None
    return item


def _recipe(row: Row, lane: str) -> ResolvedRecipe:
    """The item's recipe; of one that is over, and was brought in from elsewhere, less may be known."""
    recipe = Recipe.from_json(row["recipe"])
    if lane != DEVICE:
        return HostedRecipe.of(recipe)
    try:
        return as_resolved(recipe)
    except InvalidRecipe:
        if row["state"] != "done":
            raise
        return ResolvedRecipe.unchecked(**dict(recipe))


def _fault_columns(fault: Failed | None) -> tuple[str | None, ...]:
    """The part at fault is left out: it means something beside the form that was sent, which no later start has."""
    return (fault.message, fault.hint, fault.field, fault.code) if fault else ("", "", None, "")


def _fault(row: Row) -> Failed:
    message, hint, code = (str(row[name] or "") for name in ("message", "hint", "code"))
    return Failed(message, hint, row["field"] and str(row["field"]), code=code or InternalError.code)


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value < LAST else 0.0
