"""Who is with the device: one at a time, or several who use it for the same."""

from collections import deque
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from threading import Condition


class Door:
    """Lets in those who come with the same key together, and anyone without a key alone; first come, first in.

    Nobody overtakes: who wants something else waits no longer than those who are in take, however many come after.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._line: deque[object] = deque()
        self._inside: list[Hashable] = []

    @contextmanager
    def entered(self, key: Hashable = None) -> Iterator[None]:
        """Inside while this lasts, alone where there is no key."""
        self._enter(key)
        try:
            yield
        finally:
            with self._changed:
                self._inside.remove(key)
                self._changed.notify_all()

    def try_enter(self) -> bool:
        """Whether one could enter alone at once, and did; `leave` afterwards."""
        with self._changed:
            if self._inside or self._line:
                return False
            self._inside.append(None)
            return True

    def leave(self) -> None:
        """The end of what `try_enter` began."""
        with self._changed:
            self._inside.remove(None)
            self._changed.notify_all()

    def _enter(self, key: Hashable) -> None:
        turn = object()
        with self._changed:
            self._line.append(turn)
            try:
                self._changed.wait_for(lambda: self._line[0] is turn and self._fits(key))
                self._inside.append(key)
            finally:
                self._line.remove(turn)
                self._changed.notify_all()

    def _fits(self, key: Hashable) -> bool:
        return not self._inside or (key is not None and all(one == key for one in self._inside))
