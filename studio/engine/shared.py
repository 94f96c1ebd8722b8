"""What stands in a pipeline for a network that pictures share: it asks the batcher instead of computing.

A pipeline sees the network's own config, device and numbers; only where it would compute does somebody else.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from studio.engine.batcher import Batcher
from studio.engine.decode import in_numbers, in_tiles
from studio.engine.pools import Participant
from studio.engine.row_loras import LayerLoras
from studio.engine.side_stream import SideStream
from studio.engine.step import Call
from studio.speedups.deep_cache import Deep

T = TypeVar("T")


class StandIn(torch.nn.Module):
    """A module that is asked about itself as `shared` would be."""

    def __init__(self, shared: Any) -> None:
        super().__init__()
        self.shared = shared

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("shared"), name)

    def to(self, *args: Any, **kwargs: Any) -> "StandIn":
        """Stays where and as it is: others use it."""
        del args, kwargs
        return self


class SharedUNet(StandIn):
    """A UNet whose forwards are rows of a step; `loras` and `deep` are those of this picture."""

    # What its deep blocks said last, where they are not asked in each step.
    deep: Deep | None = None

    def __init__(self, shared: Any, batcher: Batcher, participant: Participant) -> None:
        super().__init__(shared)
        self._batcher = batcher
        self._request = participant
        self.loras: LayerLoras = {}

    def forward(self, sample: torch.Tensor, timestep: Any, **given: Any) -> Any:
        """The answer of the shared UNet to these rows."""
        deep = self.deep
        repeats = deep is not None and deep.repeats(len(sample))
        call = Call(self.shared, sample, timestep, given, self.loras, deep, repeats)
        return self._batcher.ask(self._request, call)

    @contextmanager
    def with_loras(self, loras: LayerLoras) -> Iterator[None]:
        """While this lasts, its rows have these LoRAs."""
        self.loras = loras
        try:
            yield
        finally:
            self.loras = {}


class SharedNetwork(StandIn):
    """A network beside the UNet, such as a ControlNet, that works for one picture at a time between two steps."""

    def __init__(self, shared: Any, run: Callable[[Callable[[], Any]], Any]) -> None:
        super().__init__(shared)
        self._run = run

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The shared network's own answer."""
        return self._run(lambda: self.shared(*args, **kwargs))


class SharedVae(StandIn):
    """A VAE that encodes beside the steps, or between two of them.

    Pipelines turn some VAEs to float32 to encode, and back: here that is done for the moment of the encoding only. Its
    own numbers are its `dtype`, whatever another picture has turned it to meanwhile.
    """

    def __init__(self, shared: Any, run: Callable[[Callable[[Any], Any], Any], Any], dtype: torch.dtype) -> None:
        super().__init__(shared)
        self._run = run
        self._tile: int | None = None
        self._dtype = dtype

    @property
    def dtype(self) -> torch.dtype:
        """The numbers that the pipeline has turned it to."""
        return self._dtype

    @contextmanager
    def reading_in(self, tile: int | None) -> Iterator[None]:
        """While this lasts, pictures larger than `tile` pixels are read in tiles."""
        self._tile = tile
        try:
            yield
        finally:
            self._tile = None

    def to(self, *args: Any, **kwargs: Any) -> "SharedVae":
        """Encode in these numbers from now on; it stays where it is."""
        self._dtype = kwargs.get("dtype") or next((arg for arg in args if isinstance(arg, torch.dtype)), self._dtype)
        return self

    def encode(self, pixels: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        """The shared VAE's own answer."""

        def work(pixels: torch.Tensor) -> Any:
            with in_numbers(self.shared, self.dtype), in_tiles(self.shared, self._tile):
                return self.shared.encode(pixels, *args, **kwargs)

        return self._run(work, pixels)


def own(part: Any) -> Any:
    """The module itself, where something stands in for it."""
    return part.shared if isinstance(part, StandIn) else part


@dataclass(frozen=True, eq=False)
class Seat:
    """A part in the steps of a batcher, for one borrower of a model; on a card there is a `side` stream beside them."""

    batcher: Batcher
    participant: Participant
    side: SideStream | None = None

    def unet(self, unet: Any) -> SharedUNet:
        """What stands in for the UNet."""
        return SharedUNet(unet, self.batcher, self.participant)

    def vae(self, vae: Any, dtype: torch.dtype) -> SharedVae:
        """What stands in for a VAE of these numbers."""
        return SharedVae(vae, self.beside_steps, dtype)

    def beside(self, network: Any) -> SharedNetwork:
        """What stands in for a network beside the UNet."""
        return SharedNetwork(network, self.aside)

    def aside(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises, done between two steps."""
        return self.batcher.run(work, self.participant)

    def beside_steps(self, work: Callable[[torch.Tensor], T], given: torch.Tensor) -> T:
        """What `work` makes of a tensor: while steps go on where there is a stream for that, else between two."""
        if self.side is None:
            return self.aside(lambda: work(given))
        return self.side.taken(self.batcher.outcome(self.side.submit(work, given)))
