"""Jobs outlive their studio: what was stored is kept, what was not is made, nothing twice."""

import sqlite3
from contextlib import closing

import pytest

from studio.backends.base import Rendered, Report
from studio.errors import Closing, InUse, InvalidRecipe
from studio.events import Done, Failed, Finished, Preview, Step, Stopped
from studio.jobs.outcomes import ATTEMPTS
from studio.recipe import Recipe
from tests.drawer import Drawer, resolved
from tests.jobs.place import Place, add_crashed, end_of, wait_for
from tests.people import who


def test_closing_stops_the_running_job_and_a_new_start_goes_on(place: Place):
    class Endless(Drawer):
        def _draw(self, index: int, recipe: Recipe, report: Report) -> Rendered:
            while recipe.seed == 2:
                report(Step((index,), 1, 2, 0.0))
            return super()._draw(index, recipe, report)

    queue = place.queue(Endless())
    running = queue.submit([resolved("a", seed) for seed in (1, 2, 3)], who("ann"))
    kept = wait_for(running, Finished)
    next(event for event in running.follow() if isinstance(event, Step) and event.images == (1,))
    waiting = queue.submit([resolved("b")], who("bob"))  # before, its turn might come between two of the others
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


def test_two_studios_cannot_share_one_list(place: Place):
    with (
        closing(place.queue(Drawer())),
        pytest.raises(InUse, match="Another studio") as error,
    ):
        place.queue(Drawer())
    assert "--home" in error.value.hint
    place.queue(Drawer()).close()
