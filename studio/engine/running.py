"""A task under way: what it asks for, what it was answered, and its result."""

from collections.abc import Callable
from typing import Generic, TypeVar

from studio.catalogue.models import Model
from studio.engine.requests import Borrow, Decode, Denoise, Request, Work

T = TypeVar("T")


class Running(Generic[T]):
    """Drives one generator: `request` is what it asks for, None when it is done and has its `result`.

    What it was answered is kept, so that a part of it can be made again: by a generator of its own, which is given the
    earlier answers anew.
    """

    result: T

    def __init__(self, start: Callable[[], Work[T]]) -> None:
        self._start = start
        self._answers: list[object] = []
        self._kept = 0
        self.request: Request | None = None
        self._begin()

    @property
    def done(self) -> bool:
        """Whether it asks for nothing more."""
        return self.request is None

    @property
    def model(self) -> Model | None:
        """The model that has to answer its request; None where none has to."""
        return self.request.model if isinstance(self.request, Denoise | Decode | Borrow) else None

    def answer(self, answer: object = None) -> None:
        """Go on with the answer to its request."""
        self._answers.append(answer)
        self._go_on(lambda: self._work.send(answer))

    def keep(self) -> None:
        """What it was answered up to here stays, whatever is taken back."""
        self._kept = len(self._answers)

    def take_back(self) -> None:
        """Ask anew for all that was answered since `keep`, or since its start."""
        self.close()
        kept, self._answers = self._answers[: self._kept], []
        self._begin()
        for answer in kept:
            self.answer(answer)

    def close(self) -> None:
        """End it where it stands."""
        self._work.close()

    def _begin(self) -> None:
        self._work = self._start()
        self._go_on(lambda: next(self._work))

    def _go_on(self, step: Callable[[], Request]) -> None:
        try:
            self.request = step()
        except StopIteration as done:
            self.request, self.result = None, done.value
