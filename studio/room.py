"""An upper bound of what all requests together hold in memory at once, counted in pixels."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from studio.errors import Busy

# How long somebody waits until others are done; reading the largest picture takes two seconds.
PATIENCE_SECONDS = 30.0


class Room:
    """Room for so many pixels: whoever reads a picture takes some for as long as that lasts, and waits for it."""

    def __init__(self, pixels: int) -> None:
        self._free = self._all = pixels
        self._news = threading.Condition()

    @contextmanager
    def of(self, pixels: int, *, patient: bool = False) -> Iterator[None]:
        """Hold room for these pixels while the block lasts; Busy where there is none for long, but to the `patient`."""
        wanted = min(pixels, self._all)
        with self._news:
            if not self._news.wait_for(lambda: self._free >= wanted, None if patient else PATIENCE_SECONDS):
                raise Busy("Too many large pictures are being read at once.", "Try again in a minute.")
            self._free -= wanted
        try:
            yield
        finally:
            with self._news:
                self._free += wanted
                self._news.notify_all()
