"""Owners take turns, a waiting job hears its place, and nobody fills the line."""

from contextlib import closing

import pytest

from studio.errors import Busy
from studio.events import Done, Queued, Started, Stopped
from studio.gate.identity import Identity
from studio.jobs.scheduler import Scheduler
from tests.drawer import Drawer, resolved
from tests.jobs.place import Place, end_of, wait_for
from tests.people import who


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


def test_a_full_line_refuses_more(place: Place, drawer: Drawer):
    with closing(place.queue(drawer, max_waiting=2)) as queue:
        wait_for(queue.submit([resolved("a")], who("ann")), Started)
        for _ in range(2):
            queue.submit([resolved("a")], who("ann"))
        with pytest.raises(Busy, match="waiting") as error:
            queue.submit([resolved("b")], who("bob"))
        assert error.value.hint
        drawer.allow(100)


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
