"""A device that answers nothing any more: jobs wait for the next start, and none is given up."""

from contextlib import closing

import pytest

from studio.errors import DeviceLost
from studio.events import Done, Failed, Halted, Queued, Started, Stopped
from studio.jobs.outcomes import ATTEMPTS
from studio.jobs.scheduler import HALTED, Scheduler
from studio.storage.database import Database
from tests.drawer import Drawer, resolved
from tests.jobs.place import Place, end_of, job_of, wait_for
from tests.people import who

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
