"""Memory of the device and RAM: what is loaded, what is evicted first, and the gate for everything that allocates."""

import math
from collections.abc import Callable
from typing import TypeVar

from studio.backends.base import Held, MemoryUse
from studio.catalogue.models import Model
from studio.engine import memory, ram
from studio.engine.aux_models import AuxModelCache
from studio.engine.device import CARDS, Device
from studio.engine.graphs import CudaGraphs
from studio.engine.lease import LoadedModel, PipelineLease
from studio.engine.lora import LoraCache
from studio.engine.upscale import Upscaler
from studio.errors import OutOfMemory
from studio.settings import Settings

T = TypeVar("T")
CURE = "Close other programs that use the device, make the image smaller, or choose a smaller model."


class Room:
    """Everything that is loaded; each cache evicts its least recently used entry first, borrowed ones stay."""

    def __init__(self, device: Device, settings: Settings, graphs: CudaGraphs | None = None) -> None:
        self.device = device
        self.graphs = graphs
        self.loaded_models: dict[Model, LoadedModel] = {}
        self.leases: list[PipelineLease] = []
        self.aux_models = AuxModelCache(self.make)
        self.lora_cache = LoraCache()
        self.upscalers = Upscaler(settings, device, self.make, self.evict)

    def make(self, what: str, loader: Callable[[], T], needed: float = 0) -> T:
        """Free `needed` bytes of the device, then call `loader`; else as `within`."""
        self.evict(needed)
        return self.within(what, loader)

    def within(self, what: str, attempt: Callable[[], T]) -> T:
        """Call `attempt`. While it runs out of memory, unload what is not borrowed, then offload the borrowed model.

        Raises OutOfMemory for `what` where nothing is left to evict.
        """
        return memory.relieved(attempt, lambda: self._ease(what))

    def clear(self) -> bool:
        """Unload everything that is not borrowed; False where there was nothing."""
        gone = self.evict(math.inf)
        gone = bool(self.lora_cache or self.upscalers.bytes) or gone
        gone = self._drop_graphs() or gone
        self.lora_cache.clear()
        self.upscalers.clear()
        self.device.release()
        return gone

    def evict(self, needed: float, in_ram: float = 0) -> bool:
        """Unload until `needed` bytes of the device and `in_ram` bytes of the computer's memory are free, or only what
        is borrowed is left: CUDA graphs, auxiliary networks, then models. Returns whether anything was evicted.
        """
        gone = self.free() < needed and self._drop_graphs()
        while self.free() < needed and self.aux_models.drop():
            self.device.release()
            gone = True
        in_use = {lease.loaded.model for lease in self.leases}
        for model in [model for model in self.loaded_models if model not in in_use]:
            full = self.free() < needed and self.loaded_models[model].device_bytes
            crowded = self.free_ram() < in_ram and self.loaded_models[model].ram_bytes
            if full or crowded:
                del self.loaded_models[model]
                self.device.release()
                gone = True
        return gone

    def free(self) -> int:
        """The free bytes of the device; what graphs work in is torch's, and nobody else's."""
        free = max(0, self.device.free_bytes() - self._graph_bytes)
        if self.device.limit_bytes is None:
            return free
        held = sum(loaded.device_bytes for loaded in self.loaded_models.values())
        return max(0, min(free, self.device.limit_bytes - held - self.aux_models.bytes - self.upscalers.bytes))

    def free_ram(self) -> int:
        """The free bytes of RAM; infinite where the device computes in it.

        Weights mapped from their files do not count as used, yet evicting their pages would read them again each step.
        """
        if self.device.kind not in CARDS:
            return 2**63
        held = sum(loaded.ram_bytes for loaded in self.loaded_models.values())
        return max(0, min(ram.free_bytes(), ram.total_bytes() - held))

    def held(self) -> tuple[Held, ...]:
        """What is loaded, models first; may be asked from any thread."""
        in_use = {lease.loaded.model for lease in list(self.leases)}
        models = [one.held(in_use=one.model in in_use) for one in list(self.loaded_models.values())]
        graphs = [Held("CUDA graphs", f"{self.graphs.count}", self._graph_bytes)] if self.graphs else []
        graphs = [one for one in graphs if one.device_bytes]
        return (*models, *self.aux_models.held(), *self.upscalers.held(), *self.lora_cache.held(), *graphs)

    def use(self) -> MemoryUse:
        """Where memory went; may be asked from any thread."""
        has_own = self.device.kind in CARDS
        in_ram = (ram.total_bytes(), ram.free_bytes()) if has_own else (None, None)
        return MemoryUse(self.device.name, self.device.total_bytes(), self.free(), self.held(), *in_ram)

    def close(self) -> None:
        """Unload everything."""
        self.loaded_models.clear()
        while self.aux_models.drop():
            pass
        self.clear()

    @property
    def _graph_bytes(self) -> int:
        return self.graphs.bytes if self.graphs else 0

    def _drop_graphs(self) -> bool:
        """Drop the CUDA graphs, which are captured anew where they are needed; False where there were none."""
        if not self._graph_bytes or self.graphs is None:
            return False
        self.graphs.clear()
        self.device.release()
        return True

    def _ease(self, what: str) -> None:
        for lease in self.leases:
            lease.recover()
        if self.clear() or any(lease.retreat() for lease in self.leases):
            return
        free = self.free() / ram.GIGABYTE
        raise OutOfMemory(f"{self.device.name} has no room for {what}: {free:.1f} GB are free.", CURE)
