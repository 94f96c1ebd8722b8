"""What a job tells: its story in order, to every reader, with its faults in words, and to its owner alone."""

import contextvars
import gc
import logging
import threading
import weakref
from contextlib import closing
from pathlib import Path

import pytest

from studio.backends.base import always
from studio.errors import InvalidRecipe, NotFound, OutOfMemory
from studio.events import END, Done, Event, Failed, Finished, Preview, Queued, Started, Step, Stopped
from studio.jobs import register
from studio.jobs.register import KEPT
from studio.jobs.scheduler import Scheduler
from studio.library import Library
from studio.storage.database import Database
from tests.drawer import Drawer, resolved
from tests.jobs.place import Place, end_of, wait_for
from tests.library.test_files import files_limited_to
from tests.people import who


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
