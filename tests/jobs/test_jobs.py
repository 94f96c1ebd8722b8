import contextvars
import gc
import logging
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from studio.backends.base import Rendered, Report, always
from studio.errors import Busy, Closing, DeviceLost, InUse, InvalidRecipe, NotFound, NotWritable, OutOfMemory
from studio.events import END, Done, Event, Failed, Finished, Halted, Preview, Queued, Started, Step, Stopped
from studio.gate.identity import Identity
from studio.jobs import register
from studio.jobs.item import QueueItem
from studio.jobs.job import Job
from studio.jobs.outcomes import ATTEMPTS
from studio.jobs.register import KEPT
from studio.jobs.scheduler import HALTED, Scheduler
from studio.jobs.store import JobStore, damaged_jobs
from studio.library import Library
from studio.recipe import Recipe
from studio.storage.database import FILE, Database
from tests.damage import damage
from tests.drawer import Drawer, picture, resolved
from tests.library.test_files import files_limited_to
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


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def drawer() -> Drawer:
    return Drawer(gated=True, faults={"break": ValueError("secret detail"), "refuse": OutOfMemory("No room.", "Less.")})


@pytest.fixture
def queue(place: Place, drawer: Drawer) -> Iterator[Scheduler]:
    with closing(place.queue(drawer)) as queue:
        yield queue
        drawer.allow(1000)


def test_a_job_tells_its_story_in_order(queue: Scheduler, drawer: Drawer, place: Place):
    job = queue.submit([resolved("a", 1), resolved("a", 2)], who("ann"))
    drawer.allow(4)
    story = [event for event in job.follow() if not isinstance(event, Preview | Step)]
    assert [type(event) for event in story] == [Queued, Started, Finished, Finished, Done]
    assert [event.image for event in job.results] == [0, 1]
    assert job.state == "done"
    for event in job.results:
        assert place.library.read(event.path) == event.recipe == job.recipes[event.image]
        assert event.seconds == 0.25


def test_an_image_is_stored_before_it_is_reported(queue: Scheduler, drawer: Drawer, place: Place):
    job = queue.submit([resolved("a", 1), resolved("a", 2)], who("ann"))
    drawer.allow(2)
    first = wait_for(job, Finished)
    assert job.state == "running"
    assert place.library.read(first.path) == first.recipe


def test_owners_take_turns_and_each_keeps_its_order(queue: Scheduler, drawer: Drawer):
    first = queue.submit([resolved("a1")], who("ann"))
    wait_for(first, Started)
    jobs = [queue.submit([resolved(name)], who(owner)) for name, owner in (("a2", "ann"), ("a3", "ann"), ("b1", "bob"))]
    jobs += [queue.submit([resolved(name)], who(owner)) for name, owner in (("b2", "bob"), ("c1", "cyd"))]
    drawer.allow(100)
    assert {type(end_of(job)) for job in jobs} == {Done}
    assert drawer.drawn == ["a1/1", "b1/1", "c1/1", "a2/1", "b2/1", "a3/1"]


def test_who_comes_again_and_again_does_not_push_others_back(queue: Scheduler, drawer: Drawer):
    wait_for(queue.submit([resolved("a1")], who("ann")), Started)
    waiting = queue.submit([resolved("b1")], who("bob"))
    for newcomer in ("cyd", "dan", "eve"):
        queue.submit([resolved(newcomer)], who(newcomer))
    again = queue.submit([resolved("a2")], who("ann"))
    assert queue.position(waiting) == 1
    assert queue.position(again) == 5


def test_each_waiting_job_hears_its_place_as_the_line_moves(queue: Scheduler, drawer: Drawer):
    running = queue.submit([resolved("a1")], who("ann"))
    wait_for(running, Started)
    second, third = (queue.submit([resolved(name)], who("ann")) for name in ("a2", "a3"))
    fair = queue.submit([resolved("b1")], who("bob"))
    assert [queue.position(job) for job in (running, fair, second, third)] == [None, 1, 2, 3]
    drawer.allow(8)
    end_of(third)
    places = [event.position for event in third.events if isinstance(event, Queued)]
    assert places == [2, 3, 2, 1]


def test_a_stopped_waiting_job_leaves_the_line_at_once(queue: Scheduler, drawer: Drawer):
    wait_for(queue.submit([resolved("a1")], who("ann")), Started)
    waiting, behind = (queue.submit([resolved(name)], who("ann")) for name in ("a2", "a3"))
    queue.stop(waiting.id, who("ann"))
    assert end_of(waiting) == Stopped()
    assert waiting.state == "stopped"
    assert queue.position(behind) == 1
    drawer.allow(4)
    assert isinstance(end_of(behind), Done)
    assert "a2/1" not in drawer.drawn


def test_a_stopped_job_frees_the_device_and_keeps_what_had_finished(queue: Scheduler, drawer: Drawer):
    job = queue.submit([resolved("a", seed) for seed in (1, 2, 3)], who("ann"))
    next_job = queue.submit([resolved("b")], who("bob"))
    drawer.allow(3)
    wait_for(job, Finished)
    queue.stop(job.id, who("ann"))
    drawer.allow(10)
    assert end_of(job) == Stopped()
    assert job.state == "stopped"
    assert [event.image for event in job.results] == [0]
    assert job.results[0].path.exists()
    assert isinstance(end_of(next_job), Done)
    queue.stop(job.id, who("ann"))
    assert end_of(job) == Stopped()


@pytest.mark.parametrize(
    ("prompt", "ending"),
    [
        ("refuse", Failed("No room.", "Less.", code="out_of_memory")),
        ("wrong", Failed("No.", "Yes.", "steps", code="invalid_recipe")),
    ],
)
def test_a_known_fault_is_told_with_its_cure_and_field(place: Place, prompt: str, ending: Failed):
    drawer = Drawer(faults={"refuse": OutOfMemory("No room.", "Less."), "wrong": InvalidRecipe("steps", "No.", "Yes.")})
    with closing(place.queue(drawer)) as queue:
        assert end_of(queue.submit([resolved(prompt)], who("ann"))) == ending


def test_a_broken_job_frees_the_worker_and_keeps_its_secrets(
    queue: Scheduler, drawer: Drawer, caplog: pytest.LogCaptureFixture
):
    drawer.allow(100)
    with caplog.at_level(logging.ERROR):
        ending = end_of(queue.submit([resolved("break")], who("ann")))
    assert isinstance(ending, Failed)
    assert "secret" not in ending.message + ending.hint
    assert "secret detail" in caplog.text
    assert isinstance(end_of(queue.submit([resolved("a")], who("ann"))), Done)


def test_a_full_disk_fails_the_job_and_the_next_one_runs(place: Place):
    with closing(place.queue(Drawer())) as queue:
        with files_limited_to(100_000):
            ending = end_of(queue.submit([resolved("a", side=512)], who("ann")))
        assert isinstance(ending, Failed)
        assert "full" in ending.message
        assert isinstance(end_of(queue.submit([resolved("a", side=512)], who("ann"))), Done)


def test_readers_follow_from_any_position(queue: Scheduler, drawer: Drawer):
    job = queue.submit([resolved("a")], who("ann"))
    wait_for(job, Started)
    drawer.allow()
    wait_for(job, Preview)
    early, position = job.read()
    assert early[-1] == Preview(0, b"jpeg of step 1")
    drawer.allow()
    late = list(job.follow(position))
    assert early[-1] not in job.events
    assert [type(event) for event in late][-2:] == [Finished, Done]
    assert [type(event) for event in job.follow()] == [Queued, Started, Finished, Done]
    assert job.read(position + 100)[0] == ()


def test_several_readers_all_hear_everything(queue: Scheduler, drawer: Drawer):
    job = queue.submit([resolved("a")], who("ann"))
    heard: list[list[Event]] = [[] for _ in range(5)]
    readers = [threading.Thread(target=lambda heard=h: heard.extend(job.follow())) for h in heard]
    for reader in readers:
        reader.start()
    drawer.allow(2)
    for reader in readers:
        reader.join()
    for events in heard:
        assert [type(e) for e in events if not isinstance(e, Preview | Step)] == [Queued, Started, Finished, Done]


def test_a_long_job_keeps_one_preview_of_each_image(queue: Scheduler, drawer: Drawer):
    job = queue.submit([resolved("a", steps=50)], who("ann"))
    drawer.allow(49)
    next(event for event in job.follow() if event == Preview(0, b"jpeg of step 49"))
    assert [event for event in job.events if isinstance(event, Preview)] == [Preview(0, b"jpeg of step 49")]


@pytest.mark.parametrize("job_id", ["theirs", "no such job", ""])
def test_the_job_of_another_is_as_if_it_were_not_there(queue: Scheduler, drawer: Drawer, job_id: str):
    theirs = queue.submit([resolved("a")], who("ann"))
    job_id = theirs.id if job_id == "theirs" else job_id
    for call in (queue.get, queue.stop):
        with pytest.raises(NotFound, match="no such job"):
            call(job_id, who("bob"))
    assert queue.of(who("bob")) == []
    drawer.allow(2)
    assert isinstance(end_of(theirs), Done)
    assert queue.get(theirs.id, who("ann")) is theirs


def test_a_full_line_refuses_more(place: Place, drawer: Drawer):
    with closing(place.queue(drawer, max_waiting=2)) as queue:
        wait_for(queue.submit([resolved("a")], who("ann")), Started)
        for _ in range(2):
            queue.submit([resolved("a")], who("ann"))
        with pytest.raises(Busy, match="waiting") as error:
            queue.submit([resolved("b")], who("bob"))
        assert error.value.hint
        drawer.allow(100)


def test_a_job_runs_in_the_context_it_was_asked_in(place: Place):
    request: contextvars.ContextVar[str] = contextvars.ContextVar("request")
    seen = []

    class Asking(Drawer):
        def generate(self, recipes, report, wanted=always, turn=None):
            seen.append(request.get())
            return super().generate(recipes, report, wanted, turn)

    with closing(place.queue(Asking())) as queue:
        request.set("the page's")
        job = queue.submit([resolved("a")], who("ann"))
        request.set("another")
        end_of(job)
    assert seen == ["the page's"]


def test_an_owner_finds_the_last_jobs_newest_first(place: Place):
    with closing(place.queue(Drawer())) as queue:
        jobs = [queue.submit([resolved("a")], who("ann")) for _ in range(KEPT + 5)]
        other = queue.submit([resolved("b")], who("bob"))
        for job in (*jobs, other):
            end_of(job)
        assert queue.of(who("ann")) == jobs[: -KEPT - 1 : -1]
        assert queue.of(who("bob")) == [other]


def test_ended_jobs_of_everybody_stay_findable_and_few_stay_in_memory(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(register, "RECENT", 4)
    people = [f"person {n}" for n in range(6)]
    with closing(place.queue(Drawer())) as queue:
        made = [(queue.submit([resolved("a", n)], who(person)), person) for n in range(3) for person in people]
        wanted = {(job.id, person): end_of(job) for job, person in made}
        images = {job.id: [event.path for event in job.results] for job, _ in made}
        alive = [weakref.ref(job) for job, _ in made]
        newest = {person: [job.id for job, owner in reversed(made) if owner == person] for person in people}
        del made
        gc.collect()
        assert sum(ref() is not None for ref in alive) <= 5  # the worker may hold the last one
        for (job, person), ending in wanted.items():
            assert list(queue.get(job, who(person)).follow())[-1] == ending
            assert [event.path for event in queue.get(job, who(person)).results] == images[job]
            with pytest.raises(NotFound):
                queue.get(job, who("somebody else"))
        assert {person: [job.id for job in queue.of(who(person))] for person in people} == newest
        assert len(queue._register) == 4
    with closing(place.queue(Drawer())) as queue:
        assert len(queue._register) == 0
        assert {person: [job.id for job in queue.of(who(person))] for person in people} == newest


def test_closing_stops_the_running_job_and_a_new_start_goes_on(place: Place):
    class Endless(Drawer):
        def _draw(self, index: int, recipe: Recipe, report: Report) -> Rendered:
            while recipe.seed == 2:
                report(Step((index,), 1, 2, 0.0))
            return super()._draw(index, recipe, report)

    queue = place.queue(Endless())
    running = queue.submit([resolved("a", seed) for seed in (1, 2, 3)], who("ann"))
    waiting = queue.submit([resolved("b")], who("bob"))
    kept = wait_for(running, Finished)
    queue.close()
    assert end_of(running) == end_of(waiting) == Stopped()
    with pytest.raises(Closing, match="closing"):
        queue.submit([resolved("c")], who("cyd"))

    again = Drawer()
    with closing(place.queue(again)) as queue:
        resumed = queue.get(running.id, who("ann"))
        assert isinstance(end_of(resumed), Done)
        assert isinstance(end_of(queue.get(waiting.id, who("bob"))), Done)
        assert sorted(event.image for event in resumed.results) == [0, 1, 2]
        assert resumed.results[0] == kept
    assert "a/1" not in again.drawn
    assert len(list(place.library.folder.rglob("*.png"))) == 4


def test_progress_of_a_resumed_job_counts_the_images_of_the_job(place: Place):
    add_crashed(place, attempts=1, stored=1)
    drawer = Drawer(gated=True)
    with closing(place.queue(drawer)) as queue:
        job = queue.get("crashed", who("ann"))
        drawer.allow(1)
        assert wait_for(job, Step).images == (1,)
        assert wait_for(job, Preview).image == 1
        drawer.allow(3)
        assert isinstance(end_of(job), Done)


def test_ended_jobs_are_found_after_a_restart(place: Place):
    with closing(place.queue(Drawer(faults={"refuse": InvalidRecipe("steps", "No.", "Yes.")}))) as queue:
        done = queue.submit([resolved("a", 1), resolved("a", 2)], who("ann"))
        failed = queue.submit([resolved("refuse")], who("ann"))
        end_of(failed)
    done.results[1].path.unlink()
    with closing(place.queue(Drawer())) as queue:
        again = queue.of(who("ann"))
        assert [job.id for job in again] == [failed.id, done.id]
        assert [job.state for job in again] == ["failed", "done"]
        assert end_of(again[0]) == Failed("No.", "Yes.", "steps", code=InvalidRecipe.code)
        assert again[1].results == done.results[:1]
        assert end_of(again[1]) == done.events[-1]


def test_what_a_crashed_studio_had_stored_is_found_after_every_later_restart(place: Place):
    add_crashed(place, attempts=1, stored=2)
    for _ in range(2):
        with closing(place.queue(Drawer())) as queue:
            job = queue.get("crashed", who("ann"))
            assert isinstance(end_of(job), Done)
            assert [event.image for event in job.results] == [0, 1, 2]


def test_a_job_keeps_a_log_of_what_happened_to_it_on_the_disk(place: Place):
    with closing(place.queue(Drawer())) as queue:
        end_of(queue.submit([resolved("a", 1), resolved("a", 2)], who("ann")))
    with closing(sqlite3.connect(place.path)) as database:
        told = database.execute("SELECT position, kind, item FROM events").fetchall()
        items = database.execute("SELECT number, lane, state, attempts FROM items").fetchall()
    assert told == [
        (0, "queued", None),
        (1, "started", None),
        (2, "finished", 0),
        (3, "finished", 1),
        (4, "done", None),
    ]
    assert items == [(0, "device", "done", 1), (1, "device", "done", 1)]


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


def test_an_image_that_was_stored_but_not_yet_noted_is_not_made_again(place: Place):
    add_crashed(place, attempts=1, stored=2)
    drawer = Drawer()
    with closing(place.queue(drawer)) as queue:
        assert isinstance(end_of(queue.get("crashed", who("ann"))), Done)
    assert drawer.drawn == ["a/3"]


def test_a_job_whose_images_are_all_stored_is_done(place: Place):
    add_crashed(place, attempts=1, stored=3)
    drawer = Drawer()
    with closing(place.queue(drawer)) as queue:
        assert isinstance(end_of(queue.get("crashed", who("ann"))), Done)
    assert drawer.drawn == []


def test_a_job_that_keeps_ending_the_studio_is_given_up(place: Place):
    add_crashed(place, attempts=ATTEMPTS, stored=0)
    drawer = Drawer()
    with closing(place.queue(drawer)) as queue:
        ending = end_of(queue.get("crashed", who("ann")))
        assert isinstance(ending, Failed)
        assert str(ATTEMPTS) in ending.message
        assert ending.hint
    assert drawer.drawn == []
    with closing(place.queue(drawer)) as queue:
        assert end_of(queue.get("crashed", who("ann"))) == ending


def test_a_job_that_cannot_be_read_any_more_has_failed_and_the_others_run(place: Place):
    with closing(place.store()) as store:
        store.add(job_of("unreadable", [resolved("a")]))
        store.add(job_of("readable", [resolved("b")]))
    damage(place.path, "UPDATE items SET recipe = replace(recipe, 'steps', 'stairs') WHERE job = 'unreadable'")
    with closing(place.queue(Drawer())) as queue:
        assert "stairs" in str(end_of(queue.get("unreadable", who("ann"))))
        assert isinstance(end_of(queue.get("readable", who("ann"))), Done)


def test_two_studios_cannot_share_one_list(place: Place):
    with (
        closing(place.queue(Drawer())),
        pytest.raises(InUse, match="Another studio") as error,
    ):
        place.queue(Drawer())
    assert "--home" in error.value.hint
    place.queue(Drawer()).close()


# What the rows of a job may hold after a fault of the disk: first its item's, then its own.
UNREADABLE = {
    "no recipe": "recipe = NULL",
    "empty": "recipe = ''",
    "no object": "recipe = '7'",
    "brackets": f"recipe = '{'[' * 10_000}'",
    "brackets within": f"recipe = '{{\"prompt\": {'[' * 10_000}}}'",
    "a new setting": "recipe = replace(recipe, 'steps', 'stairs')",
    "a newer recipe": "recipe = '{\"version\": 99}'",
    "bytes": "recipe = x'ff00fe'",
    "no text": "recipe = CAST(x'ff00fe' AS TEXT)",
    "a number": "recipe = 1e300",
    "another number": "number = 1",
    "a number of words": "number = 'first'",
}
DAMAGES = {
    "another state": "state = 'paused'",
    "no state": "state = NULL",
    "state of bytes": "state = x'00'",
    "running": "state = 'running'",
    "a priority of words": "priority = 'first', place = 'here', paused = 'no'",
    "another priority": "priority = 7, place = NULL, paused = NULL",
    "done of another time": "state = 'done', seconds = 'long', created = 1e300",
    "failed without a word": "state = 'failed', message = NULL, hint = NULL, field = 7",
    "no time": "created = NULL",
    "no owner": "owner = NULL",
    "owner of bytes": "owner = x'ff'",
    "no id": "id = NULL",
}
FAILED = {*UNREADABLE, "another state", "no state", "state of bytes", "done without recipe"}


def spoil(place: Place) -> None:
    """A list with a job of each damage, each with images that are not there, and a sound one behind them."""
    with closing(place.store()) as store:
        for name in (*UNREADABLE, *DAMAGES, "done without recipe", "sound"):
            job = job_of(name, [resolved(name)])
            store.add(job)
            store.finish(job, job.items[0], "gone.png", 1)
    more = (
        "INSERT INTO items (job, number, recipe, path, seconds) SELECT job, {}, {}, {}, {} FROM items WHERE job = '{}'"
    )
    damage(
        place.path,
        *(f"UPDATE items SET {change} WHERE job = '{name}'" for name, change in UNREADABLE.items()),
        *(f"UPDATE jobs SET {change} WHERE id = '{name}'" for name, change in DAMAGES.items()),
        more.format(1, "recipe", f"'../{FILE}'", 1, "no time"),
        more.format(1, "recipe", "NULL", "NULL", "done of another time"),
        more.format(1, "recipe", 7, "'long'", "failed without a word"),
        "DELETE FROM items WHERE job = 'done without recipe'",
        "UPDATE jobs SET state = 'done' WHERE id = 'done without recipe'",
    )


def rows_of(place: Place) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(place.path)) as database:
        database.text_factory = bytes
        query = "SELECT jobs.id, jobs.state, recipe, items.state FROM jobs LEFT JOIN items ON job = jobs.id"
        return database.execute(query).fetchall()


def test_no_row_keeps_the_studio_from_starting(place: Place):
    spoil(place)
    before = {row[0]: row for row in rows_of(place)}
    with closing(place.queue(Drawer())) as queue:
        assert isinstance(end_of(queue.get("sound", who("ann"))), Done)
        ends = {job.id: end_of(job) for job in queue.of(who("ann"))}
    assert ends.keys() == {"sound", *FAILED, *DAMAGES} - {"no owner", "owner of bytes", "no id"}
    unreadable = {name for name, end in ends.items() if isinstance(end, Failed) and "cannot be read" in end.message}
    assert unreadable == FAILED
    assert all(isinstance(ends[name], Done) for name in ("no time", "running", "a priority of words"))
    after = {row[0]: row for row in rows_of(place)}
    assert all(after[name.encode()] == before[name.encode()] for name in unreadable), "they wait for their version"


def test_damaged_rows_are_told(place: Place):
    spoil(place)
    with closing(Database(place.path)) as database:
        faults = damaged_jobs(database)
    assert len(faults) == len(FAILED) + 3
    assert all(fault.hint for fault in faults)


def test_a_damaged_list_is_set_aside_and_a_new_one_begun(place: Place):
    place.path.write_bytes(b"this is not a database" * 100)
    with closing(place.queue(Drawer())) as queue:
        assert isinstance(end_of(queue.submit([resolved("a")], who("ann"))), Done)
    (aside,) = place.path.parent.glob("studio.damaged-*.sqlite")
    assert aside.read_bytes().startswith(b"this is not")


def test_a_list_with_more_columns_serves_as_it_is(place: Place):
    with closing(place.queue(Drawer())) as queue:
        job = queue.submit([resolved("a")], who("ann"))
        end_of(job)
    damage(place.path, "ALTER TABLE jobs ADD COLUMN part INTEGER")
    with closing(place.queue(Drawer())) as queue:
        assert [one.id for one in queue.of(who("ann"))] == [job.id]


def test_a_list_that_cannot_be_used_is_a_clear_error(place: Place):
    place.path.mkdir()
    with pytest.raises(NotWritable, match=r"studio\.sqlite") as error:
        place.queue(Drawer())
    assert error.value.hint


def test_a_queue_without_a_file_leaves_none(tmp_path: Path):
    with closing(Scheduler(Drawer(), Library(tmp_path / "images"), Database(None), 10)) as queue:
        assert isinstance(end_of(queue.submit([resolved("a")], who("ann"))), Done)
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_every_log_has_one_end(queue: Scheduler, drawer: Drawer):
    drawer.allow(1000)
    for prompt in ("a", "break", "refuse"):
        job = queue.submit([resolved(prompt)], who("ann"))
        end_of(job)
        job.tell(Stopped())
        assert sum(isinstance(event, END) for event in job.events) == 1


LOST = DeviceLost("CUDA failed: an illegal memory access was encountered.", "Start the studio again.")
PEOPLE = [f"person {n}" for n in range(20)]


def test_a_lost_device_puts_its_job_back_and_takes_no_more(place: Place):
    broken = Drawer(faults={"a": LOST})
    with closing(place.queue(broken)) as queue:
        job = queue.submit([resolved("a")], who("ann"))
        wait_for(job, Halted)
        assert queue.halted is LOST
        assert job.state == "waiting"
        assert [type(event) for event in job.events] == [Queued, Started, Halted]
        with pytest.raises(DeviceLost, match="illegal memory access"):
            queue.submit([resolved("b")], who("bob"))
    assert broken.drawn == []


@pytest.fixture
def crowd(place: Place) -> Place:
    """What 20 people have waiting, 20 jobs each, on the disk."""
    store = place.store()
    for number in range(20):
        for person in PEOPLE:
            store.add(job_of(f"{person} {number}", [resolved("a", number + 1, steps=1)], person))
    store.close()
    return place


def test_every_waiting_job_of_everybody_is_made_after_the_next_start(crowd: Place):
    with closing(crowd.queue(Drawer(faults={"a": LOST}), max_waiting=1000)) as queue:
        jobs = [queue.get(f"{person} {number}", who(person)) for person in PEOPLE for number in range(20)]
        for job in jobs:
            wait_for(job, Halted)
        assert sum(Started() in job.events for job in jobs) == 1
        assert {job.state for job in jobs} == {"waiting"}
        assert crowd.path.with_name(HALTED).read_text() == str(LOST)
    sound = Drawer()
    with closing(crowd.queue(sound, max_waiting=1000)) as queue:
        again = [queue.get(job.id, job.who) for job in jobs]
        assert {type(end_of(job)) for job in again} == {Done}
        assert queue.halted is None
        assert not crowd.path.with_name(HALTED).exists()
    assert len(sound.drawn) == 400


def test_a_job_that_met_a_lost_device_again_and_again_is_not_given_up(place: Place):
    for _ in range(ATTEMPTS + 1):
        with closing(place.queue(Drawer(faults={"a": LOST}))) as queue:
            job = next(iter(queue.of(who("ann"))), None) or queue.submit([resolved("a")], who("ann"))
            wait_for(job, Halted)
    with closing(place.queue(Drawer())) as queue:
        (job,) = queue.of(who("ann"))
        assert isinstance(end_of(job), Done)


def test_a_job_waiting_for_a_new_start_can_be_stopped(crowd: Place):
    with closing(crowd.queue(Drawer(faults={"a": LOST}), max_waiting=1000)) as queue:
        job = queue.get("person 3 4", who("person 3"))
        wait_for(job, Halted)
        queue.stop(job.id, job.who)
        assert isinstance(end_of(job), Stopped)


def test_jobs_that_are_on_no_disk_fail_with_the_cure_where_the_device_is_lost(place: Place):
    with closing(Scheduler(Drawer(faults={"a": LOST}), place.library, Database(None), 100)) as queue:
        ending = end_of(queue.submit([resolved("a")], who("ann")))
    assert ending == Failed.of(LOST)


def stranger(name: str) -> Identity:
    return who(name, here=False, address="192.0.2.1")


def test_owners_whom_nobody_vouches_for_share_the_turns_of_their_address(queue: Scheduler, drawer: Drawer) -> None:
    wait_for(queue.submit([resolved("a")], stranger("one")), Started)
    ann = stranger("ann").of_account("ann")
    jobs = [queue.submit([resolved("b")], one) for one in (stranger("two"), stranger("three"), ann)]
    assert [queue.position(job) for job in jobs] == [2, 3, 1]


def test_one_address_fills_a_quarter_of_the_line_and_one_browser_half_of_that(place: Place, drawer: Drawer) -> None:
    with closing(place.queue(drawer, max_waiting=16)) as queue:
        running = queue.submit([resolved("a")], who("account:ann"))
        wait_for(running, Started)
        for name in ("one", "one", "two"):
            queue.submit([resolved("a")], stranger(name))
        with pytest.raises(Busy, match="2 of your jobs"):
            queue.submit([resolved("a")], stranger("one"))
        queue.submit([resolved("a")], stranger("two"))
        with pytest.raises(Busy, match="4 jobs from your address"):
            queue.submit([resolved("a")], stranger("three"))
        queue.submit([resolved("a")], who("account:ann"))
        drawer.allow(1000)
