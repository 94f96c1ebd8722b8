"""The image is the unit of work: turns between images, priorities, pauses, lanes, and one fault that is not all's."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from studio.backends.base import NOBODYS, Rendered, Report, Turn, Wanted, always
from studio.downloads.queue import Downloads, Errand
from studio.errors import NotFound, OutOfMemory
from studio.events import Done, Event, Failed, Finished, ImageFailed, Queued, Started, Step, Stopped
from studio.jobs.job import Job
from studio.jobs.lane import Lane
from studio.jobs.outcomes import ATTEMPTS
from studio.jobs.scheduler import Scheduler
from studio.library import Library
from studio.recipe import Recipe
from studio.storage.database import FILE, Database
from tests.drawer import Drawer, resolved
from tests.people import who

Start = Callable[..., Scheduler]
FAULT = OutOfMemory("No room.", "Less.")
NO_ROOM = Failed.of(FAULT)


def end_of(job: Job) -> Event:
    return list(job.follow())[-1]


def wait_for(job: Job, kind: type[Event]) -> Event:
    return next(event for event in job.follow() if isinstance(event, kind))


def many(prompt: str, count: int) -> list[Recipe]:
    return [resolved(prompt, seed, steps=1) for seed in range(1, count + 1)]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """A scheduler on the one folder of a test; the one before it is closed first, whatever it is at."""
    before: list[tuple[Scheduler, Drawer]] = []

    def begin(drawer: Drawer, lanes: dict[str, Lane] | None = None) -> Scheduler:
        end()
        library, database = Library(tmp_path / "images"), Database(tmp_path / FILE)
        before.append((Scheduler(drawer, library, database, max_waiting=100, lanes=lanes), drawer))
        return before[0][0]

    def end() -> None:
        while before:
            scheduler, drawer = before.pop()
            if isinstance(drawer, Deadly):  # nothing closes what is dead
                scheduler._store.close()
                continue
            closing = threading.Thread(target=scheduler.close)
            closing.start()
            while not scheduler.closing:
                time.sleep(0.001)
            drawer.free()
            closing.join()

    yield begin
    end()


@pytest.fixture
def drawer() -> Drawer:
    return Drawer(gated=True, faults={"refuse": FAULT})


def test_a_neighbours_picture_comes_after_the_next_image_of_a_long_job(start: Start, drawer: Drawer):
    scheduler = start(drawer)
    grid = scheduler.submit(many("a", 64), who("ann"), kind="grid")
    wait_for(grid, Started)
    single = scheduler.submit([resolved("b", steps=1)], who("bob"))
    drawer.allow(2)
    assert isinstance(end_of(single), Done)
    assert drawer.drawn == ["a/1", "b/1"]
    drawer.allow(100)
    assert isinstance(end_of(grid), Done)
    assert len(grid.results) == 64
    assert [type(event) for event in grid.events if isinstance(event, Queued | Started)][-2:] == [Queued, Started]


def test_two_long_jobs_take_turns_image_by_image(start: Start, drawer: Drawer):
    scheduler = start(drawer)
    jobs = [scheduler.submit(many(name, 3), who(name), kind="grid") for name in ("ann", "bob")]
    drawer.allow(100)
    for job in jobs:
        end_of(job)
    assert drawer.drawn == ["ann/1", "bob/1", "ann/2", "bob/2", "ann/3", "bob/3"]


def test_ones_own_picture_comes_before_the_rest_of_ones_grid(start: Start, drawer: Drawer):
    scheduler = start(drawer)
    grid = scheduler.submit(many("grid", 4), who("ann"), kind="grid")
    wait_for(grid, Started)
    single = scheduler.submit([resolved("single", steps=1)], who("ann"))
    other = scheduler.submit(many("other", 2), who("ann"), kind="grid")
    drawer.allow(100)
    for job in (grid, single, other):
        end_of(job)
    assert drawer.drawn == ["grid/1", "single/1", "grid/2", "grid/3", "grid/4", "other/1", "other/2"]


def test_what_is_in_the_background_runs_when_nothing_else_waits(start: Start, drawer: Drawer):
    scheduler = start(drawer)
    night = scheduler.submit(many("night", 3), who("ann"), priority="background")
    wait_for(night, Started)
    jobs = [scheduler.submit(many(name, 2), who(name), kind="grid") for name in ("bob", "ann")]
    assert scheduler.position(jobs[0]) == 1
    drawer.allow(100)
    for job in (night, *jobs):
        end_of(job)
    assert drawer.drawn == ["night/1", "bob/1", "ann/1", "bob/2", "ann/2", "night/2", "night/3"]


def test_a_paused_job_finishes_its_image_and_waits_over_a_restart_until_it_is_resumed(start: Start, drawer: Drawer):
    scheduler = start(drawer)
    job = scheduler.submit(many("a", 3), who("ann"))
    wait_for(job, Started)
    scheduler.pause(job.id, who("ann"))
    drawer.allow(1)
    wait_for(job, Finished)
    other = scheduler.submit([resolved("b", steps=1)], who("bob"))
    drawer.allow(5)
    assert isinstance(end_of(other), Done)
    assert drawer.drawn == ["a/1", "b/1"]
    again = Drawer()
    scheduler = start(again)
    assert scheduler.get(job.id, who("ann")).paused
    scheduler.pause(job.id, who("ann"), paused=False)
    assert isinstance(end_of(scheduler.get(job.id, who("ann"))), Done)
    assert again.drawn == ["a/2", "a/3"]


def test_the_owner_puts_jobs_in_another_order_that_outlives_a_restart(start: Start, drawer: Drawer):
    scheduler = start(drawer)
    running = scheduler.submit([resolved("running", steps=1)], who("bob"))
    wait_for(running, Started)
    first, second, third = (scheduler.submit([resolved(name, steps=1)], who("ann")) for name in ("1", "2", "3"))
    scheduler.move(third.id, who("ann"), before=first.id)
    scheduler.move(first.id, who("ann"))
    assert [scheduler.position(job) for job in (third, second, first)] == [1, 2, 3]
    with pytest.raises(NotFound):
        scheduler.move(third.id, who("bob"), before=first.id)
    again = Drawer(gated=True)
    scheduler = start(again)
    again.allow(100)
    for job in (first, second, third):
        end_of(scheduler.get(job.id, who("ann")))
    assert [name for name in again.drawn if name != "running/1"] == ["3/1", "2/1", "1/1"]


def test_a_job_that_is_put_elsewhere_takes_the_priority_of_its_neighbour(start: Start, drawer: Drawer):
    scheduler = start(drawer)
    wait_for(scheduler.submit([resolved("running", steps=1)], who("bob")), Started)
    grid, later = (scheduler.submit(many(name, 1), who("ann"), kind="grid") for name in ("grid", "later"))
    single, other = (scheduler.submit([resolved(name, steps=1)], who("ann")) for name in ("single", "other"))
    order = [single, other, grid, later]
    assert [scheduler.position(job) for job in order] == [1, 2, 3, 4]
    scheduler.move(single.id, who("ann"), before=later.id)
    assert [scheduler.position(job) for job in (other, grid, single, later)] == [1, 2, 3, 4]
    scheduler.move(later.id, who("ann"), before=other.id)
    assert [scheduler.position(job) for job in (later, other, grid, single)] == [1, 2, 3, 4]
    scheduler.move(other.id, who("ann"))
    assert [scheduler.position(job) for job in (later, grid, single, other)] == [1, 2, 3, 4]


def test_one_waiting_picture_is_taken_out_of_a_job(start: Start, drawer: Drawer):
    scheduler = start(drawer)
    job = scheduler.submit(many("a", 3), who("ann"))
    wait_for(job, Started)
    blocker = scheduler.submit([resolved("b", steps=1)], who("bob"))
    drawer.allow(1)
    wait_for(blocker, Started)
    scheduler.stop_item(job.id, who("ann"), 1)
    with pytest.raises(NotFound, match="no such picture"):
        scheduler.stop_item(job.id, who("ann"), 3)
    drawer.allow(100)
    assert end_of(job) == Stopped()
    assert [event.image for event in job.results] == [0, 2]


def test_a_picture_that_is_being_made_is_cancelled_and_the_others_are_made(start: Start, drawer: Drawer):
    scheduler = start(drawer)
    job = scheduler.submit([resolved("a", seed) for seed in (1, 2)], who("ann"), kind="grid")
    drawer.allow(1)
    wait_for(job, Step)
    scheduler.stop_item(job.id, who("ann"), 0)
    drawer.allow(100)
    assert end_of(job) == Stopped()
    assert drawer.drawn == ["a/2"]


def test_a_picture_that_is_stopped_while_it_is_stored_is_kept_and_told(
    start: Start, drawer: Drawer, monkeypatch: pytest.MonkeyPatch
):
    scheduler, save = start(drawer), Library.save

    def stopped_meanwhile(library: Library, *args: Any, **kwargs: Any) -> Any:
        scheduler.stop_item(job.id, who("ann"), kwargs["index"])
        return save(library, *args, **kwargs)

    monkeypatch.setattr(Library, "save", stopped_meanwhile)
    job = scheduler.submit([resolved("a", steps=1)], who("ann"))
    drawer.allow(100)
    assert isinstance(end_of(job), Done)
    assert [event.path for event in job.results] == list(scheduler._maker._library.folder.rglob("*.png"))


def test_one_fault_of_a_grid_is_told_and_the_other_images_are_made(start: Start):
    drawer = Drawer(faults={"refuse": FAULT})
    scheduler = start(drawer)
    recipes = [resolved("a"), resolved("refuse"), resolved("b")]
    grid = scheduler.submit(recipes, who("ann"), kind="grid")
    assert isinstance(end_of(grid), Done)
    assert [event.image for event in grid.results] == [0, 2]
    assert [event for event in grid.events if isinstance(event, ImageFailed)] == [ImageFailed(1, NO_ROOM)]
    pictures = scheduler.submit(recipes, who("ann"))
    assert end_of(pictures) == NO_ROOM


def test_a_grid_of_which_nothing_can_be_made_has_failed(start: Start):
    scheduler = start(Drawer(faults={"refuse": FAULT}))
    assert end_of(scheduler.submit(many("refuse", 2), who("ann"), kind="grid")) == NO_ROOM


def test_what_failed_is_made_again_and_nothing_else(start: Start):
    drawer = Drawer(faults={"refuse": FAULT})
    scheduler = start(drawer)
    grid = scheduler.submit([resolved("a"), resolved("refuse")], who("ann"), kind="grid")
    end_of(grid)
    drawer.faults = {}
    assert scheduler.retry(grid.id, who("ann")) is grid
    assert isinstance(end_of(grid), Done)
    assert [event.image for event in grid.results] == [0, 1]
    assert drawer.drawn == ["a/1", "refuse/1"]
    with pytest.raises(NotFound, match="Nothing"):
        scheduler.retry(grid.id, who("ann"))


def test_what_failed_is_made_again_after_a_restart(start: Start):
    grid = start(Drawer(faults={"refuse": FAULT})).submit([resolved("a"), resolved("refuse")], who("ann"), kind="grid")
    end_of(grid)
    again = Drawer()
    scheduler = start(again)
    found = scheduler.get(grid.id, who("ann"))
    assert [event for event in found.events if isinstance(event, ImageFailed)] == [ImageFailed(1, NO_ROOM)]
    assert isinstance(end_of(scheduler.retry(grid.id, who("ann"))), Done)
    assert again.drawn == ["refuse/1"]


class Together(Drawer):
    """Begins no picture before as many calls are under way as there is room for."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.most = 1
        self.barrier = threading.Barrier(calls, timeout=30)

    def generate(
        self, recipes: Sequence[Recipe], report: Report, wanted: Wanted = always, turn: Turn = NOBODYS
    ) -> Iterator[Rendered]:
        del wanted, turn
        self.barrier.wait()
        for index, recipe in enumerate(recipes):
            yield self._draw(index, recipe, report)


def test_lanes_work_side_by_side_and_one_takes_as_many_calls_as_it_has_room_for(start: Start):
    hosted, device = Together(3), Drawer()
    scheduler = start(device, {"hosted": Lane(hosted, capacity=3)})
    lanes = ["hosted"] * 6 + ["device"] * 2
    job = scheduler.submit([resolved("a", seed) for seed in range(8)], who("ann"), kind="comparison", lanes=lanes)
    assert isinstance(end_of(job), Done)
    assert sorted(event.image for event in job.results) == list(range(8))
    assert (len(hosted.drawn), len(device.drawn)) == (6, 2)


def test_what_another_lane_makes_does_not_wait_for_the_weights_of_this_device(tmp_path: Path):
    downloads, hosted = Downloads(), Drawer()
    scheduler = Scheduler(
        Drawer(),
        Library(tmp_path / "images"),
        Database(tmp_path / FILE),
        max_waiting=100,
        fetch=lambda _, hear: Errand(downloads, hear, urgent=True),
        lanes={"hosted": Lane(hosted)},
    )
    recipes, lanes = [resolved("here"), resolved("there")], ["device", "hosted"]
    job = scheduler.submit(recipes, who("ann"), kind="comparison", lanes=lanes)
    assert wait_for(job, Finished) == job.results[0]
    assert job.results[0].image == 1
    assert job.errand
    job.errand.look()  # all is here
    assert isinstance(end_of(job), Done)
    scheduler.close()


def test_what_failed_is_made_again_while_the_rest_still_waits(start: Start, drawer: Drawer):
    scheduler = start(drawer)
    grid = scheduler.submit([resolved("refuse"), resolved("a"), resolved("b")], who("ann"), kind="grid")
    drawer.allow(3)
    wait_for(grid, ImageFailed)
    drawer.faults = {}
    scheduler.retry(grid.id, who("ann"), [0])
    drawer.allow(100)
    assert isinstance(end_of(grid), Done)
    assert sorted(drawer.drawn) == ["a/1", "b/1", "refuse/1"]


class Deadly(Drawer):
    """The process dies in the midst of a picture: nothing is written down any more."""

    def _draw(self, index: int, recipe: Recipe, report: Report) -> Rendered:
        if recipe.prompt == "deadly":
            raise SystemExit
        return super()._draw(index, recipe, report)


def test_one_image_that_ends_the_studio_again_and_again_is_given_up_and_the_others_are_made(
    start: Start, monkeypatch: pytest.MonkeyPatch
):
    recipes = [resolved("deadly"), resolved("a"), resolved("b")]
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    job = start(Deadly()).submit(recipes, who("ann"), kind="grid")
    wait_for(job, Started)
    for _ in range(ATTEMPTS - 1):
        wait_for(start(Deadly()).get(job.id, who("ann")), Started)
    scheduler = start(last := Deadly())
    found = scheduler.get(job.id, who("ann"))
    assert isinstance(end_of(found), Done)
    (fault,) = [event for event in found.events if isinstance(event, ImageFailed)]
    assert (fault.image, str(ATTEMPTS) in fault.fault.message) == (0, True)
    assert last.drawn == ["a/1", "b/1"]


def test_a_studio_that_ends_while_it_closes_has_not_tried_in_vain(start: Start, tmp_path: Path):
    """A model that loads for long keeps the process from closing in time, so it ends as it stands."""
    stuck = threading.Event()

    class Loading(Drawer):
        def generate(
            self, recipes: Sequence[Recipe], report: Report, wanted: Wanted = always, turn: Turn = NOBODYS
        ) -> Iterator[Rendered]:
            stuck.wait()
            yield from super().generate(recipes, report, wanted, turn)

        def free(self) -> None:
            with closing(sqlite3.connect(tmp_path / FILE)) as database:
                while database.execute("SELECT state, attempts FROM items").fetchall() != [("waiting", 0)]:
                    time.sleep(0.01)
            stuck.set()

    job = start(Loading()).submit([resolved("a")], who("ann"))
    wait_for(job, Started)
    assert isinstance(end_of(start(Drawer()).get(job.id, who("ann"))), Done)


def test_the_seconds_left_are_those_of_all_that_a_job_still_waits_for(start: Start):
    class Telling(Drawer):
        most = 1

        def _draw(self, index: int, recipe: Recipe, report: Report) -> Rendered:
            report(Step((index,), 1, 7, 2.0))
            return super()._draw(index, recipe, report)

    scheduler, events = start(Telling()), list[Event]()
    scheduler.listen("images", events.append)
    list(scheduler.submit([resolved(prompt) for prompt in "abc"], who("ann")).follow())
    left = [event.seconds_left for event in events if isinstance(event, Step) and event.steps == 7]
    assert left[0] >= 6
    assert left[2] == 2
