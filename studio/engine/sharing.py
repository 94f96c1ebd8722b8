"""Which pictures share the steps of a model on this device, and how the rest of the device's work goes between them."""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from typing import TypeVar

import torch

from studio.backends.base import Turn
from studio.engine.batcher import Batcher
from studio.engine.device import Device
from studio.engine.graphs import CudaGraphs
from studio.engine.numerics import Trail, wanted_numerics
from studio.engine.pools import Participant
from studio.engine.profile import Profiles
from studio.engine.shared import Seat
from studio.engine.side_stream import SideStream
from studio.engine.step import Runner, eager
from studio.engine.threads import crowding
from studio.recipe import PaintedRecipe
from studio.settings import Settings

T = TypeVar("T")
# How networks do on this machine by the rows of a forward; it may be deleted, and is measured anew.
PROFILES = "profiles.json"


class Sharing:
    """Gives each picture its seat in the steps. The thread of the steps starts with the first who needs it.

    Where one call is made at a time (`side_by_side` is 1), it does all of its work in its own thread, and only what has
    to be the same to the byte, or is raced, goes through the steps.
    """

    def __init__(self, settings: Settings, device: Device, graphs: CudaGraphs | None = None) -> None:
        """Steps are CUDA `graphs` where there are any."""
        self._settings = settings
        self._several = settings.side_by_side > 1
        where = f"{device.name}; {torch.get_num_threads()} threads; torch {torch.__version__}"
        where += "; CUDA graphs" if graphs else ""
        others = crowding() if device.kind == "cpu" else lambda: 0.0
        runner: Callable[[], Runner] = (lambda: CudaGraphs(often=1)) if graphs else lambda: eager
        profiles = Profiles(settings.home / PROFILES, where, others, lambda: self._steps.unwanted, runner)

        def release() -> None:
            if graphs:
                graphs.clear()
            device.release()

        # A second thread that computes is none of a processor's business (`batcher.py`).
        self._side = SideStream(device.torch_device) if self._several and device.kind == "cuda" else None
        self._steps = Batcher(profiles.of, release=release, exact_where_cheap=device.kind != "cpu", run=graphs or eager)

    def participant(self, recipe: PaintedRecipe, turn: Turn) -> Participant | None:
        """Who asks for the steps of this recipe's picture; None where nothing is to be had from sharing them."""
        wanted = wanted_numerics(recipe, self._settings)
        if not self._several and wanted != "exact" and recipe.buckets is None:
            return None
        return Participant(turn, wanted, Trail.read(recipe.buckets).buckets if recipe.buckets else ())

    def seat(self, participant: Participant, until: ExitStack) -> Seat:
        """The participant's seat, until the stack ends."""
        if self._several:
            self._steps.start()
        return Seat(self._steps, until.enter_context(self._steps.joined(participant)), self._side)

    def racer(self, recipe: PaintedRecipe, turn: Turn) -> Participant:
        """Who asks for the steps of this recipe's picture in a race, which goes through them everywhere."""
        return self.participant(recipe, turn) or Participant(turn, wanted_numerics(recipe, self._settings))

    def submit(self, work: Callable[[], T]) -> "Future[T]":
        """Have this done where the steps are; it is waited for by `outcome`."""
        if self._several:
            self._steps.start()
        return self._steps.submit(work)

    def outcome(self, done: "Future[T]") -> T:
        """What comes of work that was submitted, or of what a part of it waits for while the others go on."""
        return self._steps.outcome(done)

    def aside(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises, done between two steps."""
        if not self._several:
            return work()
        self._steps.start()
        return self._steps.run(work)

    def close(self) -> None:
        """Make no more steps."""
        self._steps.close()
        if self._side:
            self._side.close()
