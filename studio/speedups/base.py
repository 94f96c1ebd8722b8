"""The contract of a speed-up: what it costs, which recipes it is for, and what it does to a call of a pipeline."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar

from studio.errors import InvalidRecipe
from studio.families.base import Family
from studio.recipe import Recipe


class Speedup(ABC):
    """One speed-up; the name of its file is what it is called by, and a recipe names it so: `deep_cache=3`.

    `cost` is what it takes from the picture, in a sentence; `gain` what it brings. `offered` are the values that the
    page offers, each with its words; "" is that of one without any. `shares_steps`: pictures with it are made in the
    same steps as others, so that it is for each by itself; else they are made one at a time.
    """

    label: str
    cost: str
    gain: str
    offered: ClassVar[Mapping[str, str]]
    shares_steps: bool = False

    def read(self, value: str) -> Any:
        """What a value says; InvalidRecipe where it is none."""
        if value:
            raise self.refused(value, "It takes none.")
        return None

    def refused(self, value: str, cure: str) -> InvalidRecipe:
        """What is said of what is no value of it."""
        return InvalidRecipe("speedups", f"“{value}” is not a value of {self.label}.", cure)

    @abstractmethod
    def why_not(self, family: Family, recipe: Recipe) -> str:
        """Why a resolved recipe of this family cannot have it, as a sentence; empty where it can."""

    @abstractmethod
    def applied(self, pipe: Any, value: Any, rows: int) -> AbstractContextManager[None]:
        """While this lasts, the pipeline's one call, for so many pictures, has it.

        Raises InvalidRecipe where the loaded pipeline, or what is installed, cannot do it.
        """


def no_unet(family: Family) -> str:
    """Why what is for UNets is not for this family."""
    return "" if family.process != "flow" else f"{family.name} has no UNet."


def no_transformer(family: Family) -> str:
    """Why what is for transformers is not for this family."""
    return "" if family.process == "flow" else f"{family.name} has a UNet, and no transformer."


@contextmanager
def replaced(network: Any, forward: Callable[..., Any]) -> Iterator[None]:
    """While this lasts, the network's forward is `forward`, which is given the one before as its first argument.

    Hooks see the whole call. Offloading keeps a forward of its own on a module, which is there again afterwards.
    """
    before = network.__dict__.get("forward")
    original = network.forward
    network.forward = lambda *given, **named: forward(original, *given, **named)
    try:
        yield
    finally:
        if before is None:
            del network.forward
        else:
            network.forward = before
