"""A cache of auxiliary networks: ControlNets, IP-Adapters, VAEs and estimators of control maps."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import torch

from studio.backends.base import Held
from studio.engine.memory import bytes_of

T = TypeVar("T")


class Make(Protocol):
    """Loads a network onto the device and frees memory for it first; see `Room.make`."""

    def __call__(self, what: str, loader: Callable[[], T], needed: float = 0) -> T:
        """`what` names it in error messages, `needed` is its size in bytes."""


class AuxModelCache:
    """An LRU cache of networks by key; those `in_use` are never evicted."""

    def __init__(self, make: Make) -> None:
        self.in_use: frozenset[str] = frozenset()
        self._make = make
        self._kept: dict[str, Any] = {}  # the least recently used first
        self._held: dict[str, Held] = {}

    @property
    def bytes(self) -> int:
        """The bytes of all cached weights."""
        return sum(one.device_bytes for one in list(self._held.values()))

    def held(self) -> list[Held]:
        """The networks that are kept; may be asked from any thread."""
        return [replace(one, in_use=key in self.in_use) for key, one in list(self._held.items())]

    def load(self, key: str, what: str, loader: Callable[[], T], needed: float = 0) -> T:
        """Return the network cached under `key`, or load it; `what` and `needed` as in `Make`."""
        if key not in self._kept:
            self._kept[key] = self._make(what, loader, needed)
            if isinstance(self._kept[key], torch.nn.Module):
                self._held[key] = Held("network", what, bytes_of(self._kept[key]))
        else:
            self._kept[key] = self._kept.pop(key)
        made: T = self._kept[key]
        return made

    def drop(self) -> bool:
        """Drop the least recently used network; False where all are in use."""
        idle = next((key for key in self._kept if key not in self.in_use), None)
        if idle is None:
            return False
        del self._kept[idle]
        self._held.pop(idle, None)
        return True
