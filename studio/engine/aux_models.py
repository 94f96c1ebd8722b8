"""The networks beside the models: ControlNets, what makes their maps, IP-Adapters; kept while memory allows."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import torch

from studio.engine.memory import bytes_of

T = TypeVar("T")


class Make(Protocol):
    """As `Room.make`: what a loader puts onto the device, with room made for it."""

    def __call__(self, what: str, loader: Callable[[], T], needed: float = 0) -> T:
        """`what` is how people are told of it where it has no room; `needed` are its bytes."""


class AuxModelCache:
    """Networks by a key; the least recently used goes first, what is `in_use` not at all."""

    def __init__(self, make: Make) -> None:
        self.in_use: frozenset[str] = frozenset()
        self._make = make
        self._kept: dict[str, Any] = {}  # the least recently used first

    @property
    def bytes(self) -> int:
        """What the weights of all take."""
        return sum(bytes_of(kept) for kept in self._kept.values() if isinstance(kept, torch.nn.Module))

    def load(self, key: str, what: str, loader: Callable[[], T], needed: float = 0) -> T:
        """What `loader` made when it was first asked for by this key; `what` and `needed` as `Make` has them."""
        if key not in self._kept:
            self._kept[key] = self._make(what, loader, needed)
        else:
            self._kept[key] = self._kept.pop(key)
        made: T = self._kept[key]
        return made

    def drop(self) -> bool:
        """Let go of the least recently used; False where all are borrowed."""
        idle = next((key for key in self._kept if key not in self.in_use), None)
        if idle is None:
            return False
        del self._kept[idle]
        return True
