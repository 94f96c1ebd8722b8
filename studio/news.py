"""Who waits for something to change: threads by a condition, and event loops without holding a thread."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress

Pause = Callable[[], Awaitable[None]]


class News(threading.Condition):
    """A condition whose `notify_all` also wakes the event loops that follow its changes."""

    def __init__(self) -> None:
        super().__init__()
        self._wakers: set[Callable[[], None]] = set()
        # When something changed last, as `time.monotonic` counts.
        self.changed = time.monotonic()

    def notify_all(self) -> None:
        """Wake everybody who waits; the lock is held."""
        super().notify_all()
        self.changed = time.monotonic()
        for wake in self._wakers:
            wake()

    async def changes(self, is_over: Callable[[], bool], pause: Pause) -> AsyncGenerator[None, None]:
        """At once, and after each change until it is over; what changes during the pause is told with it.

        No thread is held meanwhile. Close it when it is left early.
        """
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        changed.set()

        def wake() -> None:
            # One that is set already is cleared before the change is read, so once is enough.
            if not changed.is_set():
                with suppress(RuntimeError):  # the loop is closed
                    loop.call_soon_threadsafe(changed.set)

        with self:
            self._wakers.add(wake)
        try:
            while True:
                await changed.wait()
                await pause()
                changed.clear()
                if is_over():
                    return
                yield
        finally:
            with self:
                self._wakers.discard(wake)
