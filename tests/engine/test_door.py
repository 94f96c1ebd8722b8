"""Who is with the device: those who share a model's steps together, and who needs it alone by themselves."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

import pytest

from studio.engine.door import Door


class Visitors:
    """Who comes to a door, each in a thread of its own, by name; its clock is the test's."""

    def __init__(self) -> None:
        self.now = 0.0
        self.door = Door(patience=5.0, clock=lambda: self.now)
        self.inside: list[str] = []
        self._leaving: dict[str, Event] = {}
        self._threads = ThreadPoolExecutor(8)

    def comes(self, name: str, *, beside: bool) -> None:
        """One comes, and is inside or in line when this returns."""
        self._leaving[name] = Event()
        waiting = len(self.door._line) + len(self.door._inside)
        self._threads.submit(self._visit, name, beside)
        self.until(lambda: len(self.door._line) + len(self.door._inside) > waiting)

    def leaves(self, name: str, then: str = "") -> None:
        """One leaves; `then` comes in."""
        self._leaving[name].set()
        self.until(lambda: name not in self.inside and (not then or then in self.inside))

    def until(self, true: object) -> None:
        assert callable(true)
        with self.door._changed:
            assert self.door._changed.wait_for(true, timeout=30)

    def close(self) -> None:
        for event in self._leaving.values():
            event.set()
        self._threads.shutdown()

    def _visit(self, name: str, beside: bool) -> None:
        with self.door.entered(lambda: beside):
            with self.door._changed:
                self.inside.append(name)
                self.door._changed.notify_all()
            self._leaving[name].wait()
            with self.door._changed:
                self.inside.remove(name)
                self.door._changed.notify_all()


@pytest.fixture
def visitors() -> Iterator[Visitors]:
    visitors = Visitors()
    yield visitors
    visitors.close()


def test_those_who_share_are_inside_together_and_who_does_not_waits(visitors: Visitors) -> None:
    visitors.comes("a", beside=True)
    visitors.comes("b", beside=True)
    visitors.comes("loads", beside=False)
    visitors.until(lambda: visitors.inside == ["a", "b"])
    visitors.leaves("a")
    assert "loads" not in visitors.inside
    visitors.leaves("b", then="loads")


def test_who_needs_the_device_alone_is_overtaken_for_a_while_and_no_longer(visitors: Visitors) -> None:
    visitors.comes("a", beside=True)
    visitors.comes("loads", beside=False)
    visitors.comes("early", beside=True)
    visitors.until(lambda: set(visitors.inside) == {"a", "early"})
    visitors.now = 6.0
    visitors.comes("late", beside=True)
    visitors.leaves("a")
    assert visitors.inside == ["early"]
    visitors.leaves("early", then="loads")
    assert visitors.inside == ["loads"]
    visitors.leaves("loads", then="late")


def test_who_has_loaded_a_model_lets_others_in_beside() -> None:
    door = Door()
    with ExitStack() as first, door.entered() as place, ThreadPoolExecutor(1) as threads:
        second = threads.submit(lambda: first.enter_context(door.entered(lambda: True)))
        door.share(place)
        assert second.result(timeout=30).is_shared


def test_nobody_comes_in_at_once_where_somebody_is_or_waits() -> None:
    door = Door()
    with door.entered(lambda: True), door.entered_if_free() as is_free:
        assert not is_free
    with door.entered_if_free() as is_free:
        assert is_free
    with door.entered():
        pass
