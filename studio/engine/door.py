"""Who is with the device: one alone, or several who can be beside one another."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition

# How long whoever needs the device alone, as to load another model, can be overtaken by those who share it.
OVERTAKEN_SECONDS = 5.0


@dataclass(eq=False)
class Place:
    """One's place at the door, from coming to leaving; `beside` says whether one can be with others now."""

    beside: Callable[[], bool]
    came: float
    is_shared: bool = False


class Door:
    """Lets in those who can be beside others together, and everyone else alone; first come, first in.

    Those who fit beside who is in overtake who does not, until that one has waited for `patience` seconds: so what a
    model is loaded for is put off by no more than that and what those who are in still take.
    """

    def __init__(self, patience: float = OVERTAKEN_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._changed = Condition()
        self._line: deque[Place] = deque()
        self._inside: list[Place] = []

    @contextmanager
    def entered(self, beside: Callable[[], bool] = lambda: False) -> Iterator[Place]:
        """Inside while this lasts, alone unless one can be `beside` others; see `share`."""
        place = Place(beside, self._clock())
        self._enter(place)
        try:
            yield place
        finally:
            with self._changed:
                self._inside.remove(place)
                self._changed.notify_all()

    def share(self, place: Place) -> None:
        """Who came in alone can be beside others from now on."""
        with self._changed:
            place.is_shared = True
            self._changed.notify_all()

    @contextmanager
    def entered_if_free(self) -> Iterator[bool]:
        """Inside alone while this lasts where one could enter at once; False, and nobody waits, where not."""
        with self._changed:
            is_free = not self._inside and not self._line
            if is_free:
                self._inside.append(Place(lambda: False, self._clock()))
        try:
            yield is_free
        finally:
            if is_free:
                with self._changed:
                    self._inside.clear()
                    self._changed.notify_all()

    def _enter(self, place: Place) -> None:
        with self._changed:
            self._line.append(place)
            try:
                self._changed.wait_for(lambda: self._may_enter(place))
                place.is_shared = place.beside()
                self._inside.append(place)
            finally:
                self._line.remove(place)
                self._changed.notify_all()

    def _may_enter(self, place: Place) -> bool:
        if self._inside and not (place.beside() and all(one.is_shared for one in self._inside)):
            return False
        before = self._line.index(place)
        impatient = self._clock() - self._patience
        # Nobody overtakes who could go in now, or has waited long enough.
        return not before or (bool(self._inside) and all(one.came > impatient for one in list(self._line)[:before]))
