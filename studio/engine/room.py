"""The memory of the device and of the computer: what is kept there, what goes first, and the gate for all that takes
more of it.
"""

import math
from collections.abc import Callable
from typing import TypeVar

from studio.catalogue.models import Model
from studio.engine import memory, ram
from studio.engine.adapters import Wardrobe
from studio.engine.device import CARDS, Device
from studio.engine.loan import Loan, Resident
from studio.engine.shelf import Shelf
from studio.engine.upscale import Enlarger
from studio.errors import OutOfMemory
from studio.settings import Settings

T = TypeVar("T")
CURE = "Close other programs that use the device, make the image smaller, or choose a smaller model."


class Room:
    """What is loaded, of each sort the longest unused first; what is lent stays."""

    def __init__(self, device: Device, settings: Settings) -> None:
        self.device = device
        self.residents: dict[Model, Resident] = {}
        self.loan: Loan | None = None
        self.shelf = Shelf(self.make)
        self.wardrobe = Wardrobe()
        self.upscalers = Enlarger(settings, device, self.make, self.evict)

    def make(self, what: str, loader: Callable[[], T], needed: float = 0) -> T:
        """What `loader` puts onto the device, after `needed` bytes were made free for it; else as `within`."""
        self.evict(needed)
        return self.within(what, loader)

    def within(self, what: str, attempt: Callable[[], T]) -> T:
        """What `attempt` returns. While memory runs out in it, all that is not lent goes, then more of what is.

        DeviceError that says `what` had no room where nothing is left to go.
        """
        return memory.relieved(attempt, lambda: self._ease(what))

    def clear(self) -> bool:
        """Unload all but what is lent; False where there was nothing."""
        gone = self.evict(math.inf)
        gone = bool(self.wardrobe or self.upscalers.bytes) or gone
        self.wardrobe.clear()
        self.upscalers.clear()
        self.device.release()
        return gone

    def evict(self, needed: float, in_ram: float = 0) -> bool:
        """Unload until `needed` bytes of the device and `in_ram` bytes of the computer's memory are free, or only what
        is lent is left: what stands beside the models first. Whether anything went.
        """
        gone = False
        while self.free() < needed and self.shelf.drop():
            self.device.release()
            gone = True
        for model in [model for model in self.residents if not (self.loan and self.loan.resident.model == model)]:
            full = self.free() < needed and self.residents[model].device_bytes
            crowded = self.free_ram() < in_ram and self.residents[model].ram_bytes
            if full or crowded:
                del self.residents[model]
                self.device.release()
                gone = True
        return gone

    def free(self) -> int:
        """Bytes of the device that can be had."""
        free = self.device.free_bytes()
        if self.device.limit_bytes is None:
            return free
        held = sum(resident.device_bytes for resident in self.residents.values())
        return max(0, min(free, self.device.limit_bytes - held - self.shelf.bytes - self.upscalers.bytes))

    def free_ram(self) -> int:
        """Bytes of the computer's memory that can be had; no bound where that is the device's own.

        Weights that were mapped from their files do not count as used there, yet they are read all the time.
        """
        if self.device.kind not in CARDS:
            return 2**63
        held = sum(resident.ram_bytes for resident in self.residents.values())
        return max(0, min(ram.free_bytes(), ram.total_bytes() - held))

    def close(self) -> None:
        """Unload everything."""
        self.residents.clear()
        while self.shelf.drop():
            pass
        self.clear()

    def _ease(self, what: str) -> None:
        if self.loan:
            self.loan.recover()
        if self.clear() or (self.loan and self.loan.retreat()):
            return
        free = self.free() / memory.GIGABYTE
        raise OutOfMemory(f"{self.device.name} has no room for {what}: {free:.1f} GB are free.", CURE)
