"""Work beside the steps on a card: in a thread and on a stream of its own, so that no step waits for its end.

Streams run side by side. What one of them is to read that another writes is waited for on the card, by events; and
memory that a stream reads goes back to torch when that has read it, whoever lets go of it before.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

import torch

T = TypeVar("T")
# What work answers, and the event behind the last of its kernels.
Made = tuple[T, Any]


class SideStream:
    """Does one work after the other, in the order in which they come."""

    def __init__(self, place: torch.device) -> None:
        self._place = place
        self._stream: Any = torch.cuda.Stream(place)  # type: ignore[no-untyped-call]
        self._thread = ThreadPoolExecutor(1, "beside steps")

    def submit(self, work: Callable[[torch.Tensor], T], given: torch.Tensor) -> "Future[Made[T]]":
        """Have `work` done with a tensor that the stream of here makes; see `taken`."""
        ready = torch.cuda.current_stream().record_event()
        return self._thread.submit(copy_context().run, self._do, work, given, ready)

    def begun(self, work: Callable[[torch.Tensor], T], given: torch.Tensor) -> "Future[T]":
        """The same for an answer that is in the computer's memory, of which nobody waits for the end."""
        ready = torch.cuda.current_stream().record_event()
        return self._thread.submit(copy_context().run, lambda: self._do(work, given, ready)[0])

    def taken(self, made: Made[T]) -> T:
        """What work has answered, for whoever goes on with it on the stream of here."""
        answer, done = made
        here = torch.cuda.current_stream()
        here.wait_event(done)
        for tensor in _tensors(answer):
            self._read(tensor, here)
        return answer

    def close(self) -> None:
        """Do no more."""
        self._thread.shutdown()

    @torch.no_grad()
    def _do(self, work: Callable[[torch.Tensor], T], given: torch.Tensor, ready: Any) -> Made[T]:
        with torch.cuda.stream(self._stream):
            self._stream.wait_event(ready)
            self._read(given, self._stream)
            return work(given), self._stream.record_event()

    def _read(self, tensor: torch.Tensor, stream: Any) -> None:
        if tensor.device.type == self._place.type:
            tensor.record_stream(stream)


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in an answer, such as the distribution that a VAE reads a picture as."""
    match value:
        case torch.Tensor():
            yield value
        case dict():
            yield from _tensors(list(value.values()))
        case list() | tuple():
            for part in value:
                yield from _tensors(part)
        case _ if hasattr(value, "__dict__"):
            yield from _tensors(vars(value))
