"""Several devices of this machine, each with an engine in a process of its own."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from typing import Self, TypeVar

from PIL.Image import Image

from studio.backends.base import NOBODYS, Backend, MemoryUse, Rendered, Report, Turn, Wanted, always
from studio.backends.process import ProcessBackend
from studio.catalogue.models import Catalogue
from studio.errors import InUse, InvalidSetting
from studio.hub import Say, silent
from studio.inputs import Input
from studio.metrics.base import Sample, Score
from studio.openpose import Person
from studio.recipe import ControlUnit, ResolvedRecipe
from studio.settings import Settings

T = TypeVar("T")
# What says which cards of a kind a process sees.
VISIBLE = {"cuda": "CUDA_VISIBLE_DEVICES", "xpu": "ZE_AFFINITY_MASK"}


class Devices(Backend):
    """The engines of several devices by their names: each makes pictures by itself, and models lie on each.

    Whatever is no picture is done by the first one.
    """

    races = True

    @classmethod
    def of(cls, settings: Settings, catalogue: Catalogue, python: Sequence[str] = (sys.executable,)) -> Self:
        """Those that the settings name; InvalidSetting where one is named twice or cannot be seen."""
        names = settings.devices
        backends = {
            # One processor may be named several times.
            f"{name} {number}" if names.count(name) > 1 else name: _engine(name, settings, catalogue, python)
            for number, name in enumerate(_checked(names), start=1)
        }
        return cls(backends)

    def __init__(self, backends: Mapping[str, Backend]) -> None:
        self._backends = backends
        self._first = next(iter(backends.values()))
        self.side_by_side = self._first.side_by_side

    @property
    def devices(self) -> Sequence[Backend]:
        return tuple(self._backends.values())

    def alone(self, recipe: ResolvedRecipe) -> bool:
        return self._first.alone(recipe)

    def generate(
        self, recipes: Sequence[ResolvedRecipe], report: Report, wanted: Wanted = always, turn: Turn = NOBODYS
    ) -> Iterator[Rendered]:
        return self._first.generate(recipes, report, wanted, turn)

    def warm(self, model: str) -> None:
        self._each(lambda one: one.warm(model))

    def control_map(self, unit: ControlUnit, model: str, say: Say = silent) -> Input:
        return self._first.control_map(unit, model, say)

    def people(self, unit: ControlUnit, model: str, say: Say = silent) -> list[Person]:
        return self._first.people(unit, model, say)

    def measure(self, metric: str, samples: Sequence[Sample], *, starter: bool) -> list[Score]:
        return self._first.measure(metric, samples, starter=starter)

    def classify(self, image: Image) -> Mapping[str, float]:
        return self._first.classify(image)

    def unload(self, model: str) -> bool:
        return all(self._each(lambda one: one.unload(model)))

    def memory_use(self) -> MemoryUse | None:
        """That of the device with most room, with what is loaded on any of them."""
        uses = {name: use for name, one in self._backends.items() if (use := one.memory_use())}
        if not uses:
            return None
        held = [replace(one, name=f"{one.name} on {name}") for name, use in uses.items() for one in use.held]
        return replace(max(uses.values(), key=lambda use: use.device_free), held=tuple(held))

    def free_memory(self) -> int:
        """As much as can be: InUse where all of them are at work."""
        freed, refused = 0, 0
        for one in self.devices:
            try:
                freed += one.free_memory()
            except InUse:
                refused += 1
        if refused == len(self.devices):
            raise InUse("Every device is making a picture.", "Free memory when one is done, or stop it first.")
        return freed

    def describe(self) -> str:
        return " · ".join(f"{name}: {one.describe()}" for name, one in self._backends.items())

    def close(self) -> None:
        self._each(lambda one: one.close())

    def _each(self, do: Callable[[Backend], T]) -> list[T]:
        """What each device says to this, all asked at a time."""
        with ThreadPoolExecutor(len(self._backends)) as threads:
            return [one.result() for one in [threads.submit(copy_context().run, do, one) for one in self.devices]]


def _engine(name: str, settings: Settings, catalogue: Catalogue, python: Sequence[str]) -> ProcessBackend:
    kind, _, number = name.partition(":")
    own = settings.model_copy(update={"device": kind, "devices": ()})
    variables = {VISIBLE[kind]: _seen(name, os.environ.get(VISIBLE[kind], ""))} if number else {}
    return ProcessBackend(own, catalogue, variables=variables, python=python)


def _checked(names: Sequence[str]) -> Sequence[str]:
    """The names; InvalidSetting where a card is named twice, or beside it what sees all of them."""
    twice = next((name for name in names if ":" in name and names.count(name) > 1), None)
    if twice:
        raise InvalidSetting(f"{twice} is named twice.", "Name each card once.", field="devices")
    return names


def _seen(name: str, visible: str) -> str:
    """What a process is told that sees this card alone, of those that this one sees; InvalidSetting."""
    number = int(name.partition(":")[2])
    cards = [card.strip() for card in visible.split(",") if card.strip()]
    if not cards:
        return str(number)
    if number >= len(cards):
        raise InvalidSetting(
            f"{name} is not there: the environment shows {len(cards)} of the machine's cards.",
            "Name others, counted from 0, or show more of them.",
            field="devices",
        )
    return cards[number]
